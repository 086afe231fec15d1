"""F1 of each label, then their plain mean, where a row may have several labels."""

from __future__ import annotations

from torch import Tensor

from mapsto.core.nouns import Measure
from mapsto.measures.marks import counts, marks


class LabelF1(Measure):
    """The mean over labels of F1 (macro F1), where a row may have several labels.

    prediction: probabilities [B, L]; target: zeros and ones [B, L]. In [0, 1].
    A label is predicted where its probability reaches its threshold: one for all, or one a label.
    A label that is neither true nor predicted anywhere is left out.
    """

    def __init__(self, thresholds: float | list[float] = 0.5):
        super().__init__()
        self.thresholds = thresholds

    def keep(self, prediction: Tensor, target: Tensor) -> Tensor:
        return marks("LabelF1", prediction, target, self.thresholds)

    def formula(self, kept: Tensor, weight: Tensor) -> Tensor:
        hits, predicted, true = counts(kept, weight)
        return (2 * hits / (predicted + true)).nanmean()
