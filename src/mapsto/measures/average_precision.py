"""Precision averaged over recall: how pure the list stays as one goes down it."""

from __future__ import annotations

from torch import Tensor

from mapsto.core.nouns import Measure
from mapsto.measures.ranking import Ranking, questions


class AveragePrecision(Measure):
    """Σ (Rₙ − Rₙ₋₁) Pₙ over the distinct scores from the top, not interpolated, as in scikit-learn.

    prediction: probabilities [B, C] with target int64 [B], or [B, L] with target of zeros and ones [B, L]. In [0, 1].
    Several classes: each against the rest; several labels: each alone; then the plain mean. A class or label that is
    never true is left out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ranking = Ranking()

    def keep(self, prediction: Tensor, target: Tensor) -> Tensor:
        return questions("AveragePrecision", prediction, target)

    def formula(self, kept: Tensor, weight: Tensor) -> Tensor:
        positive, negative = self.ranking.runs(kept, weight)
        listed = (positive + negative).cumsum(0)
        precision = (positive.cumsum(0) / listed).nan_to_num()  # nothing listed yet: 0 / 0, and no positive there
        return ((positive * precision).sum(0) / positive.sum(0)).nanmean()
