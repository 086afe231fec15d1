"""Tables: CSV, TSV and their kin, JSON lines, Parquet; each also gzipped, the text ones also from standard input.

Every cell of a text table is read as text first; then each column as a whole becomes whole numbers, numbers, bool,
dates or stays text. What was guessed (encoding, separator, missing markers) is said in a finding; what cannot be
guessed for sure (a header that looks like data, lines of unequal length) is an error with its place.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from mapsto.core.errors import BadInput, DataError
from mapsto.core.nouns import Finding, Raw, Source
from mapsto.data.decode import text_of
from mapsto.data.frames import EXACT, refuse_duplicates, typed_columns

SUFFIXES = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".parquet")
SEPARATORS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}
MISSING = ("", "?", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NAN", "null", "NULL")
MISSING_AMONG_NUMBERS = ("-", "--", ".", "None", "none", "NONE", "na", "Na", "Null", "*")  # in text they may be meant
DECIMALS = {"decimal-comma": "a number with a decimal comma", "decimal-point": "a number with a decimal point"}
ORDERS = {"day-first": "a date with the day before the month", "month-first": "a date with the month before the day"}
LONGEST_LINE = 16 << 20  # bytes
LARGEST = 4 << 30  # bytes of text, unpacked


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
        for start, what in _NOT_TEXT.items():
            if data.startswith(start):
                raise DataError(f"{name} is {what}, not a text table.", "Export it as CSV (UTF-8) and name that file.")
        if not data.strip():
            raise DataError(f"{name} is empty: 0 rows, no header.", "Expected a header line and rows under it.")
        text, used = text_of(data, self.encoding, name)
        if not text.strip():
            raise DataError(f"{name} is empty: 0 rows, no header.", "Expected a header line and rows under it.")
        if "\0" in text:
            line = text.count("\n", 0, text.index("\0")) + 1
            raise DataError(
                f"{name} has a NUL byte in line {line}: it is damaged or not a text table.",
                "Mend that line; if the file is UTF-16, say --encoding utf-16.",
            )
        findings = []
        if used.lower().replace("_", "-") not in ("utf-8", "utf8"):
            message = f"{name} was read as {used}" + (" (as asked)" if self.encoding else ", not as UTF-8")
            findings.append(Finding("D010", "note", message, 1))
        is_json = kind in (".jsonl", ".ndjson") or (kind is None and text.lstrip().startswith("{"))
        raw = _json_lines(text, name) if is_json else self._delimited(text, name)
        raw.findings[:0] = findings
        return raw

    def _parquet(self, data: bytes, name: str) -> Raw:
        try:
            table = pyarrow.parquet.read_table(pa.BufferReader(data))
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{name} cannot be read as Parquet: {error}.", "Write it again, or export CSV.") from error
        refuse_duplicates(table.column_names, name)
        columns, findings = typed_columns({n: table.column(i) for i, n in enumerate(table.column_names)})
        if not table.num_rows or not columns:
            raise DataError(f"{name} has no {'rows' if columns else 'columns'}.", "Expected at least one of each.")
        return Raw(name, columns, labels=_line_labels(np.arange(1, table.num_rows + 1), "row"), findings=findings)

    def _delimited(self, text: str, name: str) -> Raw:
        findings: list[Finding] = []
        if self.separator is None:
            separator = _separator_of(text, name)
            said = SEPARATORS.get(separator, "none: one column")
            findings.append(Finding("D011", "note", f"the separator of {name} is taken to be: {said}", 1))
        else:
            separator = {"\\t": "\t", "tab": "\t"}.get(self.separator, self.separator)
            if len(separator) != 1 or separator in '"\r\n':
                raise DataError(f"--separator must be one character, not {self.separator!r}.", "Usual: , ; | tab")
        grid = _grid(text, separator, name, len(self.columns) if self.columns else None, findings)
        first = [cells[0].as_py().strip() for cells in grid.columns]
        if self.columns is None:
            names = _header(first, grid, name, findings)
        else:
            names = [column.strip() for column in self.columns]
            refuse_duplicates(names, "--columns")
            if [c.lower() for c in first] == [n.lower() for n in names]:
                grid = grid.without_first()
                findings.append(Finding("D022", "repair", "the first line repeats --columns and was left out", 1))
        if not len(grid.lines):
            raise DataError(f"{name} has a header and no rows.", "Add rows under the header.")
        notes = _Notes(name)
        columns = {}
        for column, cells in zip(names, grid.columns, strict=True):
            known = self._format_of(column)
            columns[column] = _typed(column, cells, grid.lines, separator, notes, known)
        labels = _line_labels(grid.lines, "line")
        return Raw(name, columns, labels=labels, findings=findings + notes.findings(), formats=notes.formats)

    def _format_of(self, column: str) -> str | None:
        known = (self.formats or {}).get(column)
        if known is not None and known not in (*DECIMALS, *ORDERS):
            raise BadInput(
                f"'{known}' is no format for the column '{column}'.", f"Expected {', '.join((*DECIMALS, *ORDERS))}."
            )
        return known


def kind_of(name: str) -> str | None:
    """ ".csv" for "a.CSV.gz"; None for what is no table."""
    lower = name.lower().removesuffix(".gz")
    return next((suffix for suffix in SUFFIXES if lower.endswith(suffix)), None)


_NOT_TEXT = {
    b"PK\x03\x04": "an Excel workbook or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF",
    b"SQLite format 3": "an SQLite data base",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"\x1f\x8b": "gzip data",
}


# ── bytes ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def unpacked(file: BinaryIO, name: str) -> bytes:
    """All bytes of a table file, through gzip where it is gzipped; text with an endless line is refused early."""
    text = kind_of(name) != ".parquet"
    packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    if not packed:
        return _bounded(file, name, text)
    try:
        with gzip.open(file) as stream:
            return _bounded(stream, name, text)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{name} is damaged gzip data: {error}.", "Copy or download it again.") from error


def _bounded(stream: BinaryIO, name: str, lines: bool) -> bytes:
    """Everything in `stream`, unless a line or the whole is longer than any table's."""
    parts, size, since_newline = [], 0, 0
    while part := stream.read(1 << 20):
        parts.append(part)
        size += len(part)
        last = max(part.rfind(b"\n"), part.rfind(b"\r"))
        since_newline = since_newline + len(part) if last < 0 else len(part) - last
        if lines and since_newline > LONGEST_LINE:
            raise DataError(
                f"{name} has a line of more than {LONGEST_LINE >> 20} MiB: it is not a table of lines.",
                "Expected one row a line.",
            )
        if size > LARGEST:
            raise DataError(f"{name} holds more than {LARGEST >> 30} GiB.", "Split it, or keep a sample of its rows.")
    return b"".join(parts)


# ── text → a grid of cells ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class _Grid:
    columns: list[pa.ChunkedArray]  # of text, all [N]
    lines: np.ndarray  # [N] the line on which each row begins, from 1

    def without_first(self) -> _Grid:
        return _Grid([cells.slice(1) for cells in self.columns], self.lines[1:])


def _separator_of(text: str, name: str) -> str:
    """The separator that cuts most of the first lines into the same number of cells; "" for a single column."""
    sample = text[: 1 << 18]
    best, best_share, best_width = "", 0.0, 1
    for separator in SEPARATORS:
        widths = _sampled_widths(sample, separator, complete=len(sample) == len(text))
        if not widths:
            continue
        width, count = Counter(widths).most_common(1)[0]
        share = count / len(widths)
        if width > 1 and (share, width) > (best_share, best_width):
            best, best_share, best_width = separator, share, width
    if best_share >= 0.8:
        return best
    header_widths = {s: (_sampled_widths(sample, s, complete=True) or [1])[0] for s in SEPARATORS}
    likely = max(header_widths, key=lambda s: header_widths[s])
    if header_widths[likely] > 1 and best:
        return likely if best_share < 0.5 else best  # the check of widths will name the first line that differs
    if kind_of(name) == ".txt" and text.count("\n") > 1:
        raise DataError(
            f"{name} does not look like a table: no separator cuts its lines into equally many cells.",
            "If it is one, name the separator: --separator ';'. A column of texts wants a .csv or .jsonl file.",
        )
    return ""


def _sampled_widths(sample: str, separator: str, complete: bool) -> list[int]:
    widths = []
    try:
        for row in csv.reader(io.StringIO(sample, newline=""), delimiter=separator, skipinitialspace=True):
            if row:
                widths.append(len(row))
            if len(widths) > 200:
                return widths
    except csv.Error:
        pass  # a stray quote: the lines before it tell enough, and reading in earnest will name it
    return widths if complete or len(widths) < 2 else widths[:-1]  # the sample ends within its last line


def _grid(text: str, separator: str, name: str, width: int | None, findings: list[Finding]) -> _Grid:
    """All cells as text, trimmed; DataError with the line where lines differ in length or a quote stays open."""
    if not separator:
        return _single_column(text, name, findings)
    grid = _simple_grid(text, separator)
    if grid is None or (width is not None and len(grid.columns) != width):
        plain = _quotes_are_characters(text, separator)
        grid = _checked_grid(text, separator, name, width, plain)
        _note_line_breaks(grid, text, findings)
        if plain:
            findings.append(Finding("D019", "note", f"quotes in {name} are part of the text, not around cells", 1))
    trimmed, count = [], 0
    for cells in grid.columns:
        bare = pc.utf8_trim(cells, characters=" \t\u00a0\ufeff")
        count += len(cells) - (pc.sum(pc.equal(bare, cells)).as_py() or 0)
        trimmed.append(bare)
    if count:
        findings.append(Finding("D013", "repair", f"blanks around the values of {count} cells were removed", count))
    return _Grid(trimmed, grid.lines)


def _single_column(text: str, name: str, findings: list[Finding]) -> _Grid:
    """Lines as cells. Quotes around cells are taken off only where all quotes can be read so."""
    try:
        rows = list(_rows(text, "\x1f", name, plain=False))
    except DataError:
        rows = list(_rows(text, "\x1f", name, plain=True))
        findings.append(Finding("D019", "note", f"quotes in {name} are part of the text, not around cells", 1))
    kept = [(line, row[0].strip()) for line, row in rows if row and row[0].strip()]
    grid = _Grid(
        [pa.chunked_array([pa.array([cell for _, cell in kept], pa.string())])], np.array([i for i, _ in kept])
    )
    _note_line_breaks(grid, text, findings)
    return grid


def _note_line_breaks(grid: _Grid, text: str, findings: list[Finding]) -> None:
    """Line breaks within quotes are right in CSV; but a forgotten quote looks the same, so they are said."""
    if '"' not in text:
        return
    broken = np.zeros(len(grid.lines), dtype=bool)
    for cells in grid.columns:
        broken |= pc.match_substring_regex(cells, "[\r\n]").to_numpy().astype(bool)
    if broken.any():
        lines = tuple(f"line {line}" for line in grid.lines[broken][:5])
        message = "rows go over several lines, by line breaks within quotes"
        findings.append(Finding("D025", "note", message, int(broken.sum()), lines))


def _simple_grid(text: str, separator: str) -> _Grid | None:
    """The quick way, for text without quotes and blank lines whose rows are all equally long; None for any other."""
    if '"' in text or re.search(r"(?>\r\n|\r|\n)[ \t]*[\r\n]", text) or text[:1] in "\r\n":
        return None
    options = {
        "read_options": pyarrow.csv.ReadOptions(autogenerate_column_names=True, block_size=1 << 24),
        "parse_options": pyarrow.csv.ParseOptions(delimiter=separator, quote_char=False, ignore_empty_lines=False),
    }
    width = re.split(r"[\r\n]", text, maxsplit=1)[0].count(separator) + 1
    names = [f"f{i}" for i in range(width)]
    options["convert_options"] = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, null_values=[]
    )
    body = text.rstrip("\r\n")
    try:
        table = pyarrow.csv.read_csv(pa.BufferReader(body.encode()), **options)
    except pa.ArrowInvalid:
        return None  # the careful way says what is wrong
    if table.column_names != names:
        return None
    return _Grid(table.columns, np.arange(1, table.num_rows + 1))


_QUOTED = re.compile(r'"(?:[^"]|"")*"')


def _unquoted(cell: str) -> str:
    return cell[1:-1].replace('""', '"') if _QUOTED.fullmatch(cell) else cell


def _quotes_are_characters(text: str, separator: str) -> bool:
    """Whether this is tab-separated text whose quotes mean themselves: all lines have equally many cells as they are,
    and some cell that begins with a quote does not end with it."""
    if separator != "\t":
        return False
    lines = [line for line in re.split(r"\r\n|\r|\n", text) if line]
    if len({line.count("\t") for line in lines}) != 1:
        return False
    opened = [cell for line in lines if '"' in line for cell in line.split("\t") if cell.lstrip(" ").startswith('"')]
    return any(not _QUOTED.fullmatch(cell.strip(" ")) for cell in opened)


def _checked_grid(text: str, separator: str, name: str, width: int | None, plain: bool) -> _Grid:
    """The careful way, row by row."""
    rows: list[list[str]] = []
    chunks: list[list[pa.Array]] = []
    lines: list[int] = []
    expected_by = "--columns names" if width else "the header names"
    header_line, blank = 1, 0
    for line, row in _rows(text, separator, name, plain):
        if not row or (len(row) == 1 and not row[0].strip()):
            blank += 1
            continue
        if width is None:
            width, header_line = len(row), line
        if len(row) != width:
            _refuse_ragged(text, separator, name, plain, width, expected_by, line, row, header_line)
        rows.append(row)
        lines.append(line)
        if len(rows) == 5_000:  # few lists alive at once: the garbage collector looks at all of them
            chunks.append([pa.array(cells, pa.string()) for cells in zip(*rows, strict=True)])
            rows = []
    if rows:
        chunks.append([pa.array(cells, pa.string()) for cells in zip(*rows, strict=True)])
    return _Grid([pa.chunked_array(list(parts)) for parts in zip(*chunks, strict=True)], np.array(lines))


def _rows(text: str, separator: str, name: str, plain: bool) -> Iterator[tuple[int, list[str]]]:
    """The rows with the line each begins on."""
    spaced_quotes = re.search(re.escape(separator) + r' +"', text) is not None
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=separator,
        strict=True,
        quoting=csv.QUOTE_NONE if plain else csv.QUOTE_MINIMAL,
        skipinitialspace=spaced_quotes,
    )
    limit = csv.field_size_limit(LONGEST_LINE)
    line = 1
    try:
        for row in reader:
            yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        if "unexpected end" in str(error):
            what = f"a quote that is opened in line {line} is never closed"
        else:
            what = f"line {line} has a quote where none can be ({error})"
        raise DataError(
            f"{name}: {what}.", 'Inside a quoted cell write "" for a quote; or save it as TSV or JSON lines.'
        ) from error
    finally:
        csv.field_size_limit(limit)


def _refuse_ragged(
    text: str, separator: str, name: str, plain: bool, width: int, expected_by: str, line: int, row: list, header: int
) -> None:
    lengths = Counter(len(r) for _, r in _rows(text, separator, name, plain) if r)
    others = lengths.total() - lengths[width]
    if lengths[width] <= 1 and others > 1 and expected_by.startswith("the"):
        usual = lengths.most_common(1)[0][0]
        more = f" Other rows have {usual}: a name is missing in line {header}, or it is a title above the header."
    else:
        more = f" So have {others} rows in all." if others > 1 else ""
    raise DataError(
        f"{name}: line {line} has {len(row)} cells where {expected_by} {width}: "
        f"{_shortened(separator.join(row))}.{more}",
        'Put cells that hold the separator in quotes ("…"), complete short lines, or name the separator: --separator.',
    )


def _shortened(line: str) -> str:
    return repr(line if len(line) <= 60 else line[:59] + "…")


def _line_labels(lines: np.ndarray, word: str) -> np.ndarray:
    return np.array([f"{word} {line}" for line in lines.tolist()], dtype=object)


# ── the header ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _header(first: list[str], grid: _Grid, name: str, findings: list[Finding]) -> list[str]:
    """The names in the first row, which is taken off the grid. DataError if it looks like one more row of data."""
    names = list(first)
    numbered = names == [str(i) for i in range(len(names))] and len(names) > 2
    if not numbered:
        _refuse_data_as_header(names, grid, name)
    else:
        message = f"the columns of {name} are only numbered, 0 to {len(names) - 1}"
        findings.append(Finding("D026", "warning", message, len(names)))
    body = grid.without_first()
    grid.columns, grid.lines = body.columns, body.lines
    if len(names) > 1 and not names[-1] and len(grid.lines) and pc.all(pc.equal(grid.columns[-1], "")).as_py():
        names.pop()
        grid.columns.pop()
        findings.append(
            Finding("D018", "repair", "every line ends in a separator; the empty last column is left out", 1)
        )
    unnamed = [i for i, column in enumerate(names) if not column]
    for i in unnamed:
        names[i] = f"column_{i + 1}"
    if unnamed:
        named = tuple(names[i] for i in unnamed[:5])
        findings.append(Finding("D018", "repair", "columns without a name were given one", len(unnamed), named))
    refuse_duplicates(names, f"the header of {name}")
    return names


def _refuse_data_as_header(first: list[str], grid: _Grid, name: str) -> None:
    filled = [(cell, cells) for cell, cells in zip(first, grid.columns, strict=True) if cell]
    numeric = [cell for cell, _ in filled if _NUMBER.fullmatch(cell) or _DATE.fullmatch(cell)]
    texts = [(cell, cells) for cell, cells in filled if cell not in numeric]
    repeated = [cell for cell, cells in texts if _occurs_as_value(cell, cells)]
    sentences = [cell for cell, cells in texts if _is_sentence_like_its_column(cell, cells)]
    if len(sentences) > 1 and len(sentences) == len(filled):
        repeated = sentences
    all_numbers = bool(numeric) and len(numeric) == len(filled)
    fractional = any("." in cell for cell in numeric) and len(numeric) >= len(filled) / 2
    if all_numbers or fractional or repeated or (numeric and all(cell in MISSING for cell, _ in texts)):
        why = "they are numbers"
        if repeated:
            why = f"{repeated[0]!r} {'ends like' if sentences else 'is also'} a value of its column"
        letters = ",".join(_letters(i) for i in range(min(len(first), 26)))
        raise DataError(
            f"{name} seems to have no header: the first line ({_shortened(', '.join(first))}) looks like data, {why}.",
            f"Give the {len(first)} column names: --columns {letters}{',…' if len(first) > 26 else ''}"
            " (or put them on the first line of the file).",
        )


def _occurs_as_value(cell: str, cells: pa.ChunkedArray) -> bool:
    count = pc.sum(pc.equal(cells, cell)).as_py() - 1
    return count >= 2 and count >= 0.05 * (len(cells) - 1)


def _is_sentence_like_its_column(cell: str, cells: pa.ChunkedArray) -> bool:
    end = "[.!?。！？]$"
    return re.search(end, cell) is not None and pc.mean(pc.match_substring_regex(cells, end)).as_py() > 0.5


def _letters(i: int) -> str:
    return "abcdefghijklmnopqrstuvwxyz"[i]


# ── text cells → typed columns ──────────────────────────────────────────────────────────────────────────────────────

_INTEGER = r"^[+-]?(0|[1-9][0-9]*)$"
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?([iI]nf(inity)?|INF)")
_WITH_COMMA = r"[+-]?([0-9]+|[0-9]{1,3}(\.[0-9]{3})+)(,[0-9]+)?"  # points only between thousands
_DATE = re.compile(r"[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}|[0-9]{1,2}[./][0-9]{1,2}[./][0-9]{4}")
_TIME = r"(?:[ T](?P<h>[0-9]{1,2}):(?P<min>[0-9]{2})(?::(?P<s>[0-9]{2})(?:[.,][0-9]+)?)?Z?)?$"
_YEAR_FIRST = r"^(?P<a>[0-9]{4})[-/](?P<b>[0-9]{1,2})[-/](?P<c>[0-9]{1,2})" + _TIME
_YEAR_LAST = r"^(?P<a>[0-9]{1,2})[./](?P<b>[0-9]{1,2})[./](?P<c>[0-9]{4})" + _TIME


@dataclass
class _Notes:
    """What was noticed while typing the columns of one table."""

    table: str  # its name, for messages
    formats: dict[str, str] = field(default_factory=dict)  # column → how it was read, of DECIMALS and ORDERS
    missing: Counter = field(default_factory=Counter)  # marker → cells
    gaps: list[str] = field(default_factory=list)  # "column: how many"
    almost: list[tuple[str, int]] = field(default_factory=list)  # an odd cell out, said in words, and how many
    unclear_dates: list[str] = field(default_factory=list)
    kept_as_text: list[str] = field(default_factory=list)
    decimal_comma: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)

    def findings(self) -> list[Finding]:
        found = []
        if self.missing:
            markers = ", ".join(f"{marker or 'an empty cell'} × {n}" for marker, n in self.missing.most_common(6))
            message = f"taken as missing: {markers}; in columns"
            found.append(Finding("D012", "note", message, self.missing.total(), tuple(self.gaps[:5])))
        if self.almost:
            count, said = sum(n for _, n in self.almost), tuple(words for words, _ in self.almost[:5])
            message = "columns of numbers or dates hold other values too, so they stay text"
            found.append(Finding("D014", "warning", message, count, said))
        for code, level, message, columns in (
            ("D015", "warning", "dates whose day and month cannot be told apart stay text", self.unclear_dates),
            ("D016", "note", "numbers with leading zeros or beyond 2^53 are names: they stay text", self.kept_as_text),
            ("D017", "note", "numbers with a decimal comma", self.decimal_comma),
            ("D020", "warning", "columns without any value", self.empty),
        ):
            if columns:
                found.append(Finding(code, level, message, len(columns), tuple(columns[:5])))
        return found


def _typed(
    name: str, cells: pa.ChunkedArray, lines: np.ndarray, separator: str, notes: _Notes, known: str | None
) -> np.ndarray:
    """Trimmed text cells [N] → int64, float64, bool, datetime64[s], or objects (str, None).

    known: the format that the cells must have, where that need not be guessed."""
    missing = pc.is_in(cells, value_set=pa.array(MISSING))
    present = cells.filter(pc.invert(missing))
    numeric = _matches(present, _NUMBER.pattern)
    if known in DECIMALS:
        missing = pc.or_(missing, pc.is_in(cells, value_set=pa.array(MISSING_AMONG_NUMBERS)))
        present = cells.filter(pc.invert(missing))
        numeric = _matches(present, _NUMBER.pattern)
    elif len(present) and pc.any(numeric).as_py():
        others = present.filter(pc.invert(numeric))
        among = pa.array(MISSING_AMONG_NUMBERS)
        if len(others) and pc.all(pc.is_in(others, value_set=among)).as_py():
            missing = pc.or_(missing, pc.is_in(cells, value_set=among))
            present, numeric = present.filter(numeric), numeric.filter(numeric)
    if pc.any(missing).as_py():
        counted = pc.value_counts(cells.filter(missing)).to_pylist()
        notes.missing.update({entry["values"]: entry["counts"] for entry in counted})
        notes.gaps.append(f"{name}: {pc.sum(missing).as_py()}")
    if not len(present):
        notes.empty.append(name)
        return np.full(len(cells), None, dtype=object)
    gone = missing.to_numpy().astype(bool)

    if known is not None:
        notes.formats[name] = known
    if known in ORDERS:
        return _spread(_dates_as_known(name, present, lines[~gone], known, notes), gone, np.datetime64("NaT"))
    if known is not None:
        fits = numeric if known == "decimal-point" else _matches(present, _WITH_COMMA)
        _refuse_other_format(name, present, fits.to_numpy().astype(bool), lines[~gone], known, notes)
    if known == "decimal-comma":
        return _spread(_from_commas(present), gone, np.nan)
    if pc.all(numeric).as_py():
        return _numbers(name, cells, present, gone, notes)
    commas = _decimal_commas(name, present, separator, notes)
    if commas is not None:
        return _spread(commas, gone, np.nan)
    lower = pc.utf8_lower(present.slice(0, 1))[0].as_py()
    if lower in ("true", "false") and set(pc.unique(pc.utf8_lower(present)).to_pylist()) <= {"true", "false"}:
        if not gone.any():
            return pc.equal(pc.utf8_lower(cells), "true").to_numpy()
        return _text(cells, missing)
    dates = _dates(name, present, notes)
    if dates is not None:
        return _spread(dates, gone, np.datetime64("NaT"))
    _note_odd_cells(name, cells, missing, numeric, lines, notes)
    return _text(cells, missing)


def _matches(cells: pa.ChunkedArray, pattern: str) -> pa.ChunkedArray:
    return pc.match_substring_regex(cells, f"^(?:{pattern})$")


def _text(cells: pa.ChunkedArray, missing: pa.ChunkedArray) -> np.ndarray:
    return pc.if_else(missing, pa.scalar(None, pa.string()), cells).to_numpy()


def _spread(values: np.ndarray, gone: np.ndarray, filler: Any) -> np.ndarray:
    """`values` of the present cells, put in their rows; `filler` in the others."""
    if not gone.any():
        return values
    column = np.full(len(gone), filler, dtype=values.dtype)
    column[~gone] = values
    return column


def _numbers(
    name: str, cells: pa.ChunkedArray, present: pa.ChunkedArray, gone: np.ndarray, notes: _Notes
) -> np.ndarray:
    as_text = pc.if_else(pa.array(gone), pa.scalar(None, pa.string()), cells.combine_chunks())
    if pc.any(_matches(present, r"[+-]?0[0-9]+")).as_py():
        notes.kept_as_text.append(name)
        return as_text.to_numpy(zero_copy_only=False)
    whole = pc.match_substring_regex(present, _INTEGER)
    numbers = np.array(present.cast(pa.float64()).to_numpy())
    if np.any(whole.to_numpy() & (np.abs(numbers) >= EXACT)):
        notes.kept_as_text.append(name)
        return as_text.to_numpy(zero_copy_only=False)
    if pc.all(whole).as_py() and not gone.any():
        return numbers.astype(np.int64)
    if pc.any(pc.match_substring(present, ".")).as_py():
        notes.formats[name] = "decimal-point"
    return _spread(numbers, gone, np.nan)


def _decimal_commas(name: str, present: pa.ChunkedArray, separator: str, notes: _Notes) -> np.ndarray | None:
    """1,5 or 1.234,56 as numbers: only where the comma separates no cells, and is not always before three digits."""
    if separator == "," or not pc.all(_matches(present, _WITH_COMMA)).as_py():
        return None
    with_comma = present.filter(pc.match_substring(present, ","))
    if not len(with_comma) or pc.all(_matches(with_comma, r"[+-]?[0-9]{1,3},[0-9]{3}")).as_py():
        return None
    notes.decimal_comma.append(name)
    notes.formats[name] = "decimal-comma"
    return _from_commas(present)


def _from_commas(present: pa.ChunkedArray) -> np.ndarray:
    dotted = pc.replace_substring(pc.replace_substring(present, ".", ""), ",", ".")
    return np.array(dotted.cast(pa.float64()).to_numpy())


def _dates(name: str, present: pa.ChunkedArray, notes: _Notes) -> np.ndarray | None:
    """datetime64[s] of the present cells, or None where they are not all dates, or their order cannot be known."""
    pattern = _date_pattern(present)
    if not _DATE.match(present[0].as_py()) or not pc.all(pc.match_substring_regex(present, pattern)).as_py():
        return None
    order = None
    if pattern is _YEAR_LAST:
        first, second = _date_parts(present, pattern, "a", "b")
        if (first.max() > 12) == (second.max() > 12):
            notes.unclear_dates.append(f"{name}: {present[0].as_py()}")
            return None
        order = "day-first" if first.max() > 12 else "month-first"
    dates, real = _calendar(present, pattern, order)
    if not real.all():
        wrong = int(np.argmin(real))
        notes.almost.append((f"{name}: {present[wrong].as_py()} is no date", int((~real).sum())))
        return None
    if order is not None:
        notes.formats[name] = order
    return dates


def _dates_as_known(name: str, present: pa.ChunkedArray, lines: np.ndarray, known: str, notes: _Notes) -> np.ndarray:
    """datetime64[s] of cells whose order is known; the year first can be read one way only, and so is welcome too."""
    pattern = _date_pattern(present)
    fits = pc.match_substring_regex(present, pattern).to_numpy().astype(bool)
    _refuse_other_format(name, present, fits, lines, known, notes)
    dates, real = _calendar(present, pattern, known)
    _refuse_other_format(name, present, real, lines, known, notes)
    return dates


def _refuse_other_format(
    name: str, present: pa.ChunkedArray, fits: np.ndarray, lines: np.ndarray, known: str, notes: _Notes
) -> None:
    """DataError for the first cell that does not have the format of its column. present, fits, lines: all [P]."""
    if fits.all():
        return
    at, wrong = int(np.argmin(fits)), int((~fits).sum())
    raise DataError(
        f"{notes.table}: line {lines[at]}, column '{name}': {_shortened(present[at].as_py())} is not "
        f"{(DECIMALS | ORDERS)[known]}, as the data learned from have there"
        + (f"; nor are {wrong - 1} more." if wrong > 1 else "."),
        "Write this column as in the data learned from.",
    )


def _date_pattern(present: pa.ChunkedArray) -> str:
    return _YEAR_FIRST if re.match("[0-9]{4}", present[0].as_py()) else _YEAR_LAST


def _date_parts(present: pa.ChunkedArray, pattern: str, *keys: str) -> list[np.ndarray]:
    """The whole numbers [P] that these groups of the pattern matched; 0 for none."""
    parts = pc.extract_regex(present, pattern).combine_chunks()

    def part(key: str) -> np.ndarray:
        digits = parts.field(key)
        return pc.if_else(pc.equal(digits, ""), "0", digits).cast(pa.int64()).to_numpy(zero_copy_only=False)

    return [part(key) for key in keys]


def _calendar(present: pa.ChunkedArray, pattern: str, order: str | None) -> tuple[np.ndarray, np.ndarray]:
    """datetime64[s] [P], and whether each exists in the calendar. order: of ORDERS, where the year comes last."""
    names = "abc" if pattern is _YEAR_FIRST else "cba" if order == "day-first" else "cab"
    year, month, day, hour, minute, second_of_minute = _date_parts(present, pattern, *names, "h", "min", "s")
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (day - 1)
    real = (month >= 1) & (month <= 12) & (day >= 1) & (days.astype("datetime64[M]") == months)
    real &= (hour < 24) & (minute < 60) & (second_of_minute < 60)
    return days.astype("datetime64[s]") + (hour * 3600 + minute * 60 + second_of_minute), real


def _note_odd_cells(
    name: str,
    cells: pa.ChunkedArray,
    missing: pa.ChunkedArray,
    numeric: pa.ChunkedArray,
    lines: np.ndarray,
    notes: _Notes,
) -> None:
    """Nine in ten are numbers, and so the others are likely slips: say which."""
    odd = len(numeric) - pc.sum(numeric).as_py()
    if odd > 0.1 * len(numeric):
        return
    is_odd = ~(missing.to_numpy().astype(bool) | _matches(cells, _NUMBER.pattern).to_numpy().astype(bool))
    at = int(np.argmax(is_odd))
    notes.almost.append((f"{name}: {_shortened(cells[at].as_py())} in line {lines[at]}", odd))


# ── JSON lines ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _json_lines(text: str, name: str) -> Raw:
    """One JSON object a line; keys are columns, absent keys missing values, nested objects columns "outer.inner"."""
    columns: dict[str, list] = {}
    lines: list[int] = []
    nested: set[str] = set()
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        row = _json_object(line, number, name)
        flat = _flat(row, nested)
        for key, value in flat.items():
            if key not in columns:
                columns[key] = [None] * len(lines)
            columns[key].append(value)
        lines.append(number)
        if len(flat) < len(columns):
            for values in columns.values():
                if len(values) < len(lines):
                    values.append(None)
    if not columns:
        raise DataError(
            f"{name} has {len(lines)} objects and no key in them.", 'Expected lines like {"x": 1, "y": "a"}.'
        )
    missing = sum(value is None for values in columns.values() for value in values)
    typed, findings = typed_columns(columns)
    if nested:
        findings.append(
            Finding("D021", "note", "nested objects became columns", len(nested), tuple(sorted(nested)[:5]))
        )
    if missing:
        gaps = tuple(key for key, values in columns.items() if None in values)
        findings.append(
            Finding("D012", "note", "taken as missing: null or an absent key; in columns", missing, gaps[:5])
        )
    return Raw(name, typed, labels=_line_labels(np.array(lines), "line"), findings=findings)


def _json_object(line: str, number: int, name: str) -> dict:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{name}: line {number} is not JSON ({error}): {_shortened(line)}.",
            'Expected one object a line, such as {"x": 1, "y": "a"}.',
        ) from error
    if not isinstance(row, dict):
        raise DataError(
            f"{name}: line {number} is a JSON {type(row).__name__}, not an object: {_shortened(line)}.",
            'Expected one object a line, such as {"x": 1, "y": "a"}.',
        )
    return row


def _flat(row: dict, nested: set[str], prefix: str = "") -> dict:
    flat = {}
    for key, value in row.items():
        if isinstance(value, dict):
            nested.add(prefix + key)
            flat |= _flat(value, nested, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
