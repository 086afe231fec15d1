"""Who is trained on and who is examined."""

from __future__ import annotations

import numpy as np
import pytest

from mapsto.core.errors import DataError
from mapsto.data.splits import Split

ROWS = np.arange(1000)


def together(parts):
    return np.sort(np.concatenate(list(parts.values())))


@pytest.mark.parametrize(
    "split", [Split(), Split(test=0.3, valid=0.1, seed=7), Split(folds=5, fold=3), Split(test=0.0)]
)
def test_every_row_is_in_exactly_one_part(split):
    assert np.array_equal(together(split.at_random(ROWS)), ROWS)


def test_the_shares_are_what_was_asked_for():
    parts = Split(test=0.2, valid=0.16).at_random(ROWS)
    assert {k: len(v) for k, v in parts.items()} == {"train": 640, "valid": 160, "test": 200}


def test_the_same_seed_deals_the_same_and_another_seed_otherwise():
    deal = [Split(seed=s).at_random(ROWS)["test"] for s in (0, 0, 1)]
    assert np.array_equal(deal[0], deal[1]) and not np.array_equal(deal[0], deal[2])


def test_every_part_has_its_share_of_each_class():
    classes = np.repeat([0, 1, 2], [700, 250, 50])
    for part, share in (("train", 0.64), ("valid", 0.16), ("test", 0.2)):
        counts = np.bincount(classes[Split().at_random(ROWS, classes)[part]], minlength=3)
        assert np.abs(counts - share * np.array([700, 250, 50])).max() <= 1


def test_the_only_row_of_a_class_trains():
    classes = np.concatenate([np.zeros(100, int), np.arange(1, 41)])
    parts = Split().at_random(np.arange(140), classes)
    assert set(range(100, 140)) <= set(parts["train"]) and len(parts["test"]) == 20


def test_folds_examine_every_row_once():
    tested = [Split(folds=5, fold=k).at_random(ROWS, ROWS % 3)["test"] for k in range(5)]
    assert np.array_equal(np.sort(np.concatenate(tested)), ROWS)
    assert all(abs(len(t) - 200) <= 3 for t in tested)


def test_groups_stay_together():
    group = ROWS % 37
    parts = Split().by_group(ROWS, group)
    names = [set(group[rows]) for rows in parts.values()]
    assert not (names[0] & names[1] or names[0] & names[2] or names[1] & names[2]) and all(names)
    with pytest.raises(DataError, match="at least 3 groups"):
        Split().by_group(ROWS, ROWS % 2)


def test_the_past_trains_and_the_future_is_the_test():
    time = np.random.default_rng(0).permutation(1000)
    parts = Split().by_time(ROWS, time)
    assert (
        time[parts["train"]].max() < time[parts["valid"]].min()
        and time[parts["valid"]].max() < time[parts["test"]].min()
    )
    assert len(parts["test"]) == 200
