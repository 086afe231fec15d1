"""The variational bound: how likely pictures are, drawn from random codes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.core.batch import Batch, Field, Losses
from mapsto.core.errors import FrameError, ShapeError
from mapsto.core.nouns import Domain, Measure, Objective
from mapsto.layers.pixels import bytes_of
from mapsto.measures.average import Average
from mapsto.objectives.drawing import LARGE, codes, normal, uniform

WHITE, CODE = 1, 2  # what random numbers are for: which pixels are white, and which code


@runtime_checkable
class Latent(Protocol):
    """A model whose codes are distributions; `models/vae.py` is one."""

    latent: int  # numbers of a code

    def posterior(self, picture: Tensor, input: Field) -> tuple[Tensor, Tensor]: ...
    def logits(self, code: Tensor, input: Field) -> Tensor: ...
    def drawn(self, code: Tensor, input: Field) -> Tensor: ...


@dataclass
class Variational(Objective):
    """−E log p(y | z) + β KL(q(z | y) ‖ N(0, 1)), in nats a picture, with one z drawn from q for each y (Kingma and Welling 2014,
    arXiv:1312.6114, eq. 10). Where β is 1 this is no less than −log p(y): a bound.

    pixels: what is said of each, p(y | z). "binary": black or white, and a grey pixel is either at random, by its brightness, anew
        at each step (Salakhutdinov and Murray 2008, doi:10.1145/1390156.1390266, §5.1). "grey": a normal distribution of its
        brightness in [0, 1] around what is drawn, of standard deviation `spread`.
    beta: β; above 1 codes say less of a picture, each part something of its own (Higgins et al. 2017, ICLR).

    In an exam, which pixels are white and which z is drawn follow from the picture itself.
    """

    pixels: Literal["binary", "grey"] = "binary"
    spread: float = 0.1
    beta: float = 1.0

    problem = "generation"
    large = LARGE

    def __post_init__(self) -> None:
        if not self.spread > 0 or not self.beta > 0:
            raise FrameError(f"spread and beta are numbers above 0, but came {self.spread} and {self.beta}.")

    def losses(self, model: nn.Module, batch: Batch, player: str) -> Losses:
        surprise, divergence = self._terms(model, batch)
        return {"surprise": surprise, "divergence": self.beta * divergence}

    def told(self, model: nn.Module, batch: Batch) -> Tensor:
        """[B]: the bound on each, whatever β is."""
        surprise, divergence = self._terms(model, batch)
        return surprise + divergence

    def predict(self, model: nn.Module, batch: Batch) -> Tensor:
        """Pictures [B, C, H, W], 0 … 255, from random codes; of the same row always the same."""
        return bytes_of(able(model).drawn(codes(model, batch), batch["input"]))

    def measures(self, target: Domain) -> dict[str, Measure]:
        return {"nats": Average()}

    def _terms(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        """−log p(y | z) and KL(q ‖ N(0, 1)), [B] each."""
        picture, input = batch["target"], batch["input"]
        y = picture.float() / 255
        if self.pixels == "binary":
            y = (uniform(model, picture, picture.shape[1:], WHITE) < y).float()
        mean, log_variance = (part.float() for part in able(model).posterior(2 * y - 1, input))
        noise = normal(model, picture, mean.shape[1:], CODE)
        logits = model.logits(mean + (log_variance / 2).exp() * noise, input).float()
        if self.pixels == "binary":
            surprise = F.binary_cross_entropy_with_logits(logits, y, reduction="none")
        else:
            apart = (y - logits.sigmoid()) / self.spread
            surprise = apart.square() / 2 + math.log(self.spread * math.sqrt(2 * math.pi))
        divergence = (mean.square() + log_variance.exp() - log_variance - 1) / 2
        return surprise.sum((1, 2, 3)), divergence.sum(1)


def able(model: nn.Module) -> Latent:
    """The model. ShapeError where its codes are no distributions."""
    if not isinstance(model, Latent):
        raise ShapeError(
            f"Variational needs a model that says how codes of a picture are distributed, but {type(model).__name__} does not.",
            "Choose one that does: --set model.name=vae. Your own has latent, posterior, logits and drawn (models/vae.py).",
        )
    return model
