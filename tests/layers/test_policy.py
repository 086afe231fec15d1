"""Policies say what torch.distributions says, and draw what they say."""

from __future__ import annotations

import torch
from torch.distributions import Categorical, Independent, Normal

from mapsto.layers.policy import Choice, Gaussian


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_a_choice_is_a_categorical():
    logits, action = drawn(50, 4), torch.arange(50) % 4
    mine, theirs = Choice(logits), Categorical(logits=logits)
    torch.testing.assert_close(mine.log_probability(action), theirs.log_prob(action))
    torch.testing.assert_close(mine.entropy(), theirs.entropy())


def test_a_gaussian_is_a_product_of_normals():
    mean, log_spread, action = drawn(50, 3), drawn(3, seed=1), drawn(50, 3, seed=2)
    mine, theirs = Gaussian(mean, log_spread), Independent(Normal(mean, log_spread.exp().expand(50, 3)), 1)
    torch.testing.assert_close(mine.log_probability(action), theirs.log_prob(action))
    torch.testing.assert_close(mine.entropy(), theirs.entropy())


def test_a_choice_is_drawn_as_often_as_it_is_likely():
    logits = torch.tensor([2.0, 0.0, -1.0])
    noise = Choice.noise((100_000, 3), torch.Generator().manual_seed(0))
    action = Choice(logits.expand(100_000, 3)).sample(noise)
    assert action.dtype == torch.int64
    torch.testing.assert_close(action.bincount(minlength=3) / 1e5, logits.softmax(0), atol=0.005, rtol=0)


def test_numbers_are_drawn_around_the_mean_in_their_spread():
    mean, log_spread = torch.tensor([1.0, -2.0]), torch.tensor([0.5, -1.0])
    noise = Gaussian.noise((100_000, 2), torch.Generator().manual_seed(0))
    action = Gaussian(mean.expand(100_000, 2), log_spread).sample(noise)
    torch.testing.assert_close(action.mean(0), mean, atol=0.02, rtol=0)
    torch.testing.assert_close(action.std(0), log_spread.exp(), atol=0.02, rtol=0)


def test_chance_is_a_function_of_its_generator():
    for kind in (Choice, Gaussian):
        one, again, other = (kind.noise((5, 2), torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
        assert torch.equal(one, again)
        assert not torch.equal(one, other)
