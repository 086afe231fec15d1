"""The root of the mean squared error."""

from __future__ import annotations

from torch import Tensor

from mapsto.core.nouns import Measure
from mapsto.measures.precise import mean, precise
from mapsto.measures.shapes import need_numbers


class RMSE(Measure):
    """The root of the mean squared error, in the unit of the target; large errors weigh most.

    prediction, target: numbers [B] in raw units.
    """

    better = -1

    def keep(self, prediction: Tensor, target: Tensor) -> Tensor:
        need_numbers("RMSE", prediction, target)
        return ((precise(prediction) - precise(target)) ** 2)[:, None]

    def formula(self, kept: Tensor, weight: Tensor) -> Tensor:
        return mean(kept[:, 0], weight).sqrt()
