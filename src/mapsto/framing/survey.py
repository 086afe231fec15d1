"""One pass over a stream whose columns are settled: which rows count, what its columns are, what their domains learn.

Exact over all rows: counts of classes and categories, least and greatest numbers, which columns have gaps. From a sample of
the rows (all of them, where they are few): kinds, means, spreads, sizes of pictures.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from mapsto.core import seeds
from mapsto.core.errors import DataError
from mapsto.core.faults import Faults
from mapsto.core.nouns import Domain, Finding, Problem, Raw
from mapsto.core.text import clean, many
from mapsto.data.frames import objects
from mapsto.data.stream import Stream
from mapsto.domains.categories import Categories
from mapsto.domains.category import Category
from mapsto.domains.number import LARGEST
from mapsto.domains.row import Row
from mapsto.domains.text import Text
from mapsto.framing import infer
from mapsto.framing.dealer import TEST, TRAIN, VALID, Dealer
from mapsto.framing.infer import Kind
from mapsto.framing.prepare import domain_of, input_of, kinds_of, overruled_kinds, refuse_no_text, rows_of
from mapsto.framing.tags import one_tag_a_word
from mapsto.framing.target import blanks_as_none, oddities, row_labels, take, with_target, with_words

SAMPLE = 8  # what a seed is for
ROWS, BYTES = 200_000, 96 << 20  # of the sample that domains are fitted on
DISTINCT = 100_000  # values of a column that are counted, one by one
LONG = 1000  # characters of a text that is no category: such a column is not counted


@dataclass
class Settled:
    """How every row is read and encoded."""

    stream: Stream
    dealer: Dealer
    wanted: str | list[str] | None
    target_name: str
    joined: bool  # several labels in one text: a blank says none of them
    kinds: dict[str, Kind]
    problem: Problem
    input: Domain
    target: Domain
    counts: dict[int, int]  # part → rows that will be written
    findings: Faults

    def rows(self, raw: Raw, lines: np.ndarray) -> tuple[Raw, np.ndarray, np.ndarray]:
        """Of a block: the rows that are written, the part of each, and their numbers."""
        raw, name = _with_target(raw, self.wanted, self.joined)
        if self.problem == "multi-label":
            raw.columns[name] = blanks_as_none(raw.columns[name])
        parts = self.dealer.deal(raw, lines)
        kept = ~infer.missing(raw.columns[name])
        if isinstance(self.target, Category):
            kept &= (self.target.encode(raw.columns[name]) >= 0).numpy()
        rows = np.flatnonzero(kept)
        return take(raw, rows), parts[rows], lines[rows]

    def encoded(self, raw: Raw, rows: np.ndarray) -> dict[str, Any]:
        columns: Any = raw.columns
        if not isinstance(self.input, Row):
            columns = raw.columns[self.input_column]
        asked, answers = rows_of(columns, rows), raw.columns[self.target_name][rows]
        if self.problem == "tagging":
            one_tag_a_word(self.input, asked, answers, row_labels(raw)[rows])
        return {
            "input": self.input.encode(asked),
            "target": self.target.encode(answers),
        }

    @property
    def input_column(self) -> str:
        return next(name for name, kind in self.kinds.items() if kind.used and name != self.target_name)


@dataclass
class Column:
    """What is known of one column over all training rows."""

    gaps: bool = False
    least: Any = None
    greatest: Any = None
    counts: Counter | None = field(default_factory=Counter)  # None: more distinct ones than are counted

    def add(self, values: np.ndarray, count: bool) -> None:
        gone = infer.missing(values)
        if values.dtype.kind == "f" and values.ndim == 1:
            gone = gone | ~np.isfinite(values)
        elif values.dtype.kind == "f":
            gone = gone | ~np.isfinite(values.reshape(len(values), -1)).all(1)
        self.gaps = self.gaps or bool(gone.any())
        there = values[~gone]
        if not len(there) or values.ndim > 1:
            return
        if values.dtype.kind in "iufM":
            least, greatest = there.min(), there.max()
            self.least = least if self.least is None else min(self.least, least)
            self.greatest = greatest if self.greatest is None else max(self.greatest, greatest)
        if self.counts is None or not count or isinstance(there[0], list | np.ndarray) or _are_long(there):
            self.counts = None
            return
        self.counts.update(there.tolist())
        if len(self.counts) > DISTINCT:
            self.counts = None

    def beside(self, sample: np.ndarray) -> np.ndarray:
        """A sample of the column, and what else is in it: every counted value, the least and the greatest."""
        if self.counts:
            more = objects(list(self.counts)) if sample.dtype == object else np.array(list(self.counts), sample.dtype)
        elif self.least is not None:
            more = np.array([self.least, self.greatest], sample.dtype)
        else:
            return sample
        return np.concatenate([sample, more])


def survey(stream: Stream, wanted: str | list[str] | None, dealer: Dealer, settings: dict[str, Any]) -> Settled:
    """Look at every row once. What is wrong with the data is refused, all of it at once where one can go on behind it."""
    found = Faults(stream.findings)
    said: dict[str, Column] = {}
    classes: dict[int, Column] = {part: Column() for part in (TRAIN, VALID, TEST)}
    counts: Counter[int] = Counter()
    unknown, beyond, joined, share, name = 0, 0, None, 0.0, ""
    sampled: list[tuple[Raw, np.ndarray]] = []
    overruled = settings.get("kinds", {})
    for raw, lines in stream.blocks():
        if joined is None:
            raw, name = with_target(raw, wanted, found)
            values = raw.columns[name]
            joined = values.dtype == object and bool(infer.label_separator(infer.present_values(values)))
            share = min(ROWS, max(256, BYTES // max(1, _bytes(raw) // max(1, len(raw))))) / stream.rows
        raw, name = _with_target(raw, wanted, joined)
        values = raw.columns[name]
        gone = infer.missing(values)
        if joined:
            gone[:] = False
        if values.dtype.kind == "f":
            far = np.abs(values) > LARGEST
            beyond, gone = beyond + int(far.sum()), gone | far
        unknown += int(infer.missing(values).sum()) if not joined else 0
        parts = dealer.deal(raw, lines)
        for part, column in classes.items():
            here = values[(parts == part) & ~gone]
            column.add(here, count=here.ndim == 1)
            counts[part] += len(here)
        train = (parts == TRAIN) & ~gone
        for column_name, column_values in raw.columns.items():
            if column_name != name:
                counted = column_values.dtype.kind in "Ob" or column_name in overruled
                said.setdefault(column_name, Column()).add(column_values[train], counted)
        rows = np.flatnonzero(~gone & (seeds.spread(lines, dealer.seed, SAMPLE) < share))
        if len(rows):
            sampled.append((take(raw, rows), parts[rows]))
    _refuse_targets(name, unknown, beyond, stream.rows, settings, found)
    if not sampled:
        raise DataError(f"the target '{clean(name)}' has no value in any row.", "Name another with --target.", "D132")
    raw, parts = _joined(sampled)
    complete = len(raw) == sum(counts.values())
    if counts[TRAIN] < 2:
        raise DataError(
            f"{many(stream.rows, 'row')} in all leave {many(counts[TRAIN], 'row')} to train on; at least 2 are needed.",
            "Add examples, or give smaller shares: --set data.split.test=0.1",
            "D140",
        )
    said[name] = _together(classes)
    seen = raw if complete else replace(raw, columns={n: said[n].beside(v) for n, v in raw.columns.items()})
    kinds_said = overruled_kinds(seen, name, overruled, found)
    target_kind = kinds_said.get(name) or infer.target_kind(seen, name)
    problem = infer.problem_of(target_kind.name)
    found.extend(oddities(seen.columns[name], clean(name), target_kind) if seen.columns[name].ndim == 1 else ())
    kinds = kinds_of(seen, name, kinds_said, {"column": dealer.column, "group": dealer.group, "time": ""})
    input, columns = input_of(raw, kinds, settings)
    refuse_no_text(problem, input)
    found.refuse()
    target = domain_of(target_kind, seen.columns[name], is_target=True, text=settings.get("text"))
    train = np.flatnonzero(parts == TRAIN)
    _fit(target, raw.columns[name][train], classes[TRAIN], complete)
    if isinstance(input, Row):
        for column_name, domain in input.columns.items():
            if not isinstance(domain, Text):
                _fit(domain, columns[column_name][train], said[column_name], complete)
        input.fit_texts(rows_of(columns, train))
        numeric = [n for n, domain in input.columns.items() if not isinstance(domain, Category | Text)]
        input.flagged = [n for n in numeric if said[n].gaps]
    else:
        input.fit(rows_of(columns, train))
    if not complete:
        message = (
            f"kinds, means and spreads were learned from a random sample of {len(train):,} of {counts[TRAIN]:,} training rows; "
            "classes, categories, gaps and extremes from all"
        )
        found.append(Finding("C081", "note", message, len(train)))
    counts = _without_unseen(target, classes, counts, found)
    return Settled(
        stream,
        dealer,
        wanted,
        name,
        bool(joined),
        {**kinds, name: target_kind},
        problem,
        input,
        target,
        dict(counts),
        found,
    )


def _with_target(raw: Raw, wanted: str | list[str] | None, joined: bool) -> tuple[Raw, str]:
    """A block with its target, read as that of the first was."""
    if isinstance(wanted or raw.target, str):
        name = infer.find_column(raw, wanted or raw.target)
        return (raw if joined else with_words(raw, name, joined=False)), name
    return with_target(raw, wanted, [])


def _refuse_targets(name: str, unknown: int, beyond: int, rows: int, settings: dict[str, Any], found: Faults) -> None:
    shown = clean(name)
    if beyond:
        message = f"the target '{shown}' is infinite or beyond {LARGEST:.0e} in {many(beyond, 'row')}"
        found.append(Finding("D136", "error", message, beyond, remedy="Correct or remove these rows."))
    if unknown > settings["missing_targets"] * rows:
        message = f"the target '{shown}' is missing in {many(unknown, 'row')} of {rows} ({unknown / rows:.0%})"
        remedy = "If these rows should be left out, say so: --set data.missing_targets=1.0"
        found.append(Finding("D137", "error", message, unknown, remedy=remedy))
    elif unknown:
        found.append(Finding("C002", "repair", f"{many(unknown, 'row')} without a target left out", unknown))


def _fit(domain: Domain, sample: np.ndarray, known: Column, complete: bool) -> None:
    """Fit to a sample of the training values, and to what is known of all of them."""
    if isinstance(domain, Category) and known.counts is not None:
        domain.fit_counts(known.counts)
    elif isinstance(domain, Categories) and known.counts is not None:
        each = objects(list(known.counts))
        domain.fit(each)
        times = np.array(list(known.counts.values()), dtype=np.int64)
        domain.counts = (domain.encode(each).numpy().astype(np.int64) * times[:, None]).sum(0).tolist()
    else:
        alone = complete or isinstance(domain, Text)  # how often a word comes is not to be seen from each text once
        domain.fit(sample if alone else known.beside(sample))


def _together(classes: dict[int, Column]) -> Column:
    """The target's column over all parts."""
    made = Column()
    for column in classes.values():
        made.gaps = made.gaps or column.gaps
        made.counts = None if None in (made.counts, column.counts) else made.counts + column.counts
        ends = [v for v in (made.least, column.least) if v is not None]
        made.least = min(ends) if ends else None
        ends = [v for v in (made.greatest, column.greatest) if v is not None]
        made.greatest = max(ends) if ends else None
    return made


def _without_unseen(target: Domain, classes: dict[int, Column], counts: Counter, found: Faults) -> Counter:
    """How many rows are left of each part once those are left out whose class no training row has; they are told."""
    counts = Counter(counts)
    for part, word in ((VALID, "valid"), (TEST, "test")):
        if not isinstance(target, Category) or not classes[part].counts:
            continue
        unseen = {v: n for v, n in classes[part].counts.items() if int(target.encode([v])[0]) < 0}
        if unseen:
            count = sum(unseen.values())
            message = f"{many(count, 'row')} of {word} left out: no training row has their class"
            found.append(Finding("C003", "warning", message, count, tuple(sorted(map(str, unseen))[:5])))
            counts[part] -= count
    return counts


def _joined(sampled: list[tuple[Raw, np.ndarray]]) -> tuple[Raw, np.ndarray]:
    """Parts of the sample as one."""
    first = sampled[0][0]
    columns = {}
    for name in first.columns:
        pieces = [raw.columns[name] for raw, _ in sampled]
        alike = len({(p.dtype, p.shape[1:]) for p in pieces}) == 1
        columns[name] = np.concatenate(pieces) if alike else objects([v for piece in pieces for v in piece])
    labels = np.concatenate([row_labels(raw) for raw, _ in sampled])
    return replace(first, columns=columns, labels=labels, split=None), np.concatenate([parts for _, parts in sampled])


def _bytes(raw: Raw) -> int:
    """About what its columns take."""
    total = 0
    for values in raw.columns.values():
        inner = sum(map(_inner, values)) if values.dtype == object else 0
        total += inner + (80 * len(values) if values.dtype == object else values.nbytes)
    return total


def _inner(value: Any) -> int:
    """Bytes of a value beside the 80 that any takes."""
    return value.nbytes if isinstance(value, np.ndarray) else len(value) if isinstance(value, str | list) else 0


def _are_long(values: np.ndarray) -> bool:
    return values.dtype == object and any(isinstance(value, str) and len(value) > LONG for value in values)
