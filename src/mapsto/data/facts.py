"""What has to be known of a whole column before any part of it can be read: it is looked at part by part, then read so.

One class a kind of cells: text, Arrow's own types, Python values, NumPy arrays. `look` is called with every part of the
column; from then on `read` gives of any part what reading the whole column at once gives of these rows
(cells.typed, frames.arrow_column, frames.python_column), so that it does not matter how the column was cut.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mapsto.core.nouns import Finding
from mapsto.data import cells as text
from mapsto.data.arrow import arrow_column, python_column
from mapsto.data.cells import DATE, MISSING, MISSING_AMONG_NUMBERS, NUMBER, Notes
from mapsto.data.frames import EXACT, objects
from mapsto.data.grid import shortened

ODD = 0.5  # from this share of one kind on, cells of another are slips that a person should see


class Facts(ABC):
    """Of one column."""

    @abstractmethod
    def look(self, part: Any, lines: np.ndarray) -> None:
        """Take note of a part of the column; `lines` [P] say where its cells are in the source."""

    @abstractmethod
    def read(self, part: Any) -> np.ndarray:
        """A part of the column, once all of it has been looked at."""

    def words(self, part: Any) -> dict[int, str]:
        """Row of this part → word, of those that were taken as missing in a column of text: as in `Raw.words`."""
        return {}

    def say(self, notes: Notes) -> None:
        """Leave in the notes of the table what a person should know."""


class Whole(Facts):
    """A column that is in memory already, as an array."""

    def look(self, part: np.ndarray, lines: np.ndarray) -> None:
        pass

    def read(self, part: np.ndarray) -> np.ndarray:
        return part


class Text(Facts):
    """Trimmed text cells; how they are read is said in data/cells.py, whose steps these are in the same order."""

    def __init__(self, name: str, separator: str):
        self.name, self.separator = name, separator
        self.present = self.numbers = self.dates = self.bools = 0  # cells that are there, and what they look like
        self.missing: Counter[str] = Counter()
        self.among: Counter[str] = Counter()  # of MISSING_AMONG_NUMBERS
        self.others_are_gaps = True  # what is no number is one of MISSING_AMONG_NUMBERS
        self.named = self.pointed = False  # among numbers: 007, 1.5
        self.whole, self.exact = True, True
        self.commas = separator != ","  # all are numbers with or without a decimal comma
        self.comma = False
        self.unclear_commas = True  # 1,234 may be either
        self.first = ""
        self.dated = True
        self.greatest = [0, 0]
        self.real = {None: True, "day-first": True, "month-first": True}
        self.unreal = ""
        self.odd: dict[str, str] = {}  # kind → the first cell that is of another
        self.dressed = True

    def look(self, part: pa.ChunkedArray, lines: np.ndarray) -> None:
        missing = pc.is_in(part, value_set=pa.array(MISSING))
        if pc.any(missing).as_py():
            counted = pc.value_counts(part.filter(missing)).to_pylist()
            self.missing.update({entry["values"]: entry["counts"] for entry in counted})
        kept = pc.invert(missing)
        present, lines = part.filter(kept), lines[kept.to_numpy().astype(bool)]
        if not len(present):
            return
        self.first = self.first or present[0].as_py()
        self.present += len(present)
        numeric = text._matches(present, NUMBER.pattern)
        self._look_at_numbers(present, numeric)
        numbers = pc.sum(numeric).as_py()
        self.numbers += numbers
        self._odd("number", numeric, present, lines)
        if self.commas:
            self._look_at_commas(present)
        self.dressed = self.dressed and pc.all(text._matches(present, text._DRESSED)).as_py()
        if numbers == len(present):  # and so neither dates nor true and false
            self.dated = False
            for kind in ("date", "bool"):
                self.odd.setdefault(kind, f"{self.name}: {shortened(present[0].as_py())} in line {lines[0]}")
            return
        dates = text._matches(present, DATE.pattern)
        self.dates += pc.sum(dates).as_py()
        self._odd("date", dates, present, lines)
        if self.dated:
            self._look_at_dates(present)
        bools = text._matches(present, "(?i:true|false)")
        self.bools += pc.sum(bools).as_py()
        self._odd("bool", bools, present, lines)

    def _odd(self, kind: str, fits: pa.ChunkedArray, present: pa.ChunkedArray, lines: np.ndarray) -> None:
        if kind not in self.odd and not pc.all(fits).as_py():
            at = int(np.argmin(fits.to_numpy().astype(bool)))
            self.odd[kind] = f"{self.name}: {shortened(present[at].as_py())} in line {lines[at]}"

    def _look_at_numbers(self, present: pa.ChunkedArray, numeric: pa.ChunkedArray) -> None:
        others = present.filter(pc.invert(numeric))
        if len(others):
            gaps = pc.is_in(others, value_set=pa.array(MISSING_AMONG_NUMBERS))
            self.others_are_gaps = self.others_are_gaps and pc.all(gaps).as_py()
            if self.others_are_gaps:
                self.among.update({e["values"]: e["counts"] for e in pc.value_counts(others).to_pylist()})
        if not self.others_are_gaps:
            return
        numbers = present.filter(numeric)
        if not len(numbers):
            return
        self.named = self.named or pc.any(text._matches(numbers, text.NAMES)).as_py()
        whole = pc.match_substring_regex(numbers, text._INTEGER)
        values = numbers.cast(pa.float64()).to_numpy()
        self.exact = self.exact and not bool(np.any(whole.to_numpy() & (np.abs(values) >= EXACT)))
        self.whole = self.whole and pc.all(whole).as_py()
        self.pointed = self.pointed or pc.any(pc.match_substring(numbers, ".")).as_py()

    def _look_at_commas(self, present: pa.ChunkedArray) -> None:
        self.commas = pc.all(text._matches(present, text._WITH_COMMA)).as_py()
        with_comma = present.filter(pc.match_substring(present, ","))
        if self.commas and len(with_comma):
            self.comma = True
            unclear = pc.all(text._matches(with_comma, text.UNCLEAR_COMMA)).as_py()
            self.unclear_commas = self.unclear_commas and unclear

    def _look_at_dates(self, present: pa.ChunkedArray) -> None:
        pattern = self._pattern()
        self.dated = bool(DATE.match(self.first)) and pc.all(pc.match_substring_regex(present, pattern)).as_py()
        if not self.dated:
            return
        orders = [None]
        if pattern is text._YEAR_LAST:
            orders = ["day-first", "month-first"]
            for k, part in enumerate(text._date_parts(present, pattern, "a", "b")):
                self.greatest[k] = max(self.greatest[k], int(part.max()))
        for order in orders:
            real = text._calendar(present, pattern, order)[1]
            if not real.all() and self.real[order]:
                self.real[order] = False
                self.unreal = self.unreal or f"{self.name}: {present[int(np.argmin(real))].as_py()} is no date"

    def _pattern(self) -> str:
        return text._YEAR_FIRST if re.match("[0-9]{4}", self.first) else text._YEAR_LAST

    @property
    def kind(self) -> str:
        """empty, number, name (a number that is one), decimal-comma, bool, date, day-first, month-first or text."""
        if not self.present:
            return "empty"
        if self.numbers and self.others_are_gaps:
            return "name" if self.named or not self.exact else "number"
        if self.commas and self.comma and not self.unclear_commas:
            return "decimal-comma"
        if self.bools == self.present:
            return "bool"
        if self.dated:
            if self._pattern() is text._YEAR_FIRST:
                return "date" if self.real[None] else "text"
            if (self.greatest[0] > 12) != (self.greatest[1] > 12):
                order = "day-first" if self.greatest[0] > 12 else "month-first"
                return order if self.real[order] else "text"
        return "text"

    def _gaps(self, part: pa.ChunkedArray) -> np.ndarray:
        markers = MISSING + (MISSING_AMONG_NUMBERS if self.kind in ("number", "name") else ())
        return pc.is_in(part, value_set=pa.array(markers)).to_numpy().astype(bool)

    def read(self, part: pa.ChunkedArray) -> np.ndarray:
        kind, gone = self.kind, self._gaps(part)
        if kind == "empty":
            return np.full(len(part), None, dtype=object)
        complete = not self.missing and not (self.among and kind in ("number", "name"))
        if kind in ("text", "name") or (kind == "bool" and not complete):
            known = pc.if_else(pa.array(gone), pa.scalar(None, pa.string()), part.combine_chunks())
            return known.to_numpy(zero_copy_only=False)
        if kind == "bool":
            return pc.equal(pc.utf8_lower(part), "true").to_numpy()
        present = part.filter(pa.array(~gone))
        if kind == "number":
            numbers = np.array(present.cast(pa.float64()).to_numpy())
            whole = self.whole and complete
            return numbers.astype(np.int64) if whole else text._spread(numbers, gone, np.nan)
        if kind == "decimal-comma":
            return text._spread(text._from_commas(present), gone, np.nan)
        order = None if kind == "date" else kind
        dates = np.empty(0, "datetime64[s]")
        if len(present):
            dates = text._calendar(present, self._pattern(), order)[0]
        return text._spread(dates, gone, np.datetime64("NaT"))

    def words(self, part: pa.ChunkedArray) -> dict[int, str]:
        if self.kind not in ("text", "bool"):
            return {}
        rows = np.flatnonzero(self._gaps(part))
        said = {int(row): part[int(row)].as_py() for row in rows}
        return {row: word for row, word in said.items() if any(c.isascii() and c.isalpha() for c in word)}

    def say(self, notes: Notes) -> None:
        kind = self.kind
        gaps = self.missing + (self.among if kind in ("number", "name") else Counter())
        notes.missing.update(gaps)
        if gaps:
            notes.gaps.append(f"{self.name}: {gaps.total()}")
        if kind == "empty":
            notes.empty.append(self.name)
        elif kind == "name":
            notes.names.append(self.name)
        elif kind == "decimal-comma":
            notes.decimal_comma.append(self.name)
        if kind in ("decimal-comma", "day-first", "month-first"):
            notes.formats[self.name] = kind
        if kind == "number" and self.pointed:
            notes.formats[self.name] = "decimal-point"
        if kind == "text":
            self._say_why_text(notes)

    def _say_why_text(self, notes: Notes) -> None:
        if self.dated and self._pattern() is text._YEAR_LAST and (self.greatest[0] > 12) == (self.greatest[1] > 12):
            notes.unclear_dates.append(f"{self.name}: {self.first}")
        elif self.dated and self.unreal:
            notes.almost.append((self.unreal, 1))
        if self.dressed:
            notes.dressed.append(f"{self.name}: {shortened(self.first)}")
            return
        for count, kind in ((self.numbers, "number"), (self.dates, "date"), (self.bools, "bool")):
            if ODD * self.present <= count < self.present:
                notes.almost.append((self.odd[kind], self.present - count))
                return


class Arrow(Facts):
    """Cells of one of Arrow's types."""

    def __init__(self) -> None:
        self.gaps = self.inner_gaps = False
        self.largest = 0

    def look(self, part: pa.ChunkedArray, lines: np.ndarray) -> None:
        part = _plain(part)
        self.gaps = self.gaps or part.null_count > 0
        if pa.types.is_integer(part.type):
            self.largest = max([self.largest, *(abs(v) for v in pc.min_max(part).as_py().values() if v is not None)])
        elif pa.types.is_fixed_size_list(part.type):
            self.inner_gaps = self.inner_gaps or pc.list_flatten(part).null_count > 0

    def read(self, part: pa.ChunkedArray) -> np.ndarray:
        part = _plain(part)
        kind = part.type
        if (pa.types.is_boolean(kind) and self.gaps) or (pa.types.is_integer(kind) and self.largest > EXACT):
            return objects(part.cast(pa.string()).to_pylist())
        if pa.types.is_integer(kind) and self.gaps:
            part = part.cast(pa.float64())
        elif pa.types.is_fixed_size_list(kind) and (self.gaps or self.inner_gaps):
            return objects(part.to_pylist())
        return arrow_column(part)


def _plain(part: pa.ChunkedArray) -> pa.ChunkedArray:
    return part.cast(part.type.value_type) if pa.types.is_dictionary(part.type) else part


class Values(Facts):
    """Python values, as JSON has them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.kinds: set[type] = set()
        self.gaps = self.large = False

    def look(self, part: list, lines: np.ndarray) -> None:
        for value in part:
            if value is None or value != value:
                self.gaps = True
            else:
                self.kinds.add(type(value))
                self.large = self.large or (type(value) is int and abs(value) > EXACT)

    def read(self, part: list) -> np.ndarray:
        part = [None if v != v else v for v in part]
        if not self.kinds or self.kinds == {str} or self.kinds == {list}:
            return python_column(part)[0]
        if self.kinds == {bool}:
            return arrow_column(pa.array(part, pa.bool_())) if not self.gaps else _as_text(pa.array(part, pa.bool_()))
        if self.kinds <= {int, float} and not (self.large and float not in self.kinds):
            whole = self.kinds == {int} and not self.gaps
            return arrow_column(pa.array(part, pa.int64() if whole else pa.float64()))
        return objects([None if v is None else str(v) for v in part])

    @property
    def mixed(self) -> bool:
        return not (len(self.kinds) < 2 or self.kinds <= {int, float})


def _as_text(values: pa.Array) -> np.ndarray:
    return objects(values.cast(pa.string()).to_pylist())


def findings_of(facts: dict[str, Facts], name: str) -> tuple[list[Finding], dict[str, str]]:
    """What reading a table so has to tell, and the formats of its columns, as in `Raw.formats`."""
    notes = Notes(name)
    for column in facts.values():
        column.say(notes)
    found = notes.findings()
    mixed = [column.name for column in facts.values() if isinstance(column, Values) and column.mixed]
    if mixed:
        message = "columns mix kinds of values and were read as text"
        found.append(Finding("D023", "warning", message, len(mixed), tuple(mixed[:5])))
    return found, notes.formats
