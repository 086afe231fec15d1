"""Spans, as seqeval and conlleval count them. Where a figure is given, it is from seqeval's own documentation or tests."""

import pytest
import torch

from mapsto.core.errors import ShapeError
from mapsto.domains import Tags
from mapsto.measures import SpanF1, TagAccuracy
from mapsto.measures.span_f1 import are_spans

SCHEMES = ["O", *(f"{mark}-{kind}" for mark in "BIES" for kind in ("PER", "LOC", "MISC"))]


def encoded(sentences):
    tags = Tags().fit([SCHEMES])
    rows = tags.encode(sentences)
    return rows.gather(torch.arange(len(rows)), int(rows.lengths.max()))[0], [str(c) for c in tags.classes]


def f1(true, predicted):
    (target, names), (prediction, _) = encoded(true), encoded(predicted)
    measure = SpanF1(names)
    measure.update(prediction, target)
    return measure


def test_the_example_of_seqeval_comes_to_one_half():
    true = [["O", "O", "O", "B-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]]
    said = [["O", "O", "B-MISC", "I-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]]
    measure = f1(true, said)
    assert measure.total() == 0.5
    assert measure.rows().tolist() == [[0, 1, 1], [1, 1, 1]]


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        ("B-PER I-PER O B-LOC", 2),
        ("B-PER B-PER", 2),
        ("I-PER I-PER", 1),  # IOB1
        ("I-PER I-LOC", 2),
        ("B-PER I-LOC", 2),
        ("I-PER E-PER I-PER E-PER", 2),  # IOE
        ("S-PER S-PER O S-LOC", 3),
        ("B-PER I-PER E-PER S-PER B-LOC E-LOC", 3),
        ("E-PER E-PER", 2),
        ("S-PER I-PER", 2),
        ("O O", 0),
    ],
)
def test_spans_begin_where_conlleval_lets_them_begin(tags, spans):
    rows = f1([tags.split()], [tags.split()]).rows().tolist()
    assert rows == [[spans] * 3]


def test_a_span_that_ends_elsewhere_or_is_of_another_kind_is_none():
    true = [["B-PER", "I-PER", "O"]]
    for said in (["B-PER", "O", "O"], ["B-PER", "I-PER", "I-PER"], ["B-LOC", "I-LOC", "O"], ["O", "I-PER", "O"]):
        assert f1(true, [said]).total() == 0.0
    assert f1(true, [["I-PER", "I-PER", "O"]]).total() == 1.0


def test_a_span_at_the_end_of_a_sentence_does_not_go_on_into_its_padding():
    true = [["O", "B-PER"], ["B-PER", "I-PER", "I-PER", "I-PER"]]
    assert f1(true, true).rows().tolist() == [[1, 1, 1], [1, 1, 1]]


def test_a_word_without_a_true_tag_counts_for_nothing():
    measure, accuracy = SpanF1(), TagAccuracy()
    prediction, target = torch.tensor([[1, 2, 0]]), torch.tensor([[1, 2, -1]])
    for told in (measure, accuracy):
        told.update(prediction, target)
    assert measure.rows().tolist() == [[1, 1, 1]] and accuracy.rows().tolist() == [[2, 2]]


def test_which_tags_mark_spans():
    assert are_spans(["O", "B-PER", "I-PER"]) and are_spans(["B-NP", "I-NP"]) and are_spans(["O", "S-X", "B-X", "E-X"])
    assert not are_spans(["NOUN", "VERB"]) and not are_spans(["O"]) and not are_spans(["B-PER", "NOUN"])


def test_probabilities_are_refused():
    for measure in (SpanF1(), TagAccuracy()):
        with pytest.raises(ShapeError, match="places of tags"):
            measure.update(torch.rand(2, 3), torch.zeros(2, 3).long())
        with pytest.raises(ShapeError, match="places of tags"):
            measure.update(torch.zeros(2, 4).long(), torch.zeros(2, 3).long())
