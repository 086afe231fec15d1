import unicodedata

import numpy as np
import pytest
import torch

from mapsto.core.errors import DataError, ShapeError
from mapsto.domains import Category


def test_numbers_written_as_text_stand_by_value_and_spellings_stay_apart():
    assert Category().fit(["10", "9", "1", "01", "1.0", "-3"]).classes == ["-3", "01", "1", "1.0", "9", "10"]
    assert Category().fit(["10", "9", "b"]).classes == ["10", "9", "b"]


def test_labels_keep_their_type():
    for values in ([3, 1, 2], [True, False], ["b", "a"], np.array([2, 1], dtype=np.uint8), np.array([True, False])):
        category = Category().fit(values)
        back = category.decode(category.encode(values))
        assert back == list(values) and type(back[0]) in (int, bool, str)
    assert isinstance(Category().fit(np.array([True, False])).classes[0], bool)


def test_whole_numbers_that_missing_values_made_floats_are_whole_again():
    category = Category().fit(np.array([1.0, np.nan, 2.0]))
    assert str(category.classes) == "[1, 2]"
    assert category.encode([2, None, 2.0]).tolist() == [1, -1, 1]


def test_decomposed_korean_matches_composed_korean():
    composed, decomposed = (unicodedata.normalize(form, "긍정") for form in ("NFC", "NFD"))
    assert composed != decomposed
    category = Category().fit([decomposed, "부정", composed])
    assert category.classes == [composed, "부정"] and category.counts == [2, 1]
    assert category.encode([composed, decomposed]).tolist() == [0, 0]


def test_missing_and_never_seen_are_minus_one_and_never_seen_is_counted():
    category = Category().fit(["a", "b"])
    values = ["b", None, "c", float("nan"), "c"]
    assert category.encode(values).tolist() == [1, -1, -1, -1, -1]
    assert category.unseen(values).total() == 2
    assert category.decode(torch.tensor([-1, 0])) == [None, "a"]


def test_a_label_is_found_by_its_text_where_types_differ():
    assert Category().fit(["1", "2"]).encode([2, 1.0]).tolist() == [1, 0]
    assert Category().fit([1, 2]).encode(["2", "02"]).tolist() == [1, -1]
    assert Category().fit([True, False]).encode(["True"]).tolist() == [1]


def test_rare_labels_are_unknown_and_counted():
    category = Category(rare=2).fit(["a", "a", "b", "c", "d", "d"])
    assert category.classes == ["a", "d"]
    assert category.left_out == {"labels": 2, "values": 2}
    assert category.encode(["b"]).tolist() == [-1]
    assert category.describe() == "2 classes: a, d; 2 seen fewer than 2 times left out"


def test_scores_are_decoded_by_the_greatest():
    category = Category().fit(["a", "b", "c"])
    assert category.decode(torch.tensor([[0.1, 0.2, 0.7], [5.0, -1, 0]])) == ["c", "a"]
    assert category.decode(torch.tensor([[float("nan"), 0, 0]])) == [None]
    with pytest.raises(ShapeError, match=r"outputs=3"):
        category.decode(torch.zeros(2, 4))
    with pytest.raises(ShapeError, match="from 0 to 3"):
        category.decode(torch.tensor([0, 3]))


def test_an_empty_batch_comes_back_empty():
    category = Category().fit(["a"])
    assert category.decode(category.encode([])) == []


def test_what_is_no_label_is_refused_with_a_hint():
    with pytest.raises(DataError, match="Categories reads several"):
        Category().fit(["a", ["a", "b"]])
    with pytest.raises(DataError, match="Date reads"):
        Category().fit(np.array(["2020-01-01"], dtype="datetime64[D]"))


def test_it_describes_its_classes_without_control_characters():
    assert Category().fit(range(10)).describe() == "10 classes: 0, 1, 2, … 9"
    assert Category().fit(["a\x1b[2J"]).describe() == "1 class: a[2J"
    assert Category().show("x\ny\x07") == "x y"
