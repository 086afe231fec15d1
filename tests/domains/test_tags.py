"""One label for each word."""

import pytest
import torch

from mapsto.core.errors import DataError, ShapeError
from mapsto.domains import Tags


def test_tags_are_places_among_the_classes_and_minus_one_where_nobody_knows():
    tags = Tags().fit([["NOUN", "VERB"], ["NOUN"], []])
    assert tags.classes == ["NOUN", "VERB"] and tags.counts == [2, 1]
    encoded = tags.encode([["VERB", "X"], [], ["NOUN"]])
    assert encoded.values.tolist() == [1, -1, 0] and encoded.pad == -1
    assert tags.decode(encoded) == [["VERB", None], [], ["NOUN"]]
    assert tags.unseen([["VERB", "X"], ["X"]]) == {"X": 2}
    assert tags.shape == {"tags": [2]} and tags.outputs == 2


def test_predictions_end_where_their_sentences_do():
    tags = Tags().fit([["NOUN", "VERB"]])
    assert tags.decode(torch.tensor([[0, 1, -1], [1, -1, -1], [-1, -1, -1]])) == [["NOUN", "VERB"], ["VERB"], []]
    assert tags.decode(torch.empty(0)) == []
    with pytest.raises(ShapeError, match="whole numbers"):
        tags.decode(torch.rand(2, 3))


def test_labels_may_be_numbers_or_one_text_of_them():
    assert Tags().fit([[3, 0, 3]]).classes == [0, 3]
    assert Tags().fit(["DET NOUN"]).encode(["NOUN DET"]).values.tolist() == [1, 0]


def test_what_is_no_list_of_tags_is_refused():
    with pytest.raises(DataError, match="Tags needs lists"):
        Tags().fit([None])
    with pytest.raises(DataError, match="no tags to learn"):
        Tags().fit([[]])
