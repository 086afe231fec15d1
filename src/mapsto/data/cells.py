"""Text cells → typed columns: each column as a whole becomes whole numbers, numbers, bool, dates, or stays text."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mapsto.core.errors import DataError
from mapsto.core.nouns import Finding
from mapsto.data.frames import EXACT
from mapsto.data.grid import shortened
from mapsto.data.missing import MISSING, MISSING_AMONG_NUMBERS

DECIMALS = {"decimal-comma": "a number with a decimal comma", "decimal-point": "a number with a decimal point"}
ORDERS = {"day-first": "a date with the day before the month", "month-first": "a date with the month before the day"}
PLAIN = "Write plain numbers, 1200.5 say: what a mark means cannot be known for sure."
YEAR = "Write the year first: 2024-03-01."
_INTEGER = r"^[+-]?(0|[1-9][0-9]*)$"
NAMES = r"[+-]?0[0-9]+|\+[0-9]{8,}"  # the second is a telephone number
UNCLEAR_COMMA = r"[+-]?[0-9]{1,3},[0-9]{3}"  # a decimal comma, or one between thousands
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?([iI]nf(inity)?|INF)")
_WITH_COMMA = r"[+-]?([0-9]+|[0-9]{1,3}(\.[0-9]{3})+)(,[0-9]+)?([eE][+-]?[0-9]+)?"  # points only between thousands
DATE = re.compile(r"[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}|[0-9]{1,2}[./][0-9]{1,2}[./][0-9]{4}")
_TIME = r"(?:[ T](?P<h>[0-9]{1,2}):(?P<min>[0-9]{2})(?::(?P<s>[0-9]{2})(?:[.,][0-9]+)?)?Z?)?$"
_DRESSED = (
    "[+-]? ?(?:[$€£¥₩₹] ?)?[+-]?(?:[0-9]+|[0-9]{1,3}(?:[.,' \u00a0\u202f][0-9]{3})+)(?:[.,][0-9]+)?(?:[eE][+-]?[0-9]+)?"
    "[ \u00a0]?(?:%|‰|[$€£¥₩₹]|원|元|円|(?i:usd|eur|gbp|krw|cny|jpy|inr))?"
)
_YEAR_FIRST = r"^(?P<a>[0-9]{4})[-/](?P<b>[0-9]{1,2})[-/](?P<c>[0-9]{1,2})" + _TIME
_YEAR_LAST = r"^(?P<a>[0-9]{1,2})[./](?P<b>[0-9]{1,2})[./](?P<c>[0-9]{4})" + _TIME


@dataclass
class Notes:
    """What was noticed while typing the columns of one table."""

    table: str  # its name, for messages
    formats: dict[str, str] = field(default_factory=dict)  # column → how it was read, of DECIMALS and ORDERS
    missing: Counter = field(default_factory=Counter)  # marker → cells
    gaps: list[str] = field(default_factory=list)  # "column: how many"
    almost: list[tuple[str, int]] = field(default_factory=list)  # an odd cell out, said in words, and how many
    unclear_dates: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    decimal_comma: list[str] = field(default_factory=list)
    dressed: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    words: dict[str, dict[int, str]] = field(default_factory=dict)  # as in `Raw.words`

    def findings(self) -> list[Finding]:
        found = []
        if self.missing:
            markers = ", ".join(f"{marker or 'an empty cell'} × {n}" for marker, n in self.missing.most_common(6))
            message = f"taken as missing: {markers}; in columns"
            found.append(Finding("D012", "note", message, self.missing.total(), tuple(self.gaps[:5])))
        if self.almost:
            count, said = sum(n for _, n in self.almost), tuple(words for words, _ in self.almost[:5])
            message = "columns of numbers, dates or true and false hold other values too, so they stay text"
            remedy = "Mend these cells, or leave them empty where nothing is known."
            found.append(Finding("D014", "warning", message, count, said, remedy))
        for code, level, message, columns, remedy in (
            ("D015", "warning", "dates whose day and month cannot be told apart stay text", self.unclear_dates, YEAR),
            ("D016", "note", "numbers that are names (leading zeros, a plus, beyond 2^53) stay text", self.names, ""),
            ("D017", "note", "numbers with a decimal comma", self.decimal_comma, ""),
            ("D020", "warning", "columns without any value", self.empty, "Leave them out, or fill them."),
            ("D027", "warning", "numbers with units or marks between thousands stay text", self.dressed, PLAIN),
        ):
            if columns:
                found.append(Finding(code, level, message, len(columns), tuple(columns[:5]), remedy))
        return found


def typed(
    name: str, cells: pa.ChunkedArray, lines: np.ndarray, separator: str, notes: Notes, known: str | None
) -> np.ndarray:
    """Trimmed text cells [N] → int64, float64, bool, datetime64[s], or objects (str, None).

    known: the format that the cells must have, where that need not be guessed."""
    missing = pc.is_in(cells, value_set=pa.array(MISSING))
    present = cells.filter(pc.invert(missing))
    numeric = _matches(present, NUMBER.pattern)
    if known in DECIMALS:
        missing = pc.or_(missing, pc.is_in(cells, value_set=pa.array(MISSING_AMONG_NUMBERS)))
        present = cells.filter(pc.invert(missing))
        numeric = _matches(present, NUMBER.pattern)
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
        return pc.if_else(missing, pa.scalar(None, pa.string()), cells).to_numpy()
    dates = _dates(name, present, notes)
    if dates is not None:
        return _spread(dates, gone, np.datetime64("NaT"))
    _note_odd_cells(name, present, lines[~gone], notes)
    return _text(name, cells, missing, notes)


def _matches(cells: pa.ChunkedArray, pattern: str) -> pa.ChunkedArray:
    return pc.match_substring_regex(cells, f"^(?:{pattern})$")


def _text(name: str, cells: pa.ChunkedArray, missing: pa.ChunkedArray, notes: Notes) -> np.ndarray:
    worded = pc.and_(missing, pc.match_substring_regex(cells, "[a-zA-Z]")).to_numpy().astype(bool)
    if worded.any():
        rows = np.flatnonzero(worded)
        notes.words[name] = dict(zip(rows.tolist(), cells.filter(pa.array(worded)).to_pylist(), strict=True))
    return pc.if_else(missing, pa.scalar(None, pa.string()), cells).to_numpy()


def _spread(values: np.ndarray, gone: np.ndarray, filler: Any) -> np.ndarray:
    """`values` of the present cells, put in their rows; `filler` in the others."""
    if not gone.any():
        return values
    column = np.full(len(gone), filler, dtype=values.dtype)
    column[~gone] = values
    return column


def _numbers(name: str, cells: pa.ChunkedArray, present: pa.ChunkedArray, gone: np.ndarray, notes: Notes) -> np.ndarray:
    as_text = pc.if_else(pa.array(gone), pa.scalar(None, pa.string()), cells.combine_chunks())
    if pc.any(_matches(present, NAMES)).as_py():
        notes.names.append(name)
        return as_text.to_numpy(zero_copy_only=False)
    whole = pc.match_substring_regex(present, _INTEGER)
    numbers = np.array(present.cast(pa.float64()).to_numpy())
    if np.any(whole.to_numpy() & (np.abs(numbers) >= EXACT)):
        notes.names.append(name)
        return as_text.to_numpy(zero_copy_only=False)
    if pc.all(whole).as_py() and not gone.any():
        return numbers.astype(np.int64)
    if pc.any(pc.match_substring(present, ".")).as_py():
        notes.formats[name] = "decimal-point"
    return _spread(numbers, gone, np.nan)


def _decimal_commas(name: str, present: pa.ChunkedArray, separator: str, notes: Notes) -> np.ndarray | None:
    """1,5 or 1.234,56 as numbers: only where the comma separates no cells, and is not always before three digits."""
    if separator == "," or not pc.all(_matches(present, _WITH_COMMA)).as_py():
        return None
    with_comma = present.filter(pc.match_substring(present, ","))
    if not len(with_comma) or pc.all(_matches(with_comma, UNCLEAR_COMMA)).as_py():
        return None
    notes.decimal_comma.append(name)
    notes.formats[name] = "decimal-comma"
    return _from_commas(present)


def _from_commas(present: pa.ChunkedArray) -> np.ndarray:
    dotted = pc.replace_substring(pc.replace_substring(present, ".", ""), ",", ".")
    return np.array(dotted.cast(pa.float64()).to_numpy())


def _dates(name: str, present: pa.ChunkedArray, notes: Notes) -> np.ndarray | None:
    """datetime64[s] of the present cells, or None where they are not all dates, or their order cannot be known."""
    pattern = _date_pattern(present)
    if not DATE.match(present[0].as_py()) or not pc.all(pc.match_substring_regex(present, pattern)).as_py():
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


def _dates_as_known(name: str, present: pa.ChunkedArray, lines: np.ndarray, known: str, notes: Notes) -> np.ndarray:
    """datetime64[s] of cells whose order is known; the year first can be read one way only, and so is welcome too."""
    pattern = _date_pattern(present)
    fits = pc.match_substring_regex(present, pattern).to_numpy().astype(bool)
    _refuse_other_format(name, present, fits, lines, known, notes)
    dates, real = _calendar(present, pattern, known)
    _refuse_other_format(name, present, real, lines, known, notes)
    return dates


def _refuse_other_format(
    name: str, present: pa.ChunkedArray, fits: np.ndarray, lines: np.ndarray, known: str, notes: Notes
) -> None:
    """DataError for the first cell that does not have the format of its column. present, fits, lines: all [P]."""
    if fits.all():
        return
    at, wrong = int(np.argmin(fits)), int((~fits).sum())
    raise DataError(
        f"{notes.table}: line {lines[at]}, column '{name}': {shortened(present[at].as_py())} is not "
        f"{(DECIMALS | ORDERS)[known]}, as the data learned from have there"
        + (f"; nor are {wrong - 1} more." if wrong > 1 else "."),
        "Write this column as in the data learned from.",
        "D126",
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


def _note_odd_cells(name: str, present: pa.ChunkedArray, lines: np.ndarray, notes: Notes) -> None:
    """Text, where most of it is of another kind: the others are likely slips, so say which. present, lines: [P]."""
    if pc.all(_matches(present, _DRESSED)).as_py():
        notes.dressed.append(f"{name}: {shortened(present[0].as_py())}")
        return
    for pattern in (NUMBER.pattern, DATE.pattern, "(?i:true|false)"):
        fits = _matches(present, pattern).to_numpy().astype(bool)
        if 0.5 <= fits.mean() < 1:
            at = int(np.argmin(fits))
            notes.almost.append((f"{name}: {shortened(present[at].as_py())} in line {lines[at]}", int((~fits).sum())))
            return
