"""Who is trained on and who is examined: at random, by group, by time, or as somebody else has dealt."""

from __future__ import annotations

from typing import Any

import numpy as np

from mapsto.core.errors import DataError, FrameError
from mapsto.core.nouns import Problem, Raw
from mapsto.core.text import clean, few
from mapsto.data.splits import Parts, Split
from mapsto.framing import infer

PART_NAMES = {
    "train": "train", "training": "train",
    "valid": "valid", "val": "valid", "validation": "valid", "dev": "valid",
    "test": "test", "testing": "test", "eval": "test", "exam": "test",
}  # fmt: skip


def deal(raw: Raw, target_name: str, problem: Problem, split: dict[str, Any]) -> tuple[Parts, str]:
    """Who is trained on and who is examined, and how that came about in words."""
    parts, words = _dealt(raw, target_name, problem, split)
    share = split.get("share", 0.0)
    if not share:
        return parts, words
    classes, some = _strata(raw.columns[target_name], problem), Split(1 - share, 0.0, split["seed"])
    for part in ("train", "valid"):  # the exam stays as it is, so that shares can be compared
        rows = parts[part]
        parts[part] = some.at_random(rows, None if classes is None else classes[rows])["train"]
    return parts, f"{words}; of the rows to train and to choose by {share:.0%} are used"


def _dealt(raw: Raw, target_name: str, problem: Problem, split: dict[str, Any]) -> tuple[Parts, str]:
    how = Split(split["test"], split["valid"], split["seed"], split.get("folds", 0), split.get("fold", 0))
    if not (0 <= how.test < 1 and 0 <= how.valid < 1 and how.test + how.valid < 1):
        raise FrameError(
            f"the shares of test and valid add up to less than 1, but came {how.test} and {how.valid}.",
            "For example: --set data.split.test=0.2 --set data.split.valid=0.16",
            "F003",
        )
    rows = np.arange(len(raw))
    classes = _strata(raw.columns[target_name], problem)
    if split.get("column"):
        return _given(raw, _named_parts(raw, split["column"]), classes, how, f"the column '{clean(split['column'])}'")
    if split.get("group"):
        name = infer.find_column(raw, split["group"])
        parts = how.by_group(rows, np.array([str(v) for v in raw.columns[name]]))
        return parts, f"whole groups of '{clean(name)}' at random (split seed {how.seed})"
    if split.get("time"):
        name = infer.find_column(raw, split["time"])
        values = raw.columns[name]
        if values.dtype == object or infer.missing(values).any():
            raise DataError(
                f"a split by time needs a date or a number in every row, but '{clean(name)}' does not have one.",
                "Name another column with --time.",
                "D144",
            )
        return how.by_time(rows, values), f"by '{clean(name)}': the past trains, the future is the test"
    if raw.split is not None and not how.folds:
        return _given(raw, raw.split, classes, how, "the source")
    parts = how.at_random(rows, classes)
    share = (
        f"fold {how.fold + 1} of {how.folds} is the test"
        if how.folds
        else f"{how.test:.0%} test, {how.valid:.0%} valid"
    )
    even = ", every class alike" if classes is not None else ""
    return parts, f"at random{even}: {share} (split seed {how.seed})"


def _given(raw: Raw, given: np.ndarray, classes: np.ndarray | None, how: Split, who: str) -> tuple[Parts, str]:
    """Parts that somebody else dealt; what is lacking is dealt from the training rows."""
    parts = {name: np.flatnonzero(given == name) for name in ("train", "valid", "test")}
    words = f"given by {who}"
    if not len(parts["test"]) and len(parts["valid"]):
        parts["test"], parts["valid"] = parts["valid"], parts["test"]
        words += "; what it calls valid is the exam"
    if not len(parts["train"]):
        raise DataError(
            f"the split given by {who} has no training rows.", "Expected rows marked train, and test or valid.", "D143"
        )
    lacking = [name for name in ("test", "valid") if not len(parts[name])]
    if lacking:
        share = {
            "test": how.test if "test" in lacking else 0.0,
            "valid": min(how.valid if "test" in lacking else 0.1, 10_000 / len(parts["train"])),
        }
        own = Split(share["test"], share["valid"], how.seed)
        dealt = own.at_random(parts["train"], None if classes is None else classes[parts["train"]])
        parts = {**parts, **{name: dealt[name] for name in ["train", *lacking]}}
        words += f"; {' and '.join(lacking)} dealt from its training rows (split seed {how.seed})"
    return parts, words


def _named_parts(raw: Raw, column: str) -> np.ndarray:
    name = infer.find_column(raw, column)
    words = [str(v).strip().casefold() for v in raw.columns[name]]
    odd = sorted({w for w in words if w not in PART_NAMES})
    if odd:
        raise DataError(
            f"a split column says train, valid or test, but '{clean(name)}' also says {few(odd)}.",
            "Rename those values, or split at random.",
            "D142",
        )
    return np.array([PART_NAMES[w] for w in words], dtype=object)


def _strata(values: np.ndarray, problem: Problem) -> np.ndarray | None:
    """A whole number a row whose shares every part should have; None where there is none."""
    if problem != "classification":
        return None
    _, place = np.unique(np.array([str(v) for v in values]), return_inverse=True)
    return place
