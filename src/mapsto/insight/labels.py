"""Of several labels that may hold at once, how well each is told: a mean over labels hides the one that matters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from mapsto.core.nouns import Estimate
from mapsto.measures.auroc import AUROC
from mapsto.measures.interval import estimate
from mapsto.measures.label_f1 import LabelF1

DRAWS = 4000  # of a bootstrap, over all labels together
FEW = 5  # rows that have a label, or have it not, below which resampling them does not show what chance may do


@dataclass(frozen=True)
class Label:
    """One label's own figures on the exam.

    share: of the training rows that have it. present: exam rows that have it.
    auroc: how surely a row that has it is scored above one that has not; NaN where all exam rows have it, or none, and
        without an interval where only a few have it, or a few have it not.
    f1: NaN where it is neither true nor predicted anywhere.
    """

    share: float
    present: int
    auroc: Estimate
    f1: Estimate


def by_label(prediction: Tensor, target: Tensor, train: Tensor, names: Sequence[str]) -> dict[str, Label]:
    """Each label's figures, in the order of `names`.

    prediction: probabilities [N, L] of the exam's rows; target: zeros and ones [N, L]; train: those of training, [M, L].
    """
    replicates = max(20, min(200, DRAWS // max(1, len(names))))
    shares, present = train.float().mean(0).tolist(), (target > 0.5).sum(0).tolist()
    found = {}
    for k, name in enumerate(names):
        auroc, f1 = AUROC(), LabelF1()
        for measure in (auroc, f1):
            measure.update(prediction[:, [k]], target[:, [k]])
        few = min(present[k], len(target) - present[k]) < FEW
        found[name] = Label(
            shares[k],
            int(present[k]),
            estimate(auroc, replicates=0 if few else replicates),
            estimate(f1, replicates=replicates),
        )
    return found
