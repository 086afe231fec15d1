"""The distance of two clouds, against scipy's square root of a matrix and where it is known."""

import pytest
import torch
from scipy.linalg import sqrtm

from mapsto.core.errors import ShapeError
from mapsto.measures import FrechetDistance
from mapsto.measures.frechet_distance import cloud, features, frechet


def points(seed, rows=200):
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(rows, 5, generator=draw).double() @ torch.randn(5, 5, generator=draw).double() + seed


def test_it_is_the_formula_with_scipy_s_square_root():
    (mean, first), (other, second) = (cloud(points(seed), torch.ones(200)) for seed in (1, 2))
    root = torch.from_numpy(sqrtm(first.numpy() @ second.numpy()).real)
    expected = (mean - other).square().sum() + (first + second - 2 * root).trace()
    assert float(frechet(mean, first, other, second)) == pytest.approx(float(expected), rel=1e-9)


def test_of_round_clouds_it_is_the_distance_of_means_and_of_spreads():
    nothing, round_one = torch.zeros(3).double(), torch.eye(3).double()
    assert float(frechet(nothing, round_one, nothing + 2, 9 * round_one)) == pytest.approx(3 * 4 + 3 * (3 - 1) ** 2)


def test_a_cloud_lies_at_no_distance_from_itself_even_where_it_is_flat():
    flat = points(3, rows=4)
    assert float(frechet(*cloud(flat, torch.ones(4)), *cloud(flat, torch.ones(4)))) == pytest.approx(0, abs=1e-6)


def test_pictures_of_the_same_kind_are_nearer_than_others_of_the_same_mean_and_spread():
    draw = torch.Generator().manual_seed(0)

    def strokes(rows):
        made = torch.zeros(rows, 1, 16, 16)
        for one, place in zip(made, torch.randint(2, 14, (rows,), generator=draw).tolist(), strict=True):
            one[0, :, place] = 255
        return made

    real, alike = strokes(300), strokes(300)
    flat = real.flatten(1)
    apart = flat - flat.mean(0)
    noise = (flat.mean(0) + torch.randn(300, 300, generator=draw) @ apart / 300**0.5).clamp(0, 255).view_as(real)
    found = []
    for drawn in (alike, noise):
        measure = FrechetDistance()
        measure.update(drawn, real)
        found.append(measure.total())
    assert found[0] < 0.2 * found[1]


def test_its_network_is_the_same_in_any_process():
    some = torch.arange(64.0).view(1, 1, 8, 8)
    torch.manual_seed(1)
    first = features(some)
    torch.manual_seed(2)
    assert torch.equal(features(some), first) and first.shape == (1, 96) and first.any()


def test_what_is_no_pair_of_pictures_is_refused():
    with pytest.raises(ShapeError, match=r"drawn and real pictures, \[B, C, H, W\] each, but was given \[3\]"):
        FrechetDistance().update(torch.zeros(3), torch.zeros(3, 1, 8, 8))
