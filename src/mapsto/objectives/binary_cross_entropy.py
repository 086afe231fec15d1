"""Binary cross-entropy: a yes or no for every label."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.core.batch import Batch, Losses
from mapsto.core.nouns import Domain, Measure, Objective
from mapsto.measures import AUROC, AveragePrecision, ExactMatch, LabelF1, MicroF1
from mapsto.objectives.judged import first, known

MEASURES = {
    "macro-f1": LabelF1,
    "micro-f1": MicroF1,
    "exact-match": ExactMatch,
    "auroc": AUROC,
    "average-precision": AveragePrecision,
}


@dataclass
class BinaryCrossEntropy(Objective):
    """−Σ y log p + (1 − y) log(1 − p) over L labels, with p the sigmoid of the model's L logits; their mean.

    positive_weights: one a label, how much its yes counts beside its no; None counts both alike.
    judged_by: the measure that a run is stopped and compared by. Where some labels are nearly always there,
        average-precision sees past the threshold to whether the others are told at all.
    """

    positive_weights: list[float] | None = None
    judged_by: str = "macro-f1"

    problem = "multi-label"

    def __post_init__(self) -> None:
        known("BinaryCrossEntropy", self.judged_by, MEASURES)

    def losses(self, model: nn.Module, batch: Batch, player: str) -> Losses:
        logits = model(batch["input"]).float()  # [B, L]
        weights = logits.new_tensor(self.positive_weights) if self.positive_weights else None
        loss = F.binary_cross_entropy_with_logits(logits, batch["target"], pos_weight=weights, reduction="none")
        return {"binary-cross-entropy": loss.mean(dim=1)}

    def slope(self, output: Tensor, batch: Batch) -> tuple[Losses, Tensor] | None:
        """(p − y) / L B (Bishop 2006, eq. 4.91)."""
        if self.positive_weights:
            return None
        loss = F.binary_cross_entropy_with_logits(output, batch["target"], reduction="none")
        return {"binary-cross-entropy": loss.mean(dim=1)}, (output.sigmoid() - batch["target"]) / output.numel()

    def predict(self, model: nn.Module, batch: Batch) -> Tensor:
        """Probabilities [B, L], each label's own."""
        return model(batch["input"]).float().sigmoid()

    def measures(self, target: Domain) -> dict[str, Measure]:
        return first(self.judged_by, MEASURES)
