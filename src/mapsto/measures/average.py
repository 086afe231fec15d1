"""The mean of what was found out about each example."""

from __future__ import annotations

from torch import Tensor

from mapsto.core.errors import ShapeError
from mapsto.core.nouns import Measure
from mapsto.measures.precise import mean, precise


class Average(Measure):
    """The mean of one number an example that an objective tells of it (`Objective.told`): a bound in nats, an error.

    prediction: numbers [B]; the target is not looked at.
    """

    better = -1

    def keep(self, prediction: Tensor, target: Tensor) -> Tensor:
        if prediction.ndim != 1:
            raise ShapeError(f"Average needs one number an example, [B], but was given {list(prediction.shape)}.")
        return precise(prediction)[:, None]

    def formula(self, kept: Tensor, weight: Tensor) -> Tensor:
        return mean(kept[:, 0], weight)
