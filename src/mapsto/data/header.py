"""The first line of a table: names of columns, or one more row of data?"""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from mapsto.core.errors import DataError
from mapsto.core.nouns import Finding
from mapsto.data.cells import DATE, NUMBER
from mapsto.data.frames import told_apart
from mapsto.data.grid import Grid, shortened
from mapsto.data.missing import MISSING


def header(first: list[str], grid: Grid, name: str, findings: list[Finding]) -> list[str]:
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
    return told_apart(names, f"the header of {name}", findings)


def _refuse_data_as_header(first: list[str], grid: Grid, name: str) -> None:
    filled = [(cell, cells) for cell, cells in zip(first, grid.columns, strict=True) if cell]
    numeric = [cell for cell, _ in filled if NUMBER.fullmatch(cell) or DATE.fullmatch(cell)]
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
            f"{name} seems to have no header: the first line ({shortened(', '.join(first))}) looks like data, {why}.",
            f"Give the {len(first)} column names: --columns {letters}{',…' if len(first) > 26 else ''}"
            " (or put them on the first line of the file).",
            "D108",
        )


def _occurs_as_value(cell: str, cells: pa.ChunkedArray) -> bool:
    count = pc.sum(pc.equal(cells, cell)).as_py() - 1
    return count >= 2 and count >= 0.05 * (len(cells) - 1)


def _is_sentence_like_its_column(cell: str, cells: pa.ChunkedArray) -> bool:
    end = "[.!?。！？]$"
    return re.search(end, cell) is not None and pc.mean(pc.match_substring_regex(cells, end)).as_py() > 0.5


def _letters(i: int) -> str:
    return "abcdefghijklmnopqrstuvwxyz"[i]
