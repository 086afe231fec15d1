"""The game of a critic, who tells real pictures from drawn ones, and a generator, who wants to pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.core.batch import Batch, Losses
from mapsto.core.errors import FrameError, ShapeError
from mapsto.core.nouns import Domain, Measure, Objective
from mapsto.layers.pixels import bytes_of, scaled
from mapsto.measures.frechet_distance import FrechetDistance
from mapsto.objectives.drawing import LARGE, codes, normal, uniform

CODE, MIX = 1, 2  # what random numbers are for: what is drawn, and where between two pictures the slope is looked at
PLAIN = 10.0  # the weight of Wasserstein's penalty, unless somebody says (Gulrajani et al. 2017, algorithm 1)
REAL = 1.0  # that of the penalty at real pictures
TINY = 1e-12  # beneath a root, which has no slope at 0


@dataclass
class Adversarial(Objective):
    """Of what the critic D says of a real picture, r = D(y), and of one drawn from noise, f = D(G(z)):

    loss             the critic's                              the generator's
    non-saturating   log(1 + e^−r) + log(1 + e^f)              log(1 + e^−f)      Goodfellow et al. 2014, arXiv:1406.2661, §3
    hinge            max(0, 1 − r) + max(0, 1 + f)             −f                 Lim and Ye 2017, arXiv:1705.02894, eq. 3 and 7
    wasserstein      f − r                                     −f                 Arjovsky et al. 2017, arXiv:1701.07875, eq. 2

    penalty: how much the critic's slope costs. With wasserstein, (‖∇D(x)‖ − 1)² at a point between a real picture and a drawn one
        (Gulrajani et al. 2017, arXiv:1704.00028, eq. 3); with the others, ‖∇D(y)‖² / 2 at the real one (R₁: Mescheder et al. 2018,
        arXiv:1801.04406, eq. 9). None is 10 with wasserstein and 1 with the others: with 0, on some thousand pictures, the critic
        soon knows all of them, and what is drawn from different codes is one picture.

    wasserstein wants a critic that is ahead: --set algorithm.turns={critic=5}. An exam draws as many pictures as there are.
    """

    loss: Literal["non-saturating", "hinge", "wasserstein"] = "non-saturating"
    penalty: float | None = None

    players = ("critic", "generator")
    problem = "generation"
    large = LARGE
    looks_at = 10_000

    def __post_init__(self) -> None:
        if self.penalty is not None and not self.penalty >= 0:
            raise FrameError(f"a penalty is a number of 0 or more, or None, but came {self.penalty}.")
        self._weight = self.penalty if self.penalty is not None else PLAIN if self.loss == "wasserstein" else REAL

    def losses(self, model: nn.Module, batch: Batch, player: str) -> Losses:
        input, code = batch["input"], normal(model, batch["target"], (able(model).latent,), CODE)
        if player == "generator":
            return {"generator": self.passing(model.critic(model.generator(code, input), input).float())}
        with torch.no_grad():
            drawn = model.generator(code, input).float()
        real = scaled(batch["target"])
        told = {"critic": self.telling(model.critic(real, input).float(), model.critic(drawn, input).float())}
        if self._weight and torch.is_grad_enabled():  # an exam has no slopes
            told["penalty"] = self._weight * self._slope(model, batch, real, drawn)
        return told

    def telling(self, real: Tensor, drawn: Tensor) -> Tensor:
        """The critic's loss [B], of what it says of real and of drawn pictures, [B] each."""
        if self.loss == "wasserstein":
            return drawn - real
        bend = F.softplus if self.loss == "non-saturating" else _hinge
        return bend(-real) + bend(drawn)

    def passing(self, drawn: Tensor) -> Tensor:
        """The generator's loss [B], of what the critic says of what it has drawn, [B]."""
        return F.softplus(-drawn) if self.loss == "non-saturating" else -drawn

    def predict(self, model: nn.Module, batch: Batch) -> Tensor:
        """Pictures [B, C, H, W], 0 … 255; of the same row always the same."""
        return bytes_of(able(model).generator(codes(model, batch), batch["input"]))

    def measures(self, target: Domain) -> dict[str, Measure]:
        return {"frechet-distance": FrechetDistance()}

    def _slope(self, model: nn.Module, batch: Batch, real: Tensor, drawn: Tensor) -> Tensor:
        """The penalty [B], its weight left out."""
        where = real
        if self.loss == "wasserstein":
            where = drawn + uniform(model, batch["target"], (1, 1, 1), MIX) * (real - drawn)
        where = where.detach().requires_grad_()
        (slope,) = torch.autograd.grad(model.critic(where, batch["input"]).sum(), where, create_graph=True)
        square = slope.float().square().sum((1, 2, 3))
        if self.loss == "wasserstein":
            return ((square + TINY).sqrt() - 1) ** 2
        return square / 2


def _hinge(opinion: Tensor) -> Tensor:
    return F.relu(1 + opinion)


def able(model: nn.Module) -> nn.Module:
    """The model. ShapeError where it is no pair of players."""
    parts = {name for name, _ in model.named_children()}
    if not {"critic", "generator"} <= parts:
        raise ShapeError(
            f"Adversarial is a game of a critic and a generator, but {type(model).__name__} has "
            f"{', '.join(sorted(parts)) or 'no parts'}.",
            "Choose a model that has both: --set model.name=gan. Your own has latent, critic and generator (models/gan.py).",
        )
    return model
