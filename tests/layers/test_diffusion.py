"""Noise in, noise out: what the papers' recursions give, written out."""

import math
from itertools import pairwise

import pytest
import torch

from mapsto.core.errors import FrameError
from mapsto.layers.diffusion import (
    denoised,
    guided,
    kept,
    noised,
    picture_of,
    step_back,
    stops,
    velocity,
)
from mapsto.layers.sinusoids import sinusoids, waves

SCHEDULES = pytest.mark.parametrize("schedule", ["cosine", "linear"])


def betas(schedule):
    if schedule == "linear":
        return [1e-4 + (0.02 - 1e-4) * t / 999 for t in range(1000)]
    f = [math.cos((t / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2 for t in range(1001)]
    return [min(0.999, 1 - b / a) for a, b in pairwise(f)]


@SCHEDULES
def test_what_is_kept_is_the_product_of_what_each_step_keeps(schedule):
    share, by_hand = kept(schedule, 1000), [1.0]
    for beta in betas(schedule):
        by_hand.append(by_hand[-1] * (1 - beta))
    torch.testing.assert_close(share, torch.tensor(by_hand, dtype=torch.float64))
    assert share[0] == 1 and 0 < share[-1] < 1e-4 and (share.diff() < 0).all()


@SCHEDULES
def test_noising_at_once_is_noising_step_by_step(schedule):
    """q(xₜ | x₀) of eq. 4 against xₜ = √(1 − βₜ) xₜ₋₁ + √βₜ ε, eq. 2: by its mean and variance."""
    mean, variance = 1.0, 0.0
    for beta in betas(schedule)[:400]:
        mean, variance = mean * (1 - beta) ** 0.5, variance * (1 - beta) + beta
    share = kept(schedule, 1000)[400]
    x0, none, noise = torch.ones(3), torch.zeros(3), torch.ones(3)
    torch.testing.assert_close(noised(x0, none, float(share)), torch.full((3,), mean))
    torch.testing.assert_close(noised(none, noise, float(share)) ** 2, torch.full((3,), variance))


@pytest.mark.parametrize("steps", [2, 10, 37])
@SCHEDULES
def test_few_steps_come_to_the_same_end(schedule, steps):
    share = kept(schedule, steps)
    assert len(share) == steps + 1 and share[0] == 1 and 0 < share[-1] < 0.01 and (share.diff() < 0).all()


def test_a_schedule_is_one_of_two():
    with pytest.raises(FrameError, match="cosine or linear"):
        kept("sigmoid", 10)


def test_the_picture_comes_back_from_the_velocity():
    x0, noise, share = torch.rand(4, 3) * 2 - 1, torch.randn(4, 3), torch.tensor([[1.0], [0.7], [0.1], [1e-6]])
    x, v = noised(x0, noise, share), velocity(x0, noise, share)
    torch.testing.assert_close(picture_of(x, v, share), x0)


@SCHEDULES
def test_with_all_noise_drawn_anew_a_step_is_ddpms(schedule):
    """Mean and variance of q(xₜ₋₁ | xₜ, x₀), eq. 7."""
    share, t = kept(schedule, 1000), 300
    now, then = float(share[t]), float(share[t - 1])
    beta, x0, x = 1 - now / then, torch.tensor([0.3, -0.8]), torch.tensor([0.5, 1.2])
    mean = then**0.5 * beta / (1 - now) * x0 + (1 - beta) ** 0.5 * (1 - then) / (1 - now) * x
    variance = (1 - then) / (1 - now) * beta
    still = step_back(x, x0, now, then, 1.0, torch.zeros(2))
    torch.testing.assert_close(still, mean)
    torch.testing.assert_close(step_back(x, x0, now, then, 1.0, torch.ones(2)) - still, torch.full((2,), variance**0.5))


def test_with_none_drawn_anew_the_noise_stays_the_same():
    x0, noise, share = torch.tensor([0.3, -0.8]), torch.tensor([1.5, -0.4]), kept("cosine", 1000).tolist()
    back = step_back(noised(x0, noise, share[700]), x0, share[700], share[200], 0.0, None)
    torch.testing.assert_close(back, noised(x0, noise, share[200]))


@pytest.mark.parametrize(("count", "eta"), [(1, 0.0), (7, 0.0), (7, 1.0), (50, 1.0)])
def test_one_who_knows_the_noise_finds_the_picture(count, eta):
    share, g = kept("cosine", 50).tolist(), torch.Generator().manual_seed(0)
    x0 = torch.rand(5, 1, 4, 4, generator=g) * 2 - 1

    def say(x, t):
        return velocity(x0, (x - share[t] ** 0.5 * x0) / (1 - share[t]) ** 0.5, share[t])

    def draw(t):
        return torch.randn(x0.shape, generator=torch.Generator().manual_seed(t))

    shown = list(denoised(say, draw(50), share, stops(50, count), eta, draw))
    assert len(shown) == count
    torch.testing.assert_close(shown[-1], x0, rtol=1e-4, atol=1e-4)


def test_all_steps_with_all_noise_drawn_anew_draw_from_what_was_noised():
    """Of numbers N(0.5, 0.2²) the true velocity is known by formula; ancestral sampling gives them back, and so does DDIM."""
    share, g = kept("cosine", 200).tolist(), torch.Generator().manual_seed(0)

    def say(x, t):
        a = share[t]
        mean, variance = a**0.5 * 0.5, a * 0.04 + 1 - a
        clean = 0.5 + a**0.5 * 0.04 / variance * (x - mean)
        return velocity(clean, (x - a**0.5 * clean) / (1 - a) ** 0.5, a)

    def draw(t):
        return torch.randn(20_000, generator=g)

    for eta in (0.0, 1.0):
        *_, drawn = denoised(say, draw(200), share, stops(200, 200), eta, draw)
        assert abs(drawn.mean() - 0.5) < 0.01
        assert abs(drawn.std() - 0.2) < 0.015


def test_stops_go_from_the_last_step_to_none():
    assert stops(1000, 4) == [1000, 750, 500, 250, 0]
    assert stops(7, 7) == [7, 6, 5, 4, 3, 2, 1, 0]
    assert stops(10, 3) == [10, 7, 3, 0]


def test_guidance_of_nought_listens_and_of_minus_one_does_not():
    told, untold = torch.randn(3), torch.randn(3)
    assert torch.equal(guided(told, untold, 0.0), told)
    torch.testing.assert_close(guided(told, untold, -1.0), untold)
    torch.testing.assert_close(guided(told, untold, 2.0), 3 * told - 2 * untold)
    torch.testing.assert_close(guided(told, told, 5.0), told)


def test_waves_are_those_of_places():
    assert torch.equal(waves(torch.arange(5.0), 6), sinusoids(5, 6, torch.device("cpu")))
    between = waves(torch.tensor([2.5]), 6)
    assert between[0, 0] == pytest.approx(math.sin(2.5)) and between[0, 1] == pytest.approx(math.cos(2.5))
