"""Data frames as X: columns of every kind, by name, and what is refused."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

import mapsto
from mapsto.core.errors import DataError
from mapsto.domains.category import Category
from mapsto.domains.number import Number

pandas = pytest.importorskip("pandas")
polars = pytest.importorskip("polars")

SHARED = Path(os.environ.get("MAPSTO_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))


def people(count: int = 120) -> pandas.DataFrame:
    draw = np.random.default_rng(0)
    table = pandas.DataFrame(
        {
            "age": draw.normal(40, 10, count),
            "town": draw.choice(["a", "b", "c"], count),
            "grade": pandas.Categorical(draw.choice([1, 2, 3], count)),
            "since": pandas.date_range("2020-01-01", periods=count),
            "member": draw.random(count) < 0.5,
            "counter": np.arange(count),
        }
    )
    table.loc[::7, "age"] = np.nan
    table.loc[::5, "town"] = None
    return table


TABLE = people()
Y = np.where((TABLE["grade"].astype(int) > 1) ^ (TABLE["town"] == "a"), "yes", "no")


def learned(table, **how):
    return mapsto.Classifier(epochs=25, learning_rate=0.02, **how).fit(table, Y)


@pytest.mark.parametrize("form", [lambda t: t, polars.from_pandas], ids=["pandas", "polars"])
def test_columns_are_read_by_their_kinds_and_missing_cells_are_no_matter(form):
    found = learned(form(TABLE))
    assert found.score(form(TABLE), Y) > 0.9 and found.n_features_in_ == 6
    assert found.feature_names_in_.tolist() == list(TABLE.columns)
    assert found.function_.input.flagged == ["age"]
    again = pickle.loads(pickle.dumps(found))
    assert np.array_equal(again.predict_proba(form(TABLE)), found.predict_proba(form(TABLE)))


def test_a_number_is_a_number_and_a_category_a_category_whatever_they_look_like():
    columns = learned(TABLE).function_.input.columns
    assert isinstance(columns["counter"], Number)  # a file's would be taken for an id
    assert isinstance(columns["grade"], Category) and columns["grade"].classes == [1, 2, 3]
    forms = polars.from_pandas(TABLE).with_columns(polars.col("town").cast(polars.Categorical))
    assert isinstance(learned(forms).function_.input.columns["town"], Category)


def test_numbers_learn_the_same_from_a_frame_as_from_an_array():
    draw = np.random.default_rng(1)
    numbers = draw.normal(size=(80, 3))
    y = numbers @ [1.0, -2.0, 0.5]
    table = pandas.DataFrame(numbers, columns=["u", "v", "w"])
    framed, arrayed = (mapsto.Regressor(epochs=5).fit(x, y) for x in (table, numbers))
    assert np.allclose(framed.predict(table), arrayed.predict(numbers), atol=1e-6)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        assert np.array_equal(framed.predict(numbers), framed.predict(table))
    with pytest.warns(UserWarning, match="fitted without feature names"):
        assert np.array_equal(arrayed.predict(table), arrayed.predict(numbers))


def test_an_array_is_read_by_place_where_a_frame_was_learned():
    found = learned(TABLE)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        assert np.array_equal(found.predict(TABLE.to_numpy()), found.predict(TABLE))


def test_a_column_left_out_is_named_in_a_warning():
    named = TABLE.assign(name=[f"person {i}" for i in range(len(TABLE))])
    with pytest.warns(UserWarning, match="column 'name' is not learned from: 100% of the values are different"):
        found = learned(named)
    assert list(found.left_out_) == ["name"] and found.score(named, Y) > 0.9


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t[t.columns[::-1]], "must be in the same order"),
        (lambda t: t.drop(columns="age"), "now missing:\n- age"),
        (lambda t: t.rename(columns={"age": "years"}), "unseen at fit time:\n- years"),
        (lambda t: t.assign(age=np.inf), "X contains infinity in column 'age', the first in row 0"),
    ],
)
def test_another_frame_than_was_learned_is_refused(change, says):
    found = mapsto.Classifier(epochs=1).fit(TABLE, Y)
    with pytest.raises(ValueError, match=says):
        found.predict(change(TABLE))


def test_columns_may_have_any_name():
    table = pandas.DataFrame({"y": [0.0, 1.0, 2.0, 3.0], "y_": [1.0, 0.0, 1.0, 0.0], "a\x1b[31m": [1.0, 2.0, 3.0, 5.0]})
    found = mapsto.Regressor(epochs=1).fit(table, [1.0, 2.0, 3.0, 4.0])
    assert found.function_.about["target_name"] == "y__" and found.predict(table).shape == (4,)


def test_infinity_and_frames_with_nothing_in_them_are_refused():
    with pytest.raises(DataError, match="infinity in column 'age', the first in row 3"):
        learned(TABLE.assign(age=np.where(np.arange(len(TABLE)) == 3, np.inf, 1.0)))
    with pytest.raises(DataError, match="no rows"):
        mapsto.Classifier().fit(TABLE.head(0), [])
    with pytest.raises(DataError, match="at least 2 are needed"):
        mapsto.Regressor().fit(TABLE.head(1), [1.0])


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED / "california_housing").exists(), reason="the shared data are not here")
def test_on_housing_it_reaches_what_a_frame_of_the_same_rows_does():
    table = pandas.read_csv(SHARED / "california_housing/housing.csv").sample(4000, random_state=0, ignore_index=True)
    frame = mapsto.frame(table, target="median_house_value", device="cpu")
    reached = frame.learner().fit().take_best().evaluate("test")["r2"]
    exam = frame.prepared.parts["test"]
    rest = np.setdiff1d(np.arange(len(table)), exam)
    y = table.pop("median_house_value").to_numpy()
    found = mapsto.Regressor(validation_fraction=0.2).fit(table.iloc[rest], y[rest])
    assert found.score(table.iloc[exam], y[exam]) > reached.low
