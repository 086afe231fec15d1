"""The share of examples whose most probable class is the true one."""

from __future__ import annotations

from torch import Tensor

from mapsto.core.nouns import Measure
from mapsto.measures.precise import mean
from mapsto.measures.shapes import need_classes


class Accuracy(Measure):
    """The share of examples whose most probable class is the true one.

    prediction: probabilities [B, C]; target: class indices, int64 [B]. In [0, 1].
    """

    def keep(self, prediction: Tensor, target: Tensor) -> Tensor:
        need_classes("Accuracy", prediction, target)
        return (prediction.argmax(1) == target).float()[:, None]

    def formula(self, kept: Tensor, weight: Tensor) -> Tensor:
        return mean(kept[:, 0], weight)
