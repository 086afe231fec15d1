import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mapsto.core import names
from mapsto.core.errors import DataError, FrameError, ShapeError
from mapsto.domains import Categories, Category, Date, Image, Number, Row, Vector

TITANIC = Path(__file__).resolve().parents[3] / "shared" / "data" / "titanic" / "train.csv"


def people() -> Row:
    return Row({"age": Number(), "sex": Category(), "fare": Number()})


ROWS = [{"age": 20, "sex": "f", "fare": 1}, {"age": None, "sex": "m", "fare": 2}, {"age": 40, "sex": None, "fare": 3}]


def test_numbers_and_places_go_to_their_groups_in_the_order_of_the_columns():
    row = people().fit(ROWS)
    encoded = row.encode(ROWS)
    z = 1.5**0.5
    assert encoded["number"].tolist() == [pytest.approx(v, abs=1e-6) for v in ([-1, 0, -z], [0, 1, 0], [1, 0, z])]
    assert encoded["category"].tolist() == [[1], [2], [0]]
    assert row.shape == {"number": [3], "category": [3]}
    assert row.names_of_features() == {"number": ["age", "age is missing", "fare"], "category": ["sex"]}


def test_columns_and_rows_are_the_same_table():
    row = people().fit(ROWS)
    columns = {name: np.array([r[name] for r in ROWS], dtype=object) for name in ("fare", "sex", "age")}
    for name, tensor in row.encode(columns).items():
        assert torch.equal(tensor, row.encode(ROWS)[name])


def test_missing_values_come_back_missing():
    row = people().fit(ROWS)
    back = row.decode(row.encode(ROWS))
    assert [list(map(r.get, ("age", "sex", "fare"))) for r in back] == [
        [20, "f", pytest.approx(1)],
        [None, "m", 2],
        [40, None, pytest.approx(3)],
    ]


def test_a_value_missing_first_at_prediction_stands_at_the_mean():
    row = people().fit(ROWS)
    assert row.encode([{"age": 30, "sex": "f", "fare": None}])["number"].tolist() == [[0, 0, 0]]


def test_every_kind_of_column_has_its_features():
    row = Row.sample().fit(Row.examples(50, 0))
    assert row.shape == {"number": [2 + 8 + 4 + 4], "category": [8]}
    groups = row.names_of_features()
    assert len(groups["number"]) == 18 and groups["category"] == ["wood"]
    assert {"height", "born sine of the year", "born is missing", "topics has art", "place 2"} <= set(groups["number"])
    assert row.describe() == "1 number, 1 date, 1 vector, 1 category (7 values), 1 set of labels"


def test_groups_without_columns_are_not_there():
    numbers, places = Row({"a": Number()}).fit({"a": [1, 2]}), Row({"b": Category()}).fit({"b": ["x", "y"]})
    assert (numbers.shape, places.shape) == ({"number": [1]}, {"category": [3]})
    assert set(numbers.encode({"a": [1]})) == {"number"} and set(places.encode({"b": ["x"]})) == {"category"}
    assert (numbers.describe(), places.describe()) == ("1 number", "1 category (2 values)")


def test_a_row_is_built_again_from_json_alone_even_with_a_column_called_name():
    row = Row({"name": Category(rare=1), "size": Number(clip=10)}).fit({"name": ["number", "b"], "size": [1, None]})
    text = json.dumps([names.spec(row), row.state_dict()])
    spec, state = json.loads(text)
    assert spec["columns"] == {"name": {"name": "category", "rare": 1}, "size": {"name": "number", "clip": 10}}
    again = names.build("domain", spec).load_state_dict(state)
    values = [{"name": "number", "size": None}]
    assert again.decode(again.encode(values)) == values


def test_a_misspelt_column_is_named_with_the_nearest():
    row = people().fit(ROWS)
    with pytest.raises(DataError, match=r"missing 1 column: 'fare' \(near it: 'Fares'\)"):
        row.encode({"age": [1], "sex": ["f"], "Fares": [2]})
    with pytest.raises(DataError, match="row 1 has no column 'fare'"):
        row.encode([ROWS[0], {"age": 1, "sex": "f"}])
    with pytest.raises(DataError, match="missing 1 column: 'fare'"):
        row.encode([{"age": 1, "sex": "f"}])


def test_extra_columns_are_ignored():
    row = people().fit(ROWS)
    assert torch.equal(row.encode([{**ROWS[0], "id": object()}])["number"], row.encode(ROWS[:1])["number"])


def test_columns_of_unequal_length_and_lone_values_are_refused():
    row = people().fit(ROWS)
    with pytest.raises(ShapeError, match="one length"):
        row.encode({"age": [1, 2], "sex": ["f"], "fare": [1]})
    with pytest.raises(DataError, match="column 'age' should be a sequence"):
        row.encode({"age": 1, "sex": "f", "fare": 2})
    with pytest.raises(DataError, match="row 0 is 3"):
        row.encode([3])


def test_a_picture_is_no_column_of_a_row():
    with pytest.raises(FrameError, match="kind Image"):
        Row({"face": Image()}).fit({"face": np.zeros((2, 4, 4), dtype=np.uint8)})


def test_labels_never_seen_are_counted_by_column():
    row = Row({"a": Category(), "b": Categories(), "c": Category()}).fit({"a": ["x"], "b": [["y"]], "c": ["z"]})
    assert row.unseen({"a": ["q", None, "x"], "b": [["y", "q"], [], ["r"]], "c": ["z"] * 3}) == {"a": 1, "b": 2}


def test_an_empty_table_is_encoded_empty():
    row = Row({"a": Number(), "b": Category(), "c": Vector(), "d": Date()})
    row.fit({"a": [1, 2], "b": ["x", "y"], "c": np.zeros((2, 2)), "d": ["2020-01-01", "2020-01-02"]})
    for nothing in ([], {"a": [], "b": [], "c": [], "d": []}):
        encoded = row.encode(nothing)
        assert encoded["number"].shape == (0, 8) and encoded["category"].shape == (0, 1)
        assert row.decode(encoded) == []


@pytest.mark.skipif(not TITANIC.exists(), reason="the titanic table is not beside the repository")
def test_the_titanic_passengers_come_back_as_they_were():
    with open(TITANIC, encoding="utf-8", newline="") as file:
        rows = [{k: v or None for k, v in r.items()} for r in csv.DictReader(file)]
    kinds = {name: Category() for name in ("Pclass", "Sex", "Embarked")}
    row = Row({"Age": Number(clip=10), "Fare": Number(clip=10), **kinds}).fit(rows)
    assert row.flagged == ["Age"]
    assert row.describe() == "2 numbers, 3 categories (3, 2, 3 values)"
    for raw, back in zip(rows, row.decode(row.encode(rows)), strict=True):
        assert all(raw[k] == back[k] for k in ("Pclass", "Sex", "Embarked"))
        assert back["Age"] == (None if raw["Age"] is None else pytest.approx(float(raw["Age"]), abs=1e-4))
