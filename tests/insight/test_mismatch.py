"""Test rows that come from elsewhere are told apart, and rows from the same place are not."""

from __future__ import annotations

import time

import numpy as np
import pytest

from mapsto.core.errors import ShapeError
from mapsto.insight.mismatch import tell_apart

NAMES = ["age", "fare", "deck"]


def rows(seed: int, n: int = 600) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 3))


def test_rows_from_the_same_place_cannot_be_told_apart():
    found = tell_apart(rows(0), rows(1), NAMES)
    assert found.auc.low < 0.5 < found.auc.high + 0.03
    assert all(auc < 0.57 for _, auc in found.columns)


def test_the_column_that_shifted_gives_it_away():
    test = rows(1, 200)
    test[:, 1] += 1.5
    found = tell_apart(rows(0), test, NAMES)
    assert found.auc.low > 0.75
    assert found.columns[0][0] == "fare" and found.columns[0][1] > 0.75
    assert all(auc < 0.6 for _, auc in found.columns[1:])


def test_another_spread_or_missing_values_give_it_away_too():
    wide, holes = rows(1), rows(2)
    wide[:, 2] *= 4
    holes[::2, 0] = np.nan
    assert tell_apart(rows(0), wide, NAMES).columns[0][0] == "deck"
    found = tell_apart(rows(0), holes, NAMES)
    assert found.columns[0][0] == "age" and found.auc.low > 0.65


def test_columns_that_shift_only_together_are_still_found():
    train, test = rows(0, 1500), rows(1, 1500)
    train[:, 1] = train[:, 0] + 0.2 * train[:, 1]  # the same in each column alone, but for its spread
    test[:, 1] = -test[:, 0] + 0.2 * test[:, 1]
    found = tell_apart(train, test, NAMES)
    assert found.auc.low > 0.8
    assert found.columns[0][1] < 0.6


def test_the_same_seed_tells_the_same():
    assert tell_apart(rows(0), rows(1), NAMES, seed=3) == tell_apart(rows(0), rows(1), NAMES, seed=3)


def test_many_rows_and_columns_take_a_bounded_time():
    draw = np.random.default_rng(0)
    many = draw.normal(size=(20_000, 300)).astype(np.float32)
    began = time.perf_counter()
    found = tell_apart(many[:10_000], many[10_000:], [str(p) for p in range(300)])
    assert time.perf_counter() - began < 8  # about 2 s on a quiet core
    assert found.auc.value < 0.57 and len(found.columns) == 300


def test_too_few_rows_tell_nothing_and_columns_that_do_not_fit_are_refused():
    assert np.isnan(tell_apart(rows(0, 10), rows(1), NAMES).auc.value)
    with pytest.raises(ShapeError, match="2 names"):
        tell_apart(rows(0), rows(1), NAMES[:2])
