"""Random numbers that are functions: the same on the host and as tensors."""

import numpy as np
import torch

from mapsto.core import seeds


def test_scattered_numbers_are_those_that_are_spread():
    numbers = np.random.default_rng(0).integers(0, 2**62, 1000)
    expected = seeds.spread(numbers, 3, 4)
    found = seeds.scattered(torch.from_numpy(numbers), 3, 4)
    assert found.dtype == torch.float32
    assert np.abs(found.numpy() - expected).max() < 2**-23
    assert (found < 1).all()


def test_they_are_spread_evenly_and_hang_on_every_word():
    numbers = torch.arange(20_000)
    one, other = seeds.scattered(numbers, 1, 2), seeds.scattered(numbers, 1, 3)
    for found in (one, other):
        assert abs(float(found.mean()) - 0.5) < 0.01
        assert torch.histc(found, 10, 0, 1).min() > 1800
    assert abs(float(torch.corrcoef(torch.stack([one, other]))[0, 1])) < 0.03
