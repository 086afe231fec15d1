"""The share of rows all of whose labels are right (subset accuracy)."""

from __future__ import annotations

from torch import Tensor

from mapsto.core.nouns import Measure
from mapsto.measures.marks import marks
from mapsto.measures.precise import mean


class ExactMatch(Measure):
    """The share of rows all of whose labels are right (subset accuracy).

    prediction: probabilities [B, L]; target: zeros and ones [B, L]. In [0, 1].
    A label is predicted where its probability reaches its threshold: one for all, or one a label.
    """

    def __init__(self, thresholds: float | list[float] = 0.5):
        super().__init__()
        self.thresholds = thresholds

    def keep(self, prediction: Tensor, target: Tensor) -> Tensor:
        kept = marks("ExactMatch", prediction, target, self.thresholds)
        return ((kept == 0) | (kept == 3)).all(1).float()[:, None]

    def formula(self, kept: Tensor, weight: Tensor) -> Tensor:
        return mean(kept[:, 0], weight)
