"""Squared error, absolute error and Huber: how far one number is from another."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mapsto.core.errors import ShapeError
from mapsto.objectives import AbsoluteError, Huber, SquaredError

GIVEN, TARGET = torch.tensor([[0.0], [1.5], [-4.0], [2.0]]), torch.tensor([0.5, 1.5, 3.0, 1.0])
KINDS = [
    (SquaredError(), F.mse_loss, [0.25, 0.0, 49.0, 1.0]),
    (AbsoluteError(), F.l1_loss, [0.5, 0.0, 7.0, 1.0]),
    (Huber(), F.huber_loss, [0.125, 0.0, 6.5, 0.5]),
    (Huber(delta=2.0), lambda *a, **k: F.huber_loss(*a, delta=2.0, **k), [0.125, 0.0, 12.0, 0.5]),
]


def losses(objective, given=GIVEN):
    (loss,) = objective.losses(nn.Identity(), {"input": given, "target": TARGET}, "").values()
    return loss


@pytest.mark.parametrize(("objective", "torchs", "by_hand"), KINDS)
def test_it_is_the_formula_and_torchs(objective, torchs, by_hand):
    torch.testing.assert_close(losses(objective), torch.tensor(by_hand))
    torch.testing.assert_close(losses(objective), torchs(GIVEN[:, 0], TARGET, reduction="none"))


@pytest.mark.parametrize("objective", [kind[0] for kind in KINDS])
def test_what_is_predicted_is_the_number(objective):
    assert torch.equal(objective.predict(nn.Identity(), {"input": GIVEN}), GIVEN[:, 0])


@pytest.mark.parametrize("objective", [kind[0] for kind in KINDS])
def test_more_than_one_number_an_example_is_refused_with_the_remedy(objective):
    with pytest.raises(ShapeError, match=r"one number an example.*Identity gave \[4, 2\].*\n.*outputs=1"):
        losses(objective, GIVEN.expand(-1, 2))


@pytest.mark.parametrize("objective", [kind[0] for kind in KINDS])
def test_column_against_row_is_never_broadcast(objective):
    assert losses(objective).shape == (4,)


def test_what_is_learned_is_the_mean_the_median_or_between():
    values = torch.tensor([0.0, 0.0, 1.0, 9.0])
    places = torch.linspace(-1, 10, 1101)
    best = {}
    for objective in (SquaredError(), AbsoluteError(), Huber(delta=1.0)):
        found = [objective.losses(nn.Identity(), {"input": p.expand(4, 1), "target": values}, "") for p in places]
        costs = torch.stack([loss.sum() for losses in found for loss in losses.values()])
        best[type(objective).__name__] = float(places[costs.argmin()])
    assert best["SquaredError"] == pytest.approx(2.5, abs=0.01)
    assert -0.01 <= best["AbsoluteError"] <= 1.01
    assert best["Huber"] == pytest.approx(2 / 3, abs=0.01)
