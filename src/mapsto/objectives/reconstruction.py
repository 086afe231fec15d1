"""Reconstruction: what a code keeps of a picture."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from mapsto.core.batch import Batch, Losses
from mapsto.core.errors import ShapeError
from mapsto.core.nouns import Coder, Domain, Measure, Objective
from mapsto.layers.pixels import bytes_of, scaled
from mapsto.measures.average import Average
from mapsto.objectives.drawing import LARGE, codes


@dataclass
class Reconstruction(Objective):
    """‖y − d(c(y))‖² / ‖1‖², the mean over pixels in [−1, 1], of a picture y and what is drawn from its code c(y) (Hinton and
    Salakhutdinov 2006, doi:10.1126/science.1127647).
    """

    problem = "generation"
    large = LARGE

    def losses(self, model: nn.Module, batch: Batch, player: str) -> Losses:
        return {"squared-error": self.told(model, batch)}

    def told(self, model: nn.Module, batch: Batch) -> Tensor:
        """[B]: the error of each."""
        picture = scaled(batch["target"])
        drawn = able(model).drawn(model.code(picture, batch["input"]), batch["input"])
        return (drawn.float() - picture).square().mean((1, 2, 3))

    def predict(self, model: nn.Module, batch: Batch) -> Tensor:
        """Pictures [B, C, H, W], 0 … 255, from random codes; of the same row always the same."""
        return bytes_of(able(model).drawn(codes(model, batch), batch["input"]))

    def measures(self, target: Domain) -> dict[str, Measure]:
        return {"squared-error": Average()}


def able(model: nn.Module) -> Coder:
    """The model. ShapeError where it has no codes."""
    if not isinstance(model, Coder):
        raise ShapeError(
            f"Reconstruction needs a model that reads pictures as codes and draws from them, but {type(model).__name__} does not.",
            "Choose one that does: --set model.name=autoencoder. Your own has latent, code and drawn (core/nouns.py, Coder).",
        )
    return model
