"""What kind of value each column holds, and what problem that makes; each choice with its reason."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mapsto.core import names
from mapsto.core.errors import DataError, UnknownName
from mapsto.core.nouns import Problem, Raw
from mapsto.core.text import clean, few, many
from mapsto.domains.text import SPACELESS

LEFT_OUT = ("id", "aside", "constant", "empty", "leave-out")
FEW_CLASSES = 20  # a target of whole numbers with no more distinct values than this is a class
MANY_CLASSES = 20  # from which on a text that hardly comes twice is no class
SEPARATORS = ("|", ";")
PROSE = 2000  # values of a column by which it is told whether they are sentences
LONG = 50  # bytes of a text in UTF-8, from which on it is more than a name, as which a person's has 27
BEGINNING = 1000  # characters of each that are looked at
UNNAMED = re.compile(r"column[ _]\d+")  # as sources call those that have no name
COUNTER = "a different number in every row, counting up"


@dataclass(frozen=True)
class Kind:
    """The domain of a column by its registered name, or one of LEFT_OUT, and why."""

    name: str
    because: str

    @property
    def used(self) -> bool:
        return self.name not in LEFT_OUT


WHOLE = Kind("number", "whole numbers")


def find_column(raw: Raw, wanted: str) -> str:
    """The column of that name; a unique match but for case is taken. UnknownName offers the nearest."""
    if wanted in raw.columns:
        return wanted
    alike = [c for c in raw.columns if c.casefold() == wanted.casefold()]
    if len(alike) == 1:
        return alike[0]
    hint = names.near(wanted, raw.columns)
    raise UnknownName(
        f"no column '{clean(wanted)}' in {clean(raw.name)}."
        + (f" Near it: {', '.join(clean(h) for h in hint)}." if hint else ""),
        f"Its columns: {', '.join(clean(c) for c in list(raw.columns)[:40])}{' …' if len(raw.columns) > 40 else ''}."
        + (" To name them: --columns A,B,…" if any(UNNAMED.fullmatch(c) for c in raw.columns) else ""),
        "D130",
    )


def input_kind(values: np.ndarray) -> Kind:
    """The kind of an input column."""
    if values.ndim >= 3:
        return Kind("image", "pictures")
    if values.ndim == 2 and values.dtype.kind == "f" and np.isnan(values).all():
        return Kind("empty", "no value in any row")
    if values.ndim == 2:
        return Kind("vector", f"{values.shape[1]} numbers a row")
    if values.dtype.kind == "M":
        return Kind("date", "dates") if not _constant(values) else Kind("constant", "always the same")
    present = present_values(values)
    if not len(present):
        return Kind("empty", "no value in any row")
    if values.dtype == object and isinstance(present[0], np.ndarray):
        return Kind("image", "pictures") if present[0].ndim >= 2 else Kind("vector", "vectors")
    if values.dtype == object and isinstance(present[0], list | tuple | set):
        return Kind("categories", "lists of labels")
    if values.dtype == object and isinstance(present[0], dict):
        return Kind("whole-graph", "graphs")
    if _constant(values):
        return Kind("constant", "always the same")
    if values.dtype.kind == "b":
        return Kind("category", "true or false")
    if values.dtype.kind in "iuf":
        return _number_kind(present)
    return _word_kind(present)


def _number_kind(present: np.ndarray) -> Kind:
    whole = present.dtype.kind in "iu"
    if whole and len(present) >= 20 and len(np.unique(present)) == len(present):
        steps = np.diff(present.astype(np.float64))
        if (steps > 0).all() and steps.max() <= 3 * np.median(steps):
            return Kind("id", COUNTER)
    return WHOLE if whole else Kind("number", "numbers")


def _word_kind(present: np.ndarray) -> Kind:
    words = [str(v) for v in present]
    distinct = len(set(words))
    share = distinct / len(words)
    if (
        share > 0.5 and distinct > 5 and _is_prose(words[:: max(1, len(words) // PROSE)])
    ):  # rows may be sorted by length
        return Kind("text", f"{many(distinct, 'different text')}, mostly several words")
    if (distinct > 20 and share > 0.5) or (distinct == len(words) and distinct >= 10):
        return Kind("id", f"{share:.0%} of the values are different")
    return Kind("category", f"{many(distinct, 'different value')}")


def _is_prose(words: list[str]) -> bool:
    """Whether these are mostly several words each; of scripts that set none apart, several letters."""
    words = [word[:BEGINNING] for word in words]
    spaces = sum(word.count(" ") for word in words) / len(words)
    letters = sum(len(SPACELESS.findall(word)) for word in words) / len(words)
    return spaces >= 2 or letters >= 6


def of_sentences(values: np.ndarray) -> bool:
    """Whether a column holds more texts than one would name classes, each mostly of several words, be it that they come again."""
    words = sorted({str(v) for v in present_values(values)})
    return len(words) > MANY_CLASSES and _is_prose(words[:: max(1, len(words) // PROSE)])


def main_text(columns: dict[str, np.ndarray], texts: Sequence[str]) -> str:
    """Of these columns the text that rows are about: the only one whose values are long, and longer than all other columns
    together. "" where none is. texts: which of them are text."""
    long = [name for name in texts if _bytes(columns[name]) >= LONG]
    if len(long) != 1:
        return ""
    left = _bytes(columns[long[0]])
    for name, values in columns.items():
        left -= _bytes(values) if name != long[0] else 0
        if left <= 0:
            return ""
    return long[0]


def _bytes(values: np.ndarray) -> float:
    """About how much a value says, written out in UTF-8."""
    some = values[:: max(1, len(values) // PROSE)].tolist()
    return sum(len(str(v)[:BEGINNING].encode(errors="replace")) for v in some if v is not None) / max(1, len(some))


def target_kind(raw: Raw, column: str) -> Kind:
    """The kind of the target, which decides the problem. DataError where nothing can be learned from it."""
    values = raw.columns[column]
    shown, another = clean(column), "Name another with --target."
    if raw.kinds.get(column) == "tags":
        return Kind("tags", "one for each word, the source says so")
    if values.ndim > 1:
        return _wide_target(values, shown)
    present = present_values(values)
    if not len(present):
        raise DataError(f"the target '{shown}' has no value in any row.", another, "D132")
    if values.dtype == object and isinstance(present[0], list | tuple | set):
        return Kind("categories", "lists of labels")
    if values.dtype.kind == "M":
        raise DataError(f"the target '{shown}' holds dates, which cannot be learned as a target.", another, "D135")
    distinct = distinct_values(present)
    if values.dtype.kind in "iuf":
        finite = present[np.isfinite(present)]
        whole = len(finite) > 0 and bool((finite == np.round(finite)).all())
        if whole and distinct <= FEW_CLASSES and distinct < len(present):
            return Kind("category", f"whole numbers with only {distinct} different values")
        return Kind("number", f"{distinct} different {'whole ' if whole else ''}numbers")
    separator = label_separator(present)
    if separator:
        return Kind("categories", f"several labels a row, joined by '{separator}'")
    if _says_the_same_otherwise(raw, column, present):
        return Kind("text", "mostly several words, beside a text: the same, said otherwise")
    if distinct > 2 and (distinct == len(present) or (distinct > MANY_CLASSES and distinct > len(present) / 2)):
        raise DataError(
            f"the target '{shown}' is different in {'every one' if distinct == len(present) else distinct} of "
            f"{len(present)} rows ({few(present, 4)}): an id, free text or numbers written in words, which no function can give.",
            f"{another} If these are classes all the same: --set data.kinds.COLUMN=category; if they translate a text: COLUMN=text",
            "D134",
        )
    return Kind("category", f"{distinct} different values")


def _says_the_same_otherwise(raw: Raw, column: str, present: np.ndarray) -> bool:
    """Whether a target is text that hardly comes twice, and text is all there is to tell it from."""
    if raw.kinds.get(column, input_kind(present).name) != "text":
        return False
    others = {raw.kinds.get(name) or input_kind(v).name for name, v in raw.columns.items() if name != column}
    return others - set(LEFT_OUT) == {"text"}


def distinct_values(present: np.ndarray) -> int:
    return len(np.unique(present)) if present.dtype != object else len({str(v) for v in present})


def _wide_target(values: np.ndarray, shown: str) -> Kind:
    if values.ndim == 2 and np.isin(np.unique(values), (0, 1)).all():
        return Kind("categories", f"{values.shape[1]} columns of 0 and 1")
    raise DataError(
        f"the target '{shown}' has shape {list(values.shape)}; expected one value a row, or columns of 0 and 1 for several labels.",
        "Name another with --target.",
        "D135",
    )


def label_separator(present: Sequence) -> str:
    """What joins several labels in one text ("cat|dog"), where the pieces come again and again; else ""."""
    words = [str(v) for v in present[:5000]]
    for separator in SEPARATORS:
        if not any(separator in w for w in words):
            continue
        found = Counter(piece.strip() for w in set(words) for piece in w.split(separator))
        again = sum(count > 1 for count in found.values())
        if again >= len(found) / 2 and len(found) <= len(words) / 2:
            return separator
    return ""


def problem_of(kind: str) -> Problem:
    problems: dict[str, Problem] = {
        "number": "regression",
        "category": "classification",
        "categories": "multi-label",
        "text": "translation",
        "tags": "tagging",
    }
    if kind not in problems:
        raise DataError(
            f"a target of kind '{kind}' makes no problem this version can learn.",
            f"A target is of kind {', '.join(problems)}.",
            "D135",
        )
    return problems[kind]


def present_values(values: np.ndarray) -> np.ndarray:
    return values[~missing(values)]


def missing(values: np.ndarray) -> np.ndarray:
    """[N] bool: None, NaN or NaT."""
    if values.ndim > 1:
        flat = values.reshape(len(values), -1)
        return np.isnan(flat).all(axis=1) if values.dtype.kind == "f" else np.zeros(len(values), bool)
    if values.dtype.kind == "f":
        return np.isnan(values)
    if values.dtype.kind == "M":
        return np.isnat(values)
    if values.dtype == object:
        return np.fromiter((v is None or (isinstance(v, float) and v != v) for v in values), bool, len(values))
    return np.zeros(len(values), bool)


def _constant(values: np.ndarray) -> bool:
    present = present_values(values)
    if values.dtype == object:
        return not missing(values).any() and len({str(v) for v in present}) == 1
    return not missing(values).any() and bool((present == present[0]).all())
