"""Tables: CSV, TSV and their kin, JSON lines, Parquet; each also gzipped, the text ones also from standard input.

Every cell of a text table is read as text first; then each column as a whole becomes whole numbers, numbers, bool,
dates or stays text. What was guessed (encoding, separator, missing markers) is said in a finding; what cannot be
guessed for sure (a header that looks like data, lines of unequal length) is an error with its place.
"""

from __future__ import annotations

import gzip
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from mapsto.core.errors import BadInput, DataError
from mapsto.core.faults import Faults
from mapsto.core.nouns import Finding, Raw, Source
from mapsto.core.text import few, many
from mapsto.data.arrow import typed_columns
from mapsto.data.cells import DECIMALS, ORDERS, Notes, typed
from mapsto.data.decode import text_of
from mapsto.data.files import kind_of
from mapsto.data.frames import objects, told_apart
from mapsto.data.grid import LONGEST_LINE, SEPARATORS, grid_of, line_labels, refuse_columns, separator_of
from mapsto.data.header import header
from mapsto.data.json_lines import json_lines

LARGEST = 4 << 30  # bytes of text, unpacked
MOST_EMPTY = 1 << 20  # times that three line ends follow one another
PACKED, LOOSE = 100, 64 << 20  # gzipped text unpacks to at most so many times its size, or so many bytes
PACKED_CELLS, LOOSE_CELLS = 20, 10_000_000  # and Parquet to so many cells a byte, or so many cells


@dataclass
class Table(Source):
    """A file of rows and columns.

    columns: the column names, for a file without a header; encoding: of a text file; separator: between its cells.
    None means: found out, and said in a finding. formats: column → one of DECIMALS or ORDERS, as in `Raw.formats`: these
    columns are read so, whatever else their cells could mean; a cell that is not written so is a DataError.
    """

    columns: list[str] | None = None
    encoding: str | None = None
    separator: str | None = None
    formats: dict[str, str] | None = None

    def accepts(self, where: Any) -> bool:
        return str(where) == "-" or (isinstance(where, str | Path) and kind_of(str(where)) is not None)

    def read(self, where: str | Path) -> Raw:
        if str(where) == "-":
            return self.parse(_bounded(sys.stdin.buffer, "standard input", lines=True), "standard input")
        path = Path(where)
        with path.open("rb") as file:
            return self.parse(unpacked(file, path.name), path.name)

    def parse(self, data: bytes, name: str) -> Raw:
        """The table in `data`, which has been unpacked already; `name` tells its kind and is used in messages."""
        kind = kind_of(name)
        if kind == ".parquet" or data.startswith(b"PAR1"):
            return self._parquet(data, name)
        for start, what in NOT_TEXT.items():
            if data.startswith(start):
                raise DataError(
                    f"{name} is {what}, not a text table.", "Export it as CSV (UTF-8) and name that file.", "D118"
                )
        if not data.strip():
            raise DataError(f"{name} is empty: 0 rows, no header.", "Expected a header line and rows under it.", "D106")
        text, used = text_of(data, self.encoding, name)
        if not text.strip():
            raise DataError(f"{name} is empty: 0 rows, no header.", "Expected a header line and rows under it.", "D106")
        if "\0" in text:
            line = text.count("\n", 0, text.index("\0")) + 1
            raise DataError(
                f"{name} has a NUL byte in line {line}: it is damaged or not a text table.",
                "Mend that line; if the file is UTF-16, say --encoding utf-16.",
                "D117",
            )
        findings = []
        if used.lower().replace("_", "-") not in ("utf-8", "utf8"):
            message = f"{name} was read as {used}" + (" (as asked)" if self.encoding else ", not as UTF-8")
            findings.append(Finding("D010", "note", message, 1))
        is_json = kind in (".jsonl", ".ndjson") or (kind is None and text.lstrip().startswith("{"))
        raw = json_lines(text, name) if is_json else self._delimited(text, name)
        raw.findings[:0] = findings
        return raw

    def _parquet(self, data: bytes, name: str) -> Raw:
        try:
            file = pyarrow.parquet.ParquetFile(pa.BufferReader(data))
            refuse_columns(file.metadata.num_columns, name)
            if (cells := file.metadata.num_rows * file.metadata.num_columns) > max(
                LOOSE_CELLS, PACKED_CELLS * len(data)
            ):
                message = f"{name} unpacks {len(data):,} bytes to {cells:,} cells."
                raise DataError(message, "Split it, or keep a sample of its rows.", "D121")
            table = file.read()
        except (pa.ArrowException, OSError) as error:
            message = f"{name} cannot be read as Parquet: {error}."
            raise DataError(message, "Write it again, or export CSV.", "D124") from error
        findings: list[Finding] = []
        names = told_apart(table.column_names, name, findings)
        columns, noticed = typed_columns({n: table.column(i) for i, n in enumerate(names)})
        if not table.num_rows or not columns:
            what = "rows" if columns else "columns"
            raise DataError(f"{name} has no {what}.", "Expected at least one of each.", "D107")
        labels = line_labels(np.arange(1, table.num_rows + 1), "row")
        return Raw(name, columns, labels=labels, findings=findings + noticed)

    def _delimited(self, text: str, name: str) -> Raw:
        findings = Faults()
        if self.separator is None:
            separator = separator_of(text, name, prose=kind_of(name) == ".txt")
            said = SEPARATORS.get(separator, "none: one column")
            findings.append(Finding("D011", "note", f"the separator of {name} is taken to be: {said}", 1))
        else:
            separator = {"\\t": "\t", "tab": "\t"}.get(self.separator, self.separator)
            if len(separator) != 1 or separator in '"\r\n\0':
                message = f"--separator must be one character, not {self.separator!r}."
                raise DataError(message, "Usual: , ; | tab", "F003")
        grid = grid_of(text, separator, name, len(self.columns) if self.columns else None, findings)
        first = [cells[0].as_py().strip() for cells in grid.columns]
        if not self.columns:
            names = header(first, grid, name, findings)
        else:
            names = told_apart([column.strip() for column in self.columns], "--columns", findings)
            if len(names) != len(first):
                raise DataError(
                    f"{name} has {many(len(first), 'column')}, but --columns names {len(names)}: {few(names, 8)}.",
                    "Name as many as there are, or the separator: --separator.",
                    "D115",
                )
            if [c.lower() for c in first] == [n.lower() for n in names]:
                grid = grid.without_first()
                findings.append(Finding("D022", "repair", "the first line repeats --columns and was left out", 1))
        if not len(grid.lines):
            raise DataError(f"{name} has a header and no rows.", "Add rows under the header.", "D107")
        notes = Notes(name)
        columns = {}
        for column, cells in zip(names, grid.columns, strict=True):
            with findings.noting():
                columns[column] = typed(column, cells, grid.lines, separator, notes, self._format_of(column))
            if column not in columns:
                columns[column] = objects(cells.to_pylist())
        return Raw(
            name,
            columns,
            labels=line_labels(grid.lines, "line"),
            findings=findings + notes.findings(),
            formats=notes.formats,
            words=notes.words,
        )

    def _format_of(self, column: str) -> str | None:
        known = (self.formats or {}).get(column)
        if known is not None and known not in (*DECIMALS, *ORDERS):
            message = f"'{known}' is no format for the column '{column}'."
            raise BadInput(message, f"Expected {', '.join((*DECIMALS, *ORDERS))}.", "F003")
        return known


NOT_TEXT = {
    b"PK\x03\x04": "an Excel workbook or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF",
    b"SQLite format 3": "an SQLite data base",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"\x1f\x8b": "gzip data",
}


def unpacked(file: BinaryIO, name: str, lines: bool = True) -> bytes:
    """All bytes of a file, through gzip where it is gzipped. lines: an endless line, which no table has, is refused early."""
    text = lines and kind_of(name) != ".parquet"
    packed = file.read(2) == b"\x1f\x8b"
    size = file.seek(0, 2)
    file.seek(0)
    if not packed:
        return _bounded(file, name, text)
    try:
        with gzip.open(file) as stream:
            return _bounded(stream, name, text, max(LOOSE, PACKED * size))
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        message = f"{name} is damaged gzip data: {error}."
        raise DataError(message, "Copy or download it again.", "D123") from error


def _bounded(stream: BinaryIO, name: str, lines: bool, most: int = LARGEST) -> bytes:
    """Everything in `stream`, unless a line or the whole is longer than any table's."""
    parts, size, since_newline, empty, most = [], 0, 0, 0, min(most, LARGEST)
    while part := stream.read(1 << 20):
        parts.append(part)
        size += len(part)
        last = max(part.rfind(b"\n"), part.rfind(b"\r"))
        since_newline = since_newline + len(part) if last < 0 else len(part) - last
        if lines and since_newline > LONGEST_LINE:
            raise DataError(
                f"{name} has a line of more than {LONGEST_LINE >> 20} MiB: it is not a table of lines.",
                "Expected one row a line.",
                "D120",
            )
        empty += part.count(b"\n\n\n") + part.count(b"\n\r\n\r\n") + part.count(b"\r\r\r")
        if lines and empty > MOST_EMPTY:
            message = f"{name} has millions of empty lines: it is not a table of rows."
            raise DataError(message, "Expected one row a line.", "D120")
        if size > most:
            message = f"{name} holds more than {most >> 20:,} MiB" + ("." if most == LARGEST else " once unpacked.")
            raise DataError(message, "Split it, or keep a sample of its rows; unpack it if it is right.", "D121")
    return b"".join(parts)
