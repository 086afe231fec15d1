"""The column to be learned: found by its name, its blanks and words read as they are meant, what cannot be learned told."""

from __future__ import annotations

import difflib
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import replace

import numpy as np

from mapsto.core.errors import DataError
from mapsto.core.faults import refusal
from mapsto.core.nouns import Domain, Finding, Raw
from mapsto.core.text import clean, few, many
from mapsto.data.folder import UNSORTED
from mapsto.data.frames import objects
from mapsto.data.missing import MISSING, MISSING_AMONG_NUMBERS
from mapsto.data.splits import Parts
from mapsto.domains.categories import Categories
from mapsto.domains.category import Category
from mapsto.domains.number import LARGEST
from mapsto.domains.tags import Tags
from mapsto.framing import infer
from mapsto.framing.infer import Kind

MISSING_TARGETS = 0.05  # a larger share of rows without a target is an error, not a repair
UNSEEN = "Correct these labels, or leave the rows out: --set data.drop_unseen=true (evaluate: --drop-unseen)"
YES_OR_NO = {1.0: 1, 0.0: 0, "1": 1, "0": 0, "yes": 1, "no": 0, "true": 1, "false": 0, "y": 1, "n": 0, "t": 1, "f": 0}


def with_target(raw: Raw, wanted: str | list[str] | None, findings: list[Finding]) -> tuple[Raw, str]:
    """The target's name as the data spell it; several targets of yes and no become one column of labels."""
    wanted = wanted or raw.target
    if not len(raw):
        raise DataError(f"{clean(raw.name)} holds no examples.", "Name a source with at least a few rows.", "D107")
    if not wanted:
        if any(found.code == UNSORTED for found in findings):  # there the source says what is missing
            raise refusal(findings)
        names = list(raw.columns)
        raise DataError(
            f"which column of {clean(raw.name)} should be learned? No target was named.",
            f"Name one with --target, for example --target {clean(names[-1])!r}. Its columns: {few(names, 30)}."
            + (" Which nodes are joined: --target edges" if raw.relation is not None else ""),
            "D131",
        )
    if isinstance(wanted, str):
        name = infer.find_column(raw, wanted)
        if name != wanted:
            findings.append(
                Finding("C001", "note", f"target '{clean(wanted)}' was taken to mean the column '{clean(name)}'")
            )
        return with_words(raw, name), name
    found = list(dict.fromkeys(infer.find_column(raw, w) for w in wanted))
    marks = np.column_stack([yes_or_no(raw.columns[name], name) for name in found])
    labels = np.array(found, dtype=object)
    together = objects([None if np.isnan(row).any() else labels[row > 0].tolist() for row in marks])
    columns = {name: values for name, values in raw.columns.items() if name not in found}
    name = "+".join(found)
    return replace(raw, columns={**columns, name: together}, target=name), name


def likely_target(raw: Raw, wanted: str | list[str] | None) -> str | list[str] | None:
    """What a misspelt target must have meant; None where that is in doubt."""
    if isinstance(wanted, list):
        meant = [likely_target(raw, word) for word in wanted]
        return None if None in meant else meant  # type: ignore[return-value]
    if wanted is None or wanted in raw.columns:
        return wanted
    folded = {column.casefold(): column for column in raw.columns}
    near = difflib.get_close_matches(wanted.casefold(), folded, n=2, cutoff=0.75)
    return folded[near[0]] if len(near) == 1 else None


def with_words(raw: Raw, name: str, joined: bool | None = None) -> Raw:
    """NA, null and their like may be a class of their own: in a target of text only an empty cell is missing.

    joined: whether its texts hold several labels each; None finds out."""
    words, values = raw.words.get(name), raw.columns[name]
    if not words or (infer.label_separator(infer.present_values(values)) if joined is None else joined):
        return raw
    values = values.copy()
    values[list(words)] = list(words.values())
    return replace(raw, columns={**raw.columns, name: values})


def read_target(raw: Raw, name: str, kind: Kind, most_missing: float, findings: list[Finding]) -> Raw:
    """The rows that have a target one can learn; what was left out, and what cannot be learned at all, is found."""
    raw = _with_blanks_read(raw, name, kind, findings)
    raw = _with_finite_targets(raw, name, kind, findings)
    raw = _with_known_targets(raw, name, most_missing, findings)
    values = raw.columns[name]
    if values.ndim == 1 and kind.name in ("category", "number"):
        findings.extend(oddities(values, clean(name), kind))
    return raw


def oddities(values: np.ndarray, shown: str, kind: Kind) -> Iterator[Finding]:
    distinct = infer.distinct_values(values)
    if distinct == 1:
        yield Finding(
            "D133",
            "error",
            f"the target '{shown}' is '{clean(str(values[0]), 40)}' in every row: there is nothing to tell apart.",
            remedy="Name a target with at least 2 values, or add examples of the other class.",
        )
    if kind.name != "category":
        return
    if values.dtype.kind == "f" and distinct > infer.MANY_CLASSES and (values != np.round(values)).any():
        yield Finding(
            "D134",
            "error",
            f"the target '{shown}' holds {distinct} different numbers, as classes: is it a number to be said (regression)?",
            remedy="Did you mean --set data.kinds.COLUMN=number, or no kind at all?",
        )
    meant = MISSING[2:] + MISSING_AMONG_NUMBERS
    words = {word: count for word in meant if word.isalpha() and (count := int((values == word).sum()))}
    if words:
        said = ", ".join(f"'{word}' × {count}" for word, count in words.items())
        yield Finding(
            "C005",
            "warning",
            f"{said} in the target '{shown}' is taken for a class of its own, not as missing",
            sum(words.values()),
            remedy="Leave cells empty where the answer is not known.",
        )


def yes_or_no(values: np.ndarray, name: str) -> np.ndarray:
    """[N] 1 and 0, NaN where missing. DataError for values that are neither a yes nor a no."""
    unknown = infer.missing(values)
    if values.dtype.kind in "biuf":
        said = values.astype(float).tolist()
    else:
        said = [value.strip().casefold() if isinstance(value, str) else value for value in values.tolist()]
    marks = np.full(len(values), np.nan)
    for row in np.flatnonzero(~unknown):
        if not isinstance(said[row], Hashable) or said[row] not in YES_OR_NO:
            raise DataError(
                f"several targets are labels, each yes or no (1 or 0), but '{clean(name)}' also holds "
                f"{clean(str(values[row]), 40)!r}.",
                "Name one target, or columns of 1 and 0, true and false, or yes and no.",
                "D138",
            )
        marks[row] = YES_OR_NO[said[row]]
    return marks


def blanks_as_none(values: np.ndarray) -> np.ndarray:
    """In a column of joined labels ("cat|dog") a blank cell says that none of them holds."""
    unknown = infer.missing(values)
    texts = values.dtype == object and any(isinstance(v, str) for v in values)
    return (
        objects(["" if u else v for v, u in zip(values, unknown, strict=True)]) if texts and unknown.any() else values
    )


def label_lists(values: np.ndarray) -> np.ndarray:
    """A column of joined labels taken apart at the first of `SEPARATORS` that is in it; any other column as it is."""
    texts = [v for v in values if isinstance(v, str)]
    mark = next((mark for mark in infer.SEPARATORS if any(mark in text for text in texts)), "")
    if not mark:
        return values
    return objects([[p.strip() for p in v.split(mark) if p.strip()] if isinstance(v, str) else v for v in values])


def _with_blanks_read(raw: Raw, name: str, kind: Kind, findings: list[Finding]) -> Raw:
    blank = infer.missing(raw.columns[name])
    values = blanks_as_none(raw.columns[name]) if kind.name == "categories" else raw.columns[name]
    if values is raw.columns[name]:
        return raw
    rows = np.flatnonzero(blank)
    findings.append(
        Finding(
            "C004",
            "note",
            f"{many(len(rows), 'row')} whose '{clean(name)}' is blank count as having none of the labels; "
            "remove rows that nobody has labelled",
            len(rows),
            _named(raw, rows),
        )
    )
    return replace(raw, columns={**raw.columns, name: values})


def _with_finite_targets(raw: Raw, name: str, kind: Kind, findings: list[Finding]) -> Raw:
    values = raw.columns[name]
    if kind.name != "number" or values.dtype.kind not in "iuf":
        return raw
    beyond = np.abs(values) > LARGEST
    if not beyond.any():
        return raw
    rows = np.flatnonzero(beyond)
    what = "infinite" if np.isinf(values[rows]).all() else f"infinite or beyond {LARGEST:.0e}"
    message = f"the target '{clean(name)}' is {what} in {many(len(rows), 'row')}"
    findings.append(Finding("D136", "error", message, len(rows), _named(raw, rows), "Correct or remove these rows."))
    return take(raw, np.flatnonzero(~beyond))


def _with_known_targets(raw: Raw, name: str, most: float, findings: list[Finding]) -> Raw:
    unknown = infer.missing(raw.columns[name])
    if not unknown.any():
        return raw
    rows, share = np.flatnonzero(unknown), unknown.mean()
    if raw.relation is not None:
        message = f"{many(len(rows), 'node')} without a '{clean(name)}': no examples, but part of the graph"
        findings.append(Finding("C091", "note", message, len(rows), _named(raw, rows)))
    elif share > most:
        message = f"the target '{clean(name)}' is missing in {many(len(rows), 'row')} of {len(raw)} ({share:.0%})"
        remedy = "If these rows should be left out, say so: --set data.missing_targets=1.0"
        findings.append(Finding("D137", "error", message, len(rows), _named(raw, rows), remedy))
    else:
        message = f"{many(len(rows), 'row')} without a target left out"
        findings.append(Finding("C002", "repair", message, len(rows), _named(raw, rows)))
    return take(raw, np.flatnonzero(~unknown))


def take(raw: Raw, rows: np.ndarray) -> Raw:
    """The raw data of these rows only."""
    return replace(
        raw,
        columns={name: values[rows] for name, values in raw.columns.items()},
        split=None if raw.split is None else raw.split[rows],
        labels=row_labels(raw)[rows],
        relation=None if raw.relation is None else raw.relation.take(rows),
    )


def without_unseen_labels(
    raw: Raw, name: str, target: Domain, parts: Parts, refused: bool, findings: list[Finding]
) -> Parts:
    """Exam rows whose class no training row has: nothing can be right about them, so they are left out and counted.

    refused: that is an error; the exam was not drawn from the same rows, and may be about something else.
    """

    def found(count: int, message: str, labels: Iterable) -> None:
        code, level, remedy = ("D149", "error", UNSEEN) if refused else ("C003", "warning", "")
        shown = tuple(sorted(clean(str(label), 30) for label in labels)[:5])
        findings.append(Finding(code, level, message, count, shown, remedy))

    kept = dict(parts)
    for part in ("valid", "test"):
        rows = parts[part]
        if isinstance(target, Tags) and (unseen := target.unseen(raw.columns[name][rows])):
            count = unseen.total()
            found(count, f"{many(count, 'word')} of {part} without a tag: no training row has theirs", unseen)
        elif isinstance(target, Categories) and (unseen := target.unseen(raw.columns[name][rows])):
            count = unseen.total()
            found(count, f"{many(count, 'label')} in rows of {part} left out: no training row has them", unseen)
        elif isinstance(target, Category) and (unseen := target.unseen(raw.columns[name][rows])):
            count = unseen.total()
            found(count, f"{many(count, 'row')} of {part} left out: no training row has their class", unseen)
            kept[part] = rows[(target.encode(raw.columns[name][rows]) >= 0).numpy()]
    return kept


def row_labels(raw: Raw) -> np.ndarray:
    return raw.labels if raw.labels is not None else np.array([f"row {i + 1}" for i in range(len(raw))], dtype=object)


def _named(raw: Raw, rows: np.ndarray) -> tuple[str, ...]:
    """The first of these rows, as a person finds them in the source."""
    return tuple(clean(str(label), 60) for label in row_labels(raw)[rows[:3]])
