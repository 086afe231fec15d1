"""Tokens are chosen as the formulas say, by nothing but the seed and the place."""

import pytest
import torch

from mapsto.core.errors import BadInput
from mapsto.layers.decoding import Sampling, likeliest, written


class Counting:
    """A step function that always says: the number after the last one. It notes what it was given."""

    def __init__(self, kinds=6):
        self.kinds, self.asked = kinds, []

    def __call__(self, tokens):
        self.asked.append(tokens.clone())
        return torch.eye(self.kinds)[(tokens[:, -1] + 1) % self.kinds]


def test_it_reads_the_prompt_once_and_then_what_it_chose():
    step = Counting()
    said = torch.stack(list(written(step, torch.tensor([[1, 2], [0, 4]]), 4, likeliest)), dim=1)
    assert said.tolist() == [[3, 4, 5, 0], [5, 0, 1, 2]]
    assert [asked.shape for asked in step.asked] == [(2, 2), (2, 1), (2, 1), (2, 1)]


def test_a_row_that_has_ended_stays_there_and_all_that_have_end_it():
    said = torch.stack(list(written(Counting(), torch.tensor([[2], [1]]), 9, likeliest, stop=5)), dim=1)
    assert said.tolist() == [[3, 4, 5, 5], [2, 3, 4, 5]]


def test_it_is_made_as_it_is_asked_for():
    step = Counting()
    writing = written(step, torch.tensor([[0]]), 100, likeliest)
    next(writing)
    assert len(step.asked) == 1


LOGITS = torch.tensor([[2.0, 1.0, 0.0, -1.0], [0.0, 3.0, 1.0, 1.5]])


def test_temperature_sharpens_and_nought_takes_the_likeliest():
    torch.testing.assert_close(Sampling().shares(LOGITS), LOGITS.softmax(1))
    torch.testing.assert_close(Sampling(temperature=0.5).shares(LOGITS), (2 * LOGITS).softmax(1))
    assert Sampling(temperature=0.0)(LOGITS, 3).tolist() == [0, 1]


def test_only_the_k_likeliest_may_come():
    share = Sampling(top_k=2).shares(LOGITS)
    assert (share > 0).tolist() == [[True, True, False, False], [False, True, False, True]]
    torch.testing.assert_close(share[0, :2], LOGITS[0, :2].softmax(0))
    torch.testing.assert_close(Sampling(top_k=9).shares(LOGITS), LOGITS.softmax(1))


def test_only_the_fewest_that_have_the_probability_may_come():
    share = LOGITS.softmax(1)  # 0.64 0.24 0.09 0.03, and 0.71 0.16 of the second and the fourth
    kept = Sampling(top_p=0.8).shares(LOGITS) > 0
    assert kept.tolist() == [[True, True, False, False], [False, True, False, True]]
    assert (Sampling(top_p=1e-9).shares(LOGITS) > 0).sum(1).tolist() == [1, 1]
    torch.testing.assert_close(Sampling(top_p=0.8).shares(LOGITS)[0, :2], share[0, :2] / share[0, :2].sum())


def test_what_is_drawn_is_a_function_of_seed_and_place():
    flat = torch.zeros(3, 50)
    drawn = [Sampling(seed=7)(flat, place).tolist() for place in range(5)]
    torch.rand(3)  # what others draw does not matter
    assert drawn == [Sampling(seed=7)(flat, place).tolist() for place in range(5)]
    assert len({tuple(d) for d in drawn}) == 5
    assert drawn[0] != Sampling(seed=8)(flat, 0).tolist()


def test_it_draws_by_probability():
    draw = Sampling(temperature=2.0, top_k=3)
    drawn = torch.cat([draw(LOGITS[:1].expand(500, 4), place) for place in range(8)])
    share = drawn.bincount(minlength=4) / len(drawn)
    torch.testing.assert_close(share, draw.shares(LOGITS)[0], atol=0.03, rtol=0)


@pytest.mark.parametrize("odd", [{"temperature": -1.0}, {"top_k": -2}, {"top_p": 0.0}, {"top_p": 1.5}])
def test_a_manner_that_is_none_is_refused(odd):
    with pytest.raises(BadInput, match="sampling needs"):
        Sampling(**odd)
