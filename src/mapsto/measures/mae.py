"""The mean absolute error."""

from __future__ import annotations

from torch import Tensor

from mapsto.core.nouns import Measure
from mapsto.measures.precise import mean, precise
from mapsto.measures.shapes import need_numbers


class MAE(Measure):
    """The mean absolute error, in the unit of the target.

    prediction, target: numbers [B] in raw units.
    """

    better = -1

    def keep(self, prediction: Tensor, target: Tensor) -> Tensor:
        need_numbers("MAE", prediction, target)
        return (precise(prediction) - precise(target)).abs()[:, None]

    def formula(self, kept: Tensor, weight: Tensor) -> Tensor:
        return mean(kept[:, 0], weight)
