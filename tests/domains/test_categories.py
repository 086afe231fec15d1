import numpy as np
import pytest
import torch

from mapsto.core.errors import DataError, ShapeError
from mapsto.domains import Categories


@pytest.mark.parametrize(
    "values",
    [
        [["cat", "dog"], ["dog"], []],
        [("dog", "cat"), {"dog"}, frozenset()],
        ["cat|dog", "dog", ""],
        ["cat;dog", "dog", ""],
        ["dog , cat", " dog ", " "],
        np.array(["cat|dog", "dog", ""]),
    ],
)
def test_sets_of_labels_come_in_many_forms(values):
    categories = Categories().fit(values)
    assert categories.classes == ["cat", "dog"] and categories.counts == [1, 2]
    assert categories.encode(values).tolist() == [[1, 1], [0, 1], [0, 0]]
    assert categories.decode(categories.encode(values)) == [["cat", "dog"], ["dog"], []]


def test_the_separator_is_learned_in_training_and_may_be_given():
    categories = Categories().fit(["a|b, c"])
    assert categories.classes == ["a", "b, c"]
    assert categories.encode(["a,b, c"]).tolist() == [[0, 0]]
    assert Categories(separator=",").fit(["a|b, c"]).classes == ["a|b", "c"]
    assert Categories().fit(["new york", "rome"]).classes == ["new york", "rome"]


def test_a_missing_value_is_not_the_empty_set():
    categories = Categories().fit([["a"], None, []])
    encoded = categories.encode([None, []])
    assert encoded[0].isnan().all() and (encoded[1] == 0).all()
    assert categories.decode(encoded) == [None, []]


def test_each_label_has_its_threshold():
    categories = Categories(threshold=0.4).fit([["a", "b"]])
    assert categories.decode(torch.tensor([[0.4, 0.39]])) == [["a"]]
    categories.thresholds = [0.9, 0.1]
    again = Categories().load_state_dict(categories.state_dict())
    assert again.decode(torch.tensor([[0.8, 0.2]])) == [["b"]]


def test_labels_never_seen_are_left_out_and_counted():
    categories = Categories().fit([["a"], ["b"]])
    assert categories.encode([["a", "z"], ["y"]]).tolist() == [[1, 0], [0, 0]]
    assert categories.unseen([["a", "z"], ["y"], None]) == {"z": 1, "y": 1}


def test_predictions_of_another_width_are_refused():
    with pytest.raises(ShapeError, match="outputs=2"):
        Categories().fit([["a", "b"]]).decode(torch.zeros(1, 3))


def test_a_number_is_no_set_of_labels():
    with pytest.raises(DataError, match="value 1 is 3"):
        Categories().fit([["a"], 3])


def test_it_describes_its_labels():
    assert Categories().fit([["a", "b"]]).describe() == "any of 2 labels: a, b"
    assert Categories().show([]) == "none"
