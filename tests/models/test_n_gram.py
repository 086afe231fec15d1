"""Counts of tokens and of pairs, as the formula says."""

import pytest
import torch

from mapsto.core import names
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Solvable, Writer
from mapsto.models import NGram

TEXT = torch.tensor([1, 2, 3, 1, 2, 4, 1, 2, 3, 3, 1, 4, 2, 1])
VOCABULARY = 6


def batch(text=TEXT, window=4):
    """Windows side by side, the last filled up."""
    before, after = text[:-1].split(window), text[1:].split(window)
    return {
        "input": {"tokens": torch.nn.utils.rnn.pad_sequence(before, batch_first=True)},
        "target": torch.nn.utils.rnn.pad_sequence(after, batch_first=True, padding_value=-1),
    }


def solved(order, **more):
    model = NGram({"tokens": [VOCABULARY]}, VOCABULARY, order, **more)
    model.solve(batch(), "language-model", 0)
    return model


def test_of_order_one_it_is_the_frequency_of_each_token():
    count = torch.tensor([0, 4, 4, 3, 2, 0])  # of those that follow
    said = solved(1)({"tokens": torch.tensor([[1, 5]])})
    torch.testing.assert_close(said.exp(), ((count + 1) / (13 + 6)).expand(1, 2, -1))


def test_of_order_two_it_is_the_frequency_after_each_token():
    model, k = solved(2, strength=2.0), 2.0
    pairs = list(zip(TEXT[:-1].tolist(), TEXT[1:].tolist(), strict=True))
    frequency = [(sum(b == v for _, b in pairs) + 1) / (13 + 6) for v in range(VOCABULARY)]
    for a in range(VOCABULARY):
        times = sum(x == a for x, _ in pairs)
        expected = [(pairs.count((a, b)) + k * frequency[b]) / (times + k) for b in range(VOCABULARY)]
        said = model({"tokens": torch.tensor([[a]])})[0, 0].exp()
        assert said.tolist() == pytest.approx(expected, rel=1e-5)
        assert float(said.sum()) == pytest.approx(1.0, rel=1e-5)


def test_it_answers_at_every_place():
    model = solved(2)
    together = model(batch()["input"])
    assert together.shape == (4, 4, VOCABULARY)
    torch.testing.assert_close(together[1:2, 2:3], model({"tokens": batch()["input"]["tokens"][1:2, 2:3]}))


def test_windows_of_weight_nought_might_as_well_not_be_there():
    weighed, fewer = (NGram({"tokens": [VOCABULARY]}, VOCABULARY) for _ in range(2))
    weighed.solve({**batch(), "weight": torch.tensor([1.0, 1.0, 1.0, 0.0])}, "language-model", 0)
    fewer.solve(batch(TEXT[:13]), "language-model", 0)
    assert all(torch.equal(a, b) for a, b in zip(weighed.buffers(), fewer.buffers(), strict=True))


def test_saved_and_loaded_it_answers_the_same():
    model = solved(2)
    fresh = names.build("model", names.spec(model))
    assert isinstance(fresh, Solvable)
    state = model.state_dict()
    fresh.shaped({name: list(tensor.shape) for name, tensor in state.items()}).load_state_dict(state)
    assert torch.equal(fresh(batch()["input"]), model(batch()["input"]))
    assert not fresh.odd()


@pytest.mark.parametrize(
    ("name", "place", "value", "odd"),
    [("start", 3, 99, "not where it says"), ("start", -1, 2, "not where it says"), ("follower", 0, 6, "none")],
)
def test_places_beyond_its_pairs_are_odd(name, place, value, odd):
    model = solved(2)
    getattr(model, name)[place] = value
    assert odd in model.odd()


def test_it_writes_what_followed():
    model = solved(2, strength=1e-3)
    reading = model.reading()
    assert int(reading(torch.tensor([[1]])).argmax()) == 2
    assert torch.equal(reading(torch.tensor([[3, 3, 1]])), model({"tokens": torch.tensor([[1]])})[:, 0])
    assert isinstance(model, Writer)


def test_what_it_does_not_do_is_refused():
    with pytest.raises(FrameError, match="of order 1 or 2"):
        NGram({"tokens": [5]}, 5, order=3)
    with pytest.raises(FrameError, match="solves language-model, but this is classification"):
        NGram({"tokens": [5]}, 5).solve(batch(), "classification", 0)


def test_hidden_words_are_told_by_their_frequency_at_the_places_asked():
    tokens, count = torch.tensor([[2, 6, 7, 6, 3], [2, 7, 3, 0, 0]]), torch.tensor([5, 3])
    truth = torch.tensor([[2, 6, 7, 6, 3], [2, 7, 3, -1, -1]])
    model = NGram({"tokens": [9]}, 9, order=1)
    model.solve({"input": {"tokens": tokens, "count": count}, "target": truth}, "fill-in", 0)
    said = model({"tokens": tokens, "count": count, "asked": torch.tensor([[1], [1]])})
    expected = (torch.tensor([0, 0, 0, 0, 0, 0, 2, 2, 0]) + 1) / (4 + 9)  # what is special is never hidden
    torch.testing.assert_close(said.exp(), expected.expand(2, 1, 9))
    with pytest.raises(FrameError, match="of order 1 it also solves fill-in"):
        NGram({"tokens": [9]}, 9, order=2).solve({}, "fill-in", 0)
