"""A column of raw values as it comes: a list, a NumPy array, a Series; and what counts as missing in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from mapsto.core.errors import DataError
from mapsto.core.text import clean

BLANK = ("", "NaN", "nan")


def items(values: Sequence) -> list:
    """The values one by one, as Python's own where they were NumPy's."""
    if isinstance(values, list | tuple):
        return list(values)
    return np.asarray(values).tolist()


def missing(value: Any) -> bool:
    """None, NaN, NaT, or pandas' NA and NaT (known by name: pandas may not be there, and NA cannot be compared)."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, float | np.floating):
        return math.isnan(value)
    if isinstance(value, np.datetime64):
        return bool(np.isnat(value))
    return False


def numbers(values: Sequence, what: str = "Number") -> np.ndarray:
    """[N] float64, NaN where missing. DataError names the first value that is no number."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "mMc":
        raise DataError(
            f"{what} needs plain numbers, but the column is {values.dtype}.", "Date reads points in time.", "D150"
        )
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        found = np.array([_number(value, i, what) for i, value in enumerate(items(values))], dtype=np.float64)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if found.ndim != 1:
        raise DataError(
            f"{what} needs one number a value, [N], but the column is {list(found.shape)}.",
            "Vector reads several numbers a value.",
            "D150",
        )
    return found


def _number(value: Any, place: int, what: str) -> float:
    if missing(value) or (isinstance(value, str) and value.strip() in BLANK):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{what} needs numbers, but value {place} is {clean(repr(value), 60)}.",
            "Mend the value, leave it empty, or read the column as a category.",
            "D150",
        ) from error


def parts(value: Any, place: int, what: str) -> list:
    """A value that has several parts, as a list; a text is taken apart at its spaces. DataError where it is neither."""
    if isinstance(value, str):
        return value.split()
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple) and not any(missing(part) for part in value):
        return list(value)
    raise DataError(
        f"{what} needs lists, or texts whose parts are set apart by spaces, but value {place} is {clean(repr(value), 60)}.",
        "Mend the value, or leave its row out.",
        "D150",
    )
