"""Absolute error: what is learned is the median, which outliers do not move."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from mapsto.core.batch import Batch, Losses
from mapsto.core.nouns import Domain, Measure, Objective
from mapsto.objectives.numbers import how_near, one, one_number


@dataclass
class AbsoluteError(Objective):
    """|ŷ − y|, on the standardised target."""

    problem = "regression"

    def losses(self, model: nn.Module, batch: Batch, player: str) -> Losses:
        return {"absolute-error": (one_number(model, batch) - batch["target"]).abs()}

    def slope(self, output: Tensor, batch: Batch) -> tuple[Losses, Tensor] | None:
        """The sign of ŷ − y, / B."""
        error = one(output, "the model") - batch["target"]
        return {"absolute-error": error.abs()}, error.sign()[:, None] / len(error)

    def predict(self, model: nn.Module, batch: Batch) -> Tensor:
        """Standardised numbers [B]."""
        return one_number(model, batch)

    def measures(self, target: Domain) -> dict[str, Measure]:
        return how_near()
