"""F1 over all labels of all rows together, where a row may have several labels."""

from __future__ import annotations

from torch import Tensor

from mapsto.core.nouns import Measure
from mapsto.measures.marks import counts, marks


class MicroF1(Measure):
    """F1 over all labels of all rows together: a common label counts more than a rare one.

    prediction: probabilities [B, L]; target: zeros and ones [B, L]. In [0, 1].
    A label is predicted where its probability reaches its threshold: one for all, or one a label.
    """

    def __init__(self, thresholds: float | list[float] = 0.5):
        super().__init__()
        self.thresholds = thresholds

    def keep(self, prediction: Tensor, target: Tensor) -> Tensor:
        return marks("MicroF1", prediction, target, self.thresholds)

    def formula(self, kept: Tensor, weight: Tensor) -> Tensor:
        hits, predicted, true = counts(kept, weight)
        return 2 * hits.sum() / (predicted + true).sum()
