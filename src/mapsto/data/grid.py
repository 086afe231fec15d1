"""The text of a table → a grid of cells, all still text: what separates them, and where quotes open and close.

Lines of another length are an error with its place; where most lines fit, the others are left out and one goes on, so
that all there is to mend is told at once.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from mapsto.core.errors import DataError
from mapsto.core.nouns import Finding

SEPARATORS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}
LONGEST_LINE = 16 << 20  # bytes
MOST_COLUMNS = 10_000
SAMPLE = 1 << 18  # characters by which one sees whether they are a table
TABLE = 0.8  # of the lines are cut alike: it is one


@dataclass
class Grid:
    columns: list[pa.ChunkedArray]  # of text, all [N]
    lines: np.ndarray  # [N] the line on which each row begins, from 1

    def without_first(self) -> Grid:
        return Grid([cells.slice(1) for cells in self.columns], self.lines[1:])


def separator_of(text: str, name: str, prose: bool) -> str:
    """The separator that cuts most of the first lines into the same number of cells; "" for a single column.

    prose: the text may well be no table, so that without a separator it is a DataError.
    """
    sample = text[:SAMPLE]
    best, best_share = evenly_cut(sample, complete=len(sample) == len(text))
    if best_share >= TABLE:
        return best
    header_widths = {s: (_sampled_widths(sample, s, complete=True) or [1])[0] for s in SEPARATORS}
    likely = max(header_widths, key=lambda s: header_widths[s])
    if header_widths[likely] > 1 and best:
        return likely if best_share < 0.5 else best  # the check of widths will name the first line that differs
    if prose and text.count("\n") > 1:
        raise DataError(
            f"{name} does not look like a table: no separator cuts its lines into equally many cells.",
            "If it is one, name the separator: --separator ';'. A column of texts wants a .csv or .jsonl file.",
            "D119",
        )
    return ""


def evenly_cut(sample: str, complete: bool) -> tuple[str, float]:
    """The separator that cuts most of these lines into the same number of cells, more than one, and the share of them that it
    does; "" and 0 where none does. complete: whether the last line is whole."""
    best, best_share, best_width = "", 0.0, 1
    for separator in SEPARATORS:
        widths = _sampled_widths(sample, separator, complete)
        if not widths:
            continue
        width, count = Counter(widths).most_common(1)[0]
        share = count / len(widths)
        if width > 1 and (share, width) > (best_share, best_width):
            best, best_share, best_width = separator, share, width
    return best, best_share


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


def grid_of(
    text: str, separator: str, name: str, width: int | None, findings: list[Finding], plain: bool | None = None
) -> Grid:
    """All cells as text, trimmed; DataError with the line where lines differ in length or a quote stays open.

    plain: whether quotes are characters like any other; None finds out."""
    if not separator:
        return _single_column(text, name, findings)
    refuse_columns(re.match(r"[\r\n]*[^\r\n]*", text)[0].count(separator) + 1, name)
    grid = _simple_grid(text, separator)
    if grid is None or (width is not None and len(grid.columns) != width):
        plain = _quotes_are_characters(text, separator) if plain is None else plain
        grid = _checked_grid(text, separator, name, width, plain, findings)
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
    return Grid(trimmed, grid.lines)


def _single_column(text: str, name: str, findings: list[Finding]) -> Grid:
    """Lines as cells. Quotes around cells are taken off only where all quotes can be read so."""
    try:
        rows = list(_rows(text, "\x1f", name, plain=False))
    except DataError:
        rows = list(_rows(text, "\x1f", name, plain=True))
        findings.append(Finding("D019", "note", f"quotes in {name} are part of the text, not around cells", 1))
    kept = [(line, row[0].strip()) for line, row in rows if row and row[0].strip()]
    grid = Grid([pa.chunked_array([pa.array([cell for _, cell in kept], pa.string())])], np.array([i for i, _ in kept]))
    _note_line_breaks(grid, text, findings)
    return grid


def _note_line_breaks(grid: Grid, text: str, findings: list[Finding]) -> None:
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


def _simple_grid(text: str, separator: str) -> Grid | None:
    """The quick way, for text without quotes and blank lines whose rows are all equally long; None for any other."""
    if not separator.isascii() or '"' in text or re.search(r"(?>\r\n|\r|\n)[ \t]*[\r\n]", text) or text[:1] in "\r\n":
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
    return Grid(table.columns, np.arange(1, table.num_rows + 1))


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


def _checked_grid(
    text: str, separator: str, name: str, width: int | None, plain: bool, findings: list[Finding]
) -> Grid:
    """The careful way, row by row."""
    rows: list[list[str]] = []
    chunks: list[list[pa.Array]] = []
    lines: list[int] = []
    expected_by = "--columns names" if width else "the header names"
    odd: Counter[int] = Counter()  # cells → rows of another length
    first_odd: tuple[int, list[str]] | None = None
    for line, row in _rows(text, separator, name, plain):
        if not row or (len(row) == 1 and not row[0].strip()):
            continue
        if width is None:
            width = len(row)
        if len(row) != width:
            odd[len(row)] += 1
            first_odd = first_odd or (line, row)
            continue
        rows.append(row)
        lines.append(line)
        if len(rows) == 5_000:  # few lists alive at once: the garbage collector looks at all of them
            chunks.append([pa.array(cells, pa.string()) for cells in zip(*rows, strict=True)])
            rows = []
    if first_odd is not None:
        (line, row), others = first_odd, odd.total()
        message = (
            f"{name}: line {line} has {len(row)} cells where {expected_by} {width}: {shortened(separator.join(row))}."
        )
        if len(lines) <= 1 < others and expected_by.startswith("the"):
            usual = odd.most_common(1)[0][0]
            message += (
                f" Other rows have {usual}: a name is missing in line {lines[0]}, or it is a title above the header."
            )
        elif others > 1:
            message += f" So have {others} rows in all."
        remedy = 'Put cells that hold the separator in quotes ("…"), complete short lines, or name the separator: --separator.'
        if len(lines) - 1 <= others:
            raise DataError(message, remedy, "D115")
        findings.append(Finding("D115", "error", message, others, remedy=remedy))
    if rows:
        chunks.append([pa.array(cells, pa.string()) for cells in zip(*rows, strict=True)])
    return Grid([pa.chunked_array(list(parts)) for parts in zip(*chunks, strict=True)], np.array(lines))


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
            f"{name}: {what}.", 'Inside a quoted cell write "" for a quote; or save it as TSV or JSON lines.', "D116"
        ) from error
    finally:
        csv.field_size_limit(limit)


def refuse_columns(count: int, name: str) -> None:
    if count > MOST_COLUMNS:
        raise DataError(
            f"{name} has {count:,}{' or more' if count == MOST_COLUMNS + 1 else ''} columns; at most {MOST_COLUMNS:,} are read.",
            "Leave columns out, turn the table round if its rows are the columns, or keep the numbers as .npz.",
            "D122",
        )


def shortened(line: str) -> str:
    return repr(line if len(line) <= 60 else line[:59] + "…")


def line_labels(lines: np.ndarray, word: str) -> np.ndarray:
    return np.array([f"{word} {line}" for line in lines.tolist()], dtype=object)
