"""Huber loss: squared for small errors, straight for large ones (Huber 1964)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from mapsto.core.batch import Batch, Losses
from mapsto.core.nouns import Domain, Measure, Objective
from mapsto.objectives.numbers import how_near, one, one_number


@dataclass
class Huber(Objective):
    """½ e² where |e| ≤ `delta`, else delta (|e| − ½ delta), with e = ŷ − y in standard deviations of the target."""

    delta: float = 1.0

    problem = "regression"

    def losses(self, model: nn.Module, batch: Batch, player: str) -> Losses:
        error = one_number(model, batch) - batch["target"]
        small = error.abs().clamp(max=self.delta)
        return {"huber": small * (error.abs() - small / 2)}

    def slope(self, output: Tensor, batch: Batch) -> tuple[Losses, Tensor] | None:
        """e, held between −`delta` and `delta`, / B."""
        error = one(output, "the model") - batch["target"]
        held = error.clamp(-self.delta, self.delta)
        return {"huber": held * (error - held / 2)}, held[:, None] / len(held)

    def predict(self, model: nn.Module, batch: Batch) -> Tensor:
        """Standardised numbers [B]."""
        return one_number(model, batch)

    def measures(self, target: Domain) -> dict[str, Measure]:
        return how_near()
