"""Spaces of worlds: choices, and numbers between bounds."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mapsto.core.errors import DataError, FrameError, ShapeError
from mapsto.domains import Box, Discrete


def test_numbers_between_bounds_are_seen_from_minus_one_to_one_and_others_as_they_are():
    box = Box([-2.0, None, 0.0, -1e9], [4.0, None, None, 1e9], [4])
    encoded = box.encode([[-2.0, 7.0, 3.0, 5.0], [4.0, -7.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]])
    assert encoded.tolist() == [[-1, 7, 3, 5], [1, -7, 0, 0], [0, 0, 0, 0]]


def test_what_is_small_in_its_own_unit_is_left_as_it_is():
    box = Box([-4.8, None, 0.0], [4.8, None, 255.0], [3], small=100.0)
    assert box.encode([[2.4, 7.0, 255.0]]).tolist() == [[pytest.approx(2.4), 7, 1]]
    assert [v.tolist() for v in box.decode(torch.tensor([[9.0, 9.0, 9.0]]))] == [[pytest.approx(4.8), 9, 255]]
    drawn = box.draw(1000, torch.Generator().manual_seed(0))
    assert 4 < drawn[:, 0].abs().max() <= 4.8 and 0.9 < drawn[:, 2].abs().max() <= 1


def test_one_bound_holds_for_all_numbers_of_any_shape():
    box = Box([0.0], [255.0], [2, 3])
    assert box.shape == (2, 3) and box.outputs == 6
    assert torch.equal(box.encode([np.full((2, 3), 255.0)]), torch.ones(1, 2, 3))
    assert box.single(np.zeros((2, 3))) and not box.single([np.zeros((2, 3))])


def test_what_is_beyond_its_bounds_is_brought_in_when_it_is_decoded():
    box = Box([-2.0, None], [2.0, None], [2])
    assert [v.tolist() for v in box.decode(torch.tensor([[9.0, 9.0], [-9.0, -9.0]]))] == [[2, 9], [-2, -9]]


def test_numbers_at_random_lie_between_the_bounds():
    drawn = Box([-2.0, None], [2.0, None], [2]).draw(1000, torch.Generator().manual_seed(0))
    assert drawn[:, 0].abs().max() <= 1 and drawn[:, 0].std() == pytest.approx(3**-0.5, abs=0.05)
    assert drawn[:, 1].abs().max() > 2


def test_the_greatest_score_is_the_choice():
    discrete = Discrete(3, 5)
    scores = torch.tensor([[0.1, 0.9, 0.0], [1.0, 0.0, 0.0]])
    assert discrete.choose(scores).tolist() == [1, 0]
    assert discrete.decode(scores) == [6, 5]
    assert discrete.ready(torch.tensor([2])).tolist() == [[0, 0, 1]]
    assert discrete.classes == [5, 6, 7]


def test_what_is_none_of_it_is_named():
    with pytest.raises(DataError, match="whole numbers from 5 to 7, but value 1 is 8"):
        Discrete(3, 5).encode([5, 8])
    with pytest.raises(DataError, match="whole numbers"):
        Discrete(3).encode([0.5])
    with pytest.raises(DataError, match=r"needs \[2\] finite numbers a value, but value 0"):
        Box([None], [None], [2]).encode([[1.0, float("nan")]])
    with pytest.raises(DataError, match="needs"):
        Box([None], [None], [2]).encode(["left"])
    with pytest.raises(ShapeError, match="outputs=2"):
        Box([None], [None], [2]).decode(torch.zeros(1, 3))
    with pytest.raises(ShapeError, match="outputs=3"):
        Discrete(3).decode(torch.zeros(1, 4))
    with pytest.raises(FrameError, match="as many bounds"):
        Box([0.0, 1.0], [1.0], [3])
    with pytest.raises(FrameError, match="one of at least 1"):
        Discrete(0)
