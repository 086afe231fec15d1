"""What kind of value a column holds, and what problem a target makes."""

from __future__ import annotations

import numpy as np
import pytest

from mapsto.core.errors import DataError, UnknownName
from mapsto.core.nouns import Raw
from mapsto.framing import infer

ROWS = 200
RNG = np.random.default_rng(0)


def objects(values):
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


@pytest.mark.parametrize(("values", "kind"), [
    (RNG.random(ROWS), "number"),
    (RNG.integers(0, 9, ROWS), "number"),
    (np.arange(ROWS) + 1000, "id"),
    (np.sort(RNG.integers(0, 10**6, ROWS)), "number"),
    (np.full(ROWS, 3.5), "constant"),
    (np.where(RNG.random(ROWS) < 0.5, 3.5, np.nan), "number"),
    (np.full(ROWS, np.nan), "empty"),
    (RNG.random(ROWS) < 0.5, "category"),
    (objects([["cat", "dog", None][i % 3] for i in range(ROWS)]), "category"),
    (objects([f"ticket-{i}" for i in range(ROWS)]), "id"),
    (objects([f"a long and winding road number {i}" for i in range(ROWS)]), "text"),
    (objects([["a"], ["a", "b"]] * (ROWS // 2)), "categories"),
    (np.arange(ROWS).astype("datetime64[D]"), "date"),
    (RNG.integers(0, 255, (ROWS, 8, 8), dtype=np.uint8), "image"),
    (RNG.random((ROWS, 5)), "vector"),
])  # fmt: skip
def test_an_input_column_is_of_the_kind_a_person_would_say(values, kind):
    assert infer.input_kind(values).name == kind


@pytest.mark.parametrize(("values", "kind"), [
    (RNG.integers(0, 10, ROWS), "category"),
    (RNG.integers(0, 10, ROWS).astype(float), "category"),
    (RNG.integers(0, 5000, ROWS), "number"),
    (RNG.random(ROWS), "number"),
    (RNG.random(ROWS) < 0.5, "category"),
    (objects([["yes", "no"][i % 2] for i in range(ROWS)]), "category"),
    (objects([["a|b", "b", "c|a"][i % 3] for i in range(ROWS)]), "categories"),
    (objects([["a"], []] * (ROWS // 2)), "categories"),
    (RNG.integers(0, 2, (ROWS, 3)), "categories"),
])  # fmt: skip
def test_a_target_makes_the_problem_a_person_would_say(values, kind):
    assert infer.target_kind(Raw("r", {"y": values}), "y").name == kind


@pytest.mark.parametrize(("values", "words"), [
    (objects([f"n{i}" for i in range(ROWS)]), "different in every one"),
    (np.full(ROWS, np.nan), "no value"),
    (np.arange(ROWS).astype("datetime64[D]"), "dates"),
])  # fmt: skip
def test_a_target_that_nothing_can_be_learned_of_is_refused(values, words):
    with pytest.raises(DataError, match=words):
        infer.target_kind(Raw("r", {"y": values}), "y")


def test_a_column_is_found_but_for_case_only_where_that_is_unique():
    raw = Raw("r", {"Age": RNG.random(3), "name": RNG.random(3), "NAME": RNG.random(3)})
    assert infer.find_column(raw, "age") == "Age" and infer.find_column(raw, "NAME") == "NAME"
    with pytest.raises(UnknownName, match="Near it"):
        infer.find_column(raw, "Name")
