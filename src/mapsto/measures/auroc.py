"""The area under the receiver operating characteristic: how surely a positive is scored above a negative."""

from __future__ import annotations

from torch import Tensor

from mapsto.core.nouns import Measure
from mapsto.measures.ranking import Ranking, questions


class AUROC(Measure):
    """The probability that a positive is scored above a negative, ties counting half (Hanley and McNeil 1982).

    prediction: probabilities [B, C] with target int64 [B], or [B, L] with target of zeros and ones [B, L]. In [0, 1].
    Several classes: each against the rest; several labels: each alone; then the plain mean. A class or label that is
    never, or always, true is left out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ranking = Ranking()

    def keep(self, prediction: Tensor, target: Tensor) -> Tensor:
        return questions("AUROC", prediction, target)

    def formula(self, kept: Tensor, weight: Tensor) -> Tensor:
        positive, negative = self.ranking.runs(kept, weight)
        above = positive.cumsum(0) - positive / 2  # a positive of the same score is half above
        return ((negative * above).sum(0) / (positive.sum(0) * negative.sum(0))).nanmean()
