"""An interval covers the truth about as often as it says, and is the same for the same seed."""

from __future__ import annotations

import math

import pytest
import torch

from mapsto.measures import AUROC, R2, RMSE, Accuracy, MacroF1
from mapsto.measures.interval import estimate, wilson


def guesses(right: int, wrong: int) -> Accuracy:
    told = Accuracy()
    told.update(torch.tensor([[0.1, 0.9]] * (right + wrong)), torch.tensor([1] * right + [0] * wrong))
    return told


def test_accuracy_has_wilson_s_interval():
    # Newcombe 1998, table I: 81 of 263 by the score method without continuity correction
    low, high = wilson(81 / 263, 263)
    assert (low, high) == (pytest.approx(0.2553, abs=1e-4), pytest.approx(0.3662, abs=1e-4))
    told = estimate(guesses(81, 182))
    assert (told.value, told.low, told.high, told.n) == (pytest.approx(81 / 263), low, high, 263)


def test_nothing_wrong_in_ten_does_not_mean_nothing_will_be():
    told = estimate(guesses(10, 0))
    assert told.value == told.high == 1.0
    assert told.low == pytest.approx(0.7225, abs=1e-4)  # Newcombe 1998: 0 of 10 reaches to 0.2775
    flawless = MacroF1()
    flawless.update(torch.eye(2).repeat(5, 1), torch.tensor([0, 1] * 5))
    assert estimate(flawless).low == pytest.approx(0.7225, abs=1e-4)


def test_the_bootstrap_covers_the_true_error_about_as_often_as_it_says():
    covered = 0
    for k in range(100):
        error = torch.randn(80, generator=torch.Generator().manual_seed(k))
        told = RMSE()
        told.update(error, torch.zeros(80))
        interval = estimate(told, seed=k, replicates=120)
        covered += interval.low <= 1.0 <= interval.high
    assert 86 <= covered <= 99


def test_many_rows_and_few_draws_give_the_interval_of_theory():
    error = torch.randn(400_000, generator=torch.Generator().manual_seed(0))
    told = RMSE()
    told.update(error, torch.zeros_like(error))
    interval = estimate(told, replicates=60)
    half = 1.96 / math.sqrt(2 * 400_000)  # σ/√(2N) is the standard error of a standard deviation
    assert interval.high - interval.value == pytest.approx(half, rel=0.4)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    draw = torch.Generator().manual_seed(0)
    told = AUROC()
    told.update(torch.rand(300, 2, generator=draw).softmax(1), torch.randint(2, (300,), generator=draw))
    assert estimate(told, seed=1) == estimate(told, seed=1) != estimate(told, seed=2)


def test_the_default_generator_is_left_as_it_was():
    before = torch.default_generator.get_state()
    told = R2()
    told.update(torch.randn(50, generator=torch.Generator().manual_seed(0)), torch.arange(50.0))
    estimate(told)
    assert torch.equal(torch.default_generator.get_state(), before)


def test_too_little_to_say_is_nan_and_not_an_error():
    nothing, one = Accuracy(), RMSE()
    one.update(torch.zeros(1), torch.ones(1))
    assert estimate(nothing).n == 0 and math.isnan(estimate(nothing).value)
    assert estimate(one).value == 1.0 and math.isnan(estimate(one).low)
    same = AUROC()
    same.update(torch.tensor([[0.2, 0.8]] * 4), torch.tensor([1, 1, 1, 1]))
    assert math.isnan(estimate(same).value) and math.isnan(estimate(same).high)


def test_draws_without_a_positive_are_passed_over():
    told = AUROC()
    told.update(torch.tensor([[0.5, 0.5], [0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]), torch.tensor([1, 0, 0, 0]))
    interval = estimate(told)
    assert interval.value == pytest.approx(2 / 3)
    assert 0 <= interval.low <= interval.value <= interval.high <= 1
