"""Sources read block by block, as often as is asked: tables from their files, pictures from theirs, all else from memory.

A block is a `Raw` of some thousand rows. What the whole of a column decides (numbers or text, which order of dates) is found
out by a first look at all of it (data/facts.py), so that a block holds what reading everything at once gives of its rows.
"""

from __future__ import annotations

import codecs
import gzip
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from mapsto.core.errors import BadInput, DataError
from mapsto.core.faults import Faults
from mapsto.core.nouns import Finding, Raw
from mapsto.core.text import clean
from mapsto.data import facts, grid
from mapsto.data.album import Limits, album, names_only
from mapsto.data.facts import Facts, findings_of
from mapsto.data.files import kind_of, opened
from mapsto.data.folder import Folder
from mapsto.data.frames import told_apart
from mapsto.data.grid import LONGEST_LINE, SEPARATORS, refuse_columns, separator_of
from mapsto.data.header import header
from mapsto.data.json_lines import _flat, _object
from mapsto.data.pictures import SUFFIXES
from mapsto.data.read import read

TEXT_AT_ONCE = 4 << 20  # bytes of a text table
CELLS_AT_ONCE = 1 << 20
ROWS_AT_ONCE = 1 << 16
PICTURES_AT_ONCE = 256
TEXTS, LINES = (".csv", ".tsv", ".txt"), (".jsonl", ".ndjson")


@dataclass
class Part:
    """Some rows as they come, before anything is known of their columns; `lines` [N] number them for a person."""

    columns: dict[str, Any]
    lines: np.ndarray
    labels: np.ndarray | None = None
    split: np.ndarray | None = None
    noticed: list[Finding] = field(default_factory=list)


@dataclass
class Stream:
    """A source that can be read again and again. word: what its rows are numbered by: "line", "row"."""

    name: str
    parts: Callable[[], Iterator[Part]]
    fresh: Callable[[str], Facts]  # of a column
    word: str = "row"
    target: str | None = None
    kinds: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    formats: dict[str, str] = field(default_factory=dict)
    stamp: Callable[[], Any] = lambda: None  # changes when the source does
    facts: dict[str, Facts] = field(default_factory=dict)
    rows: int = 0
    unread: list[str] = field(default_factory=list)  # pictures that could not be, in the last pass

    def look(self, seen: Callable[[Part], None] = lambda part: None) -> None:
        """The first look at everything, which settles the columns; `seen` is shown every part."""
        self.stamped = self.stamp()
        noticed: dict[str, Finding] = {}
        for part in self.parts():
            seen(part)
            for name, values in part.columns.items():
                if name not in self.facts:
                    refuse_columns(len(self.facts) + 1, self.name)
                    self.facts[name] = self.fresh(name)
                    if self.rows:  # its cells so far were absent
                        self.facts[name].look([None], part.lines[:1])
                self.facts[name].look(values, part.lines)
            for name in self.facts.keys() - part.columns.keys():
                self.facts[name].look([None], part.lines[:1])
            self.rows += len(part.lines)
            for found in part.noticed:
                before = noticed.get(found.code, replace(found, count=0))
                noticed[found.code] = replace(before, count=before.count + found.count)
        if not self.rows:
            raise DataError(f"{clean(self.name)} has no rows.", "Expected at least one.", "D107")
        found, formats = findings_of(self.facts, self.name)
        told = [_said(finding) for finding in noticed.values()]
        self.findings, self.formats = [*self.findings, *told, *found], {**self.formats, **formats}

    def blocks(self) -> Iterator[tuple[Raw, np.ndarray]]:
        """The rows in their order, as blocks with the number of each row; once it has been looked at."""
        done = 0
        for part in self.parts():
            count = len(part.lines)
            columns = {n: f.read(part.columns.get(n, [None] * count)) for n, f in self.facts.items()}
            words = {n: said for n, f in self.facts.items() if n in part.columns and (said := f.words(part.columns[n]))}
            raw = Raw(self.name, columns, self.target, part.split, part.labels, self.kinds, [], self.formats, words)
            done += count
            yield raw, part.lines
        if done != self.rows or self.stamp() != self.stamped:
            raise DataError(
                f"{clean(self.name)} was changed while it was read: {self.rows:,} rows at first, then {done:,}.",
                "Let nobody write to it meanwhile, and begin again.",
                "D250",
            )


def stream(where: Any, **reading: Any) -> Stream:
    """Arguments as of `data.read.read`. Tables and folders or zips of pictures are read block by block; anything else, and
    standard input, is read whole and handed on in blocks."""
    path = Path(os.path.expanduser(where)) if isinstance(where, str | Path) else None
    if path is not None and path.is_file() and kind_of(path.name):
        if kind_of(path.name) == ".parquet" and not path.name.lower().endswith(".gz"):
            return _parquet(path)
        if kind_of(path.name) in LINES:
            return _json_lines(path, reading.get("encoding"))
        if kind_of(path.name) in TEXTS:
            return _delimited(path, reading)
    if path is not None and (path.is_dir() or path.suffix.lower() == ".zip") and Folder().accepts(path):
        made = _pictures(path, reading)
        if made is not None:
            return made
    return _whole(read(where, **reading))


def _said(finding: Finding) -> Finding:
    """Of several blocks together: without the lines, which were counted from each block's beginning."""
    if finding.code == "D013":
        return replace(finding, message=f"blanks around the values of {finding.count} cells were removed")
    return replace(finding, examples=())


def _whole(raw: Raw) -> Stream:
    if raw.relation is not None:
        raise BadInput(
            f"{clean(raw.name)} is a graph, and shards keep rows apart: who is joined would be lost.",
            "Train from the graph itself; a step need see no more than a sample: --set algorithm.experience=neighbours",
            "F004",
        )
    wide = sum(int(np.prod(values.shape[1:])) for values in raw.columns.values())
    step = max(1, min(ROWS_AT_ONCE, CELLS_AT_ONCE // max(1, wide)))

    def parts() -> Iterator[Part]:
        for a in range(0, len(raw), step):
            here = slice(a, a + step)
            columns = {name: values[here] for name, values in raw.columns.items()}
            labels, split = (None if v is None else v[here] for v in (raw.labels, raw.split))
            yield Part(columns, np.arange(a, min(a + step, len(raw))) + 1, labels, split)

    return Stream(raw.name, parts, lambda name: facts.Whole(), "row", raw.target, raw.kinds, raw.findings, raw.formats)


def _stamp(path: Path) -> Callable[[], Any]:
    def now() -> Any:
        about = path.stat()
        return about.st_size, about.st_mtime_ns

    return now


# ── Parquet ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _parquet(path: Path) -> Stream:
    findings: list[Finding] = []
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            refuse_columns(file.metadata.num_columns, path.name)
            names = told_apart(file.schema_arrow.names, path.name, findings)
            step = max(1, min(ROWS_AT_ONCE, CELLS_AT_ONCE // max(1, _width(file.schema_arrow))))
            dropped = [n for n, kind in zip(names, file.schema_arrow.types, strict=True) if _is_bytes(kind)]
    except (pa.ArrowException, OSError) as error:
        raise _no_parquet(path, error) from error
    Faults(findings).refuse()
    if dropped:
        message = "columns hold raw bytes and were left out"
        findings.append(Finding("D024", "warning", message, len(dropped), tuple(dropped[:5])))

    def parts() -> Iterator[Part]:
        done = 0
        try:
            with pyarrow.parquet.ParquetFile(path, pre_buffer=False) as file:
                for batch in file.iter_batches(step, use_threads=False):
                    table = pa.Table.from_batches([batch]).rename_columns(names)
                    while any(pa.types.is_struct(kind) for kind in table.schema.types):
                        table = table.flatten()
                    columns = {
                        n: c for n, c in zip(table.column_names, table.columns, strict=True) if not _is_bytes(c.type)
                    }
                    yield Part(columns, np.arange(done, done + len(batch)) + 1)
                    done += len(batch)
        except (pa.ArrowException, OSError) as error:
            raise _no_parquet(path, error) from error

    return Stream(path.name, parts, lambda name: facts.Arrow(), "row", findings=findings, stamp=_stamp(path))


def _width(schema: pa.Schema) -> int:
    return sum(kind.list_size if pa.types.is_fixed_size_list(kind) else 1 for kind in schema.types)


def _is_bytes(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _no_parquet(path: Path, error: Exception) -> DataError:
    return DataError(f"{path.name} cannot be read as Parquet: {error}.", "Write it again, or export CSV.", "D124")


# ── text ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _pieces(path: Path, encoding: str | None, quoted: bool) -> Iterator[tuple[str, int]]:
    """The text of a file in pieces that end with a row, and the number of the line each begins on, from 1.

    quoted: a line break within quotes ends no row.
    """
    used = encoding or "utf-8-sig"
    decoder = codecs.getincrementaldecoder(used)("strict")
    line, rest = 1, ""
    try:
        with gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb") as file:
            while True:
                data = file.read(TEXT_AT_ONCE)
                rest += decoder.decode(data, final=not data)
                if "\0" in rest:
                    message = f"{path.name} has a NUL byte in line {line + rest[: rest.index(chr(0))].count(chr(10))}."
                    raise DataError(message, "If it is UTF-16, say --encoding utf-16; else mend that line.", "D117")
                end = len(rest) if not data else _row_end(rest, quoted)
                if end:
                    yield rest[:end], line
                    line += _lines(rest[:end])
                    rest = rest[end:]
                elif len(rest) > LONGEST_LINE:
                    message = f"{path.name}: from line {line} on, no row ends within {LONGEST_LINE >> 20} MiB."
                    remedy = 'Perhaps a quote is never closed; inside a quoted cell write "" for a quote.'
                    raise DataError(message, remedy, "D116")
                if not data:
                    return
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path.name} is not {encoding or 'UTF-8'}, from line {line} on ({error.reason}).",
            "Name its encoding: --encoding cp1252, say; a large file is not searched for it.",
            "D112",
        ) from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path.name} is damaged gzip data: {error}.", "Copy it again.", "D123") from error


def _row_end(text: str, quoted: bool) -> int:
    """Behind the last line break at which a row ends; 0 where there is none."""
    mark = "\n" if "\n" in text else "\r"
    end = text.rfind(mark)
    if not quoted or '"' not in text:
        return end + 1
    quotes = text.count('"', 0, max(end, 0))
    while end >= 0 and quotes % 2:  # within quotes
        before = text.rfind(mark, 0, end)
        quotes -= text.count('"', max(before, 0), end)
        end = before
    return end + 1


def _lines(text: str) -> int:
    return text.count("\n") or text.count("\r")


def _delimited(path: Path, reading: dict[str, Any]) -> Stream:
    encoding, wanted, asked = (reading.get(k) for k in ("encoding", "separator", "columns"))
    findings = Faults()
    name = path.name
    head, _ = next(_pieces(path, encoding, True), ("", 1))
    if not head.strip():
        raise DataError(f"{name} is empty: 0 rows, no header.", "Expected a header line and rows under it.", "D106")
    if wanted is None:
        separator = separator_of(head, name, prose=kind_of(name) == ".txt")
        said = SEPARATORS.get(separator, "none: one column")
        findings.append(Finding("D011", "note", f"the separator of {name} is taken to be: {said}", 1))
    else:
        separator = {"\\t": "\t", "tab": "\t"}.get(wanted, wanted)
        if len(separator) != 1 or separator in '"\r\n\0':
            raise DataError(f"--separator must be one character, not {wanted!r}.", "Usual: , ; | tab", "F003")
    plain = grid._quotes_are_characters(head, separator)
    first = grid.grid_of(head, separator, name, len(asked) if asked else None, findings)
    cells = [column[0].as_py().strip() for column in first.columns]
    repeated = bool(asked) and [c.lower() for c in cells] == [c.strip().lower() for c in asked]
    names = (
        told_apart([c.strip() for c in asked], "--columns", findings) if asked else header(cells, first, name, findings)
    )
    findings.refuse()
    kept = [f for f in findings if f.code not in ("D013", "D025")]  # these are counted block by block
    width = len(cells)

    def parts() -> Iterator[Part]:
        skip = not asked or repeated
        for text, line in _pieces(path, encoding, quoted=not plain):
            if not text.strip():
                continue
            noticed = Faults()
            rows = grid.grid_of(text, separator, name, width, noticed, plain)
            noticed.refuse()
            told = [f for f in noticed if f.code in ("D013", "D025")]
            if skip:
                rows, skip = rows.without_first(), False
            if len(rows.columns) > len(names) and not pc.all(pc.equal(rows.columns[-1], "")).as_py():
                at = line + int(rows.lines[np.argmax(rows.columns[-1].to_numpy() != "")]) - 1
                message = f"{name}: line {at} has a value behind the last separator, where other lines have none."
                raise DataError(message, "Name that column in the header.", "D115")
            if len(rows.lines):
                yield Part(dict(zip(names, rows.columns, strict=False)), rows.lines + line - 1, noticed=told)

    return Stream(name, parts, lambda column: facts.Text(column, separator), "line", findings=kept, stamp=_stamp(path))


def _json_lines(path: Path, encoding: str | None) -> Stream:
    def parts() -> Iterator[Part]:
        for text, first in _pieces(path, encoding, quoted=False):
            columns: dict[str, list] = {}
            lines: list[int] = []
            for number, line in enumerate(text.split("\n"), first):
                if not line.strip():
                    continue
                for key, value in _flat(_object(line, number, path.name), set()).items():
                    values = columns.setdefault(key, [])
                    values += [None] * (len(lines) - len(values))
                    values.append(value)
                lines.append(number)
            for values in columns.values():
                values += [None] * (len(lines) - len(values))
            if lines:
                yield Part(columns, np.array(lines))

    return Stream(path.name, parts, facts.Values, "line", stamp=_stamp(path))


# ── pictures ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _pictures(path: Path, reading: dict[str, Any]) -> Stream | None:
    """Pictures by folders or with a table of labels, decoded when they are asked for; None where there are none."""
    share = reading.get("unreadable")
    known = {k: reading[k] for k in ("columns", "encoding", "separator", "unreadable") if reading.get(k) is not None}
    with opened(path, known.get("encoding")) as files:
        if not any(n.lower().endswith(SUFFIXES) for n in files.names):
            return None
        listed = Folder(**known)._read(files, path.name or str(path), look=names_only)
    column = next(name for name, kind in listed.kinds.items() if kind == "image")
    unread: list[str] = []

    def parts() -> Iterator[Part]:
        unread.clear()
        with opened(path, known.get("encoding")) as files:
            for a in range(0, len(listed), PICTURES_AT_ONCE):
                here = slice(a, a + PICTURES_AT_ONCE)
                names = listed.columns[column][here].tolist()
                found = album(files, names, Limits(unreadable=1.0, memory=1 << 62))
                unread.extend(found.left_out)
                if not len(found.kept):
                    continue
                columns = {n: v[here][found.kept] for n, v in listed.columns.items() if n != column}
                labels, split = (None if v is None else v[here][found.kept] for v in (listed.labels, listed.split))
                yield Part({column: found.pixels, **columns}, a + found.kept + 1, labels, split)
        allowed = int(max(0.01 * len(listed), min(5, len(listed) / 5)) if share is None else share * len(listed))
        if len(unread) > allowed:
            raise DataError(
                f"{len(unread)} of {len(listed)} pictures cannot be read, more than the {allowed} that may be left out: "
                f"{unread[0]}.",
                "Remove or replace them, or allow a larger share: --unreadable 0.5",
                "D204",
            )

    made = Stream(path.name, parts, lambda name: facts.Whole(), "picture", listed.target, listed.kinds, listed.findings)
    made.formats, made.unread = listed.formats, unread
    return made
