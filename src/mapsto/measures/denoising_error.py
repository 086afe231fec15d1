"""How well noise is told from pictures."""

from __future__ import annotations

from torch import Tensor

from mapsto.core.errors import ShapeError
from mapsto.core.nouns import Measure
from mapsto.measures.precise import mean, precise


class DenoisingError(Measure):
    """The mean squared error of what is said of noisy pictures, a pixel, over all amounts of noise; 1 is about what saying nothing
    comes to. It is the objective's own, and no word about how drawn pictures look.

    prediction: errors [B], as the objective denoising tells them.
    """

    better = -1

    def keep(self, prediction: Tensor, target: Tensor) -> Tensor:
        if prediction.ndim != 1:
            raise ShapeError(
                f"DenoisingError needs an error a picture, [B], but was given {list(prediction.shape)}.",
                "They are what the objective denoising tells.",
            )
        return precise(prediction)[:, None]

    def formula(self, kept: Tensor, weight: Tensor) -> Tensor:
        return mean(kept[:, 0], weight)
