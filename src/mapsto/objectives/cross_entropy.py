"""Cross-entropy: the surprise at the true class."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.core.batch import Batch, Losses
from mapsto.core.errors import FrameError, ShapeError
from mapsto.core.nouns import Domain, Measure, Objective
from mapsto.measures import AUROC, Accuracy, CalibrationError, LogLoss, MacroF1
from mapsto.objectives.judged import first, known

_nll_loss_backward = torch.ops.aten.nll_loss_backward.default
_log_softmax_backward = torch.ops.aten._log_softmax_backward_data.default
MEASURES = {
    "accuracy": Accuracy,
    "macro-f1": MacroF1,
    "auroc": AUROC,
    "log-loss": LogLoss,
    "calibration-error": CalibrationError,
}


@dataclass
class CrossEntropy(Objective):
    """−Σ q(c) log p(c | x), with p the softmax of the model's C logits and q the true class.

    smoothing: the share of q spread evenly over all classes, in [0, 1) (Szegedy et al. 2016, arXiv:1512.00567, §7).
    weights: one a class, how much its examples count; None counts all alike.
    judged_by: the measure that a run is stopped and compared by.
    """

    smoothing: float = 0.0
    weights: list[float] | None = None
    judged_by: str = "accuracy"

    problem = "classification"

    def __post_init__(self) -> None:
        if not 0 <= self.smoothing < 1:
            raise FrameError(f"smoothing is a share in [0, 1), but came {self.smoothing}.")
        known("CrossEntropy", self.judged_by, MEASURES)

    def losses(self, model: nn.Module, batch: Batch, player: str) -> Losses:
        logits = model(batch["input"]).float()  # [B, C]
        target = batch["target"]  # [B] classes, or [B, C] a distribution over them
        if logits.ndim != 2:
            raise ShapeError(
                f"CrossEntropy needs logits [B, C], but {type(model).__name__} gave {list(logits.shape)}.",
                "Build the model with outputs=C, the number of classes.",
            )
        weights = logits.new_tensor(self.weights) if self.weights else None
        loss = F.cross_entropy(logits, target, weights, reduction="none", label_smoothing=self.smoothing)
        return {"cross-entropy": loss}

    def slope(self, output: Tensor, batch: Batch) -> tuple[Losses, Tensor] | None:
        """(p(c | x) − q(c)) / B (Bishop 2006, eq. 4.109), by the kernels that autograd would call."""
        target = batch["target"]
        if self.smoothing or self.weights or target.ndim > 1 or output.ndim != 2:
            return None
        log_p = output.log_softmax(1)
        loss = F.nll_loss(log_p, target, reduction="none")
        share, whole = _even(loss.shape[0], loss.device, loss.dtype)
        by_log_p = _nll_loss_backward(share, log_p, target, None, 0, -100, whole)
        return {"cross-entropy": loss}, _log_softmax_backward(by_log_p, log_p, 1, log_p.dtype)

    def predict(self, model: nn.Module, batch: Batch) -> Tensor:
        """Probabilities [B, C]."""
        return model(batch["input"]).float().softmax(dim=1)

    def measures(self, target: Domain) -> dict[str, Measure]:
        return first(self.judged_by, MEASURES)


@cache
def _even(count: int, device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """The slope of a mean by each of `count` losses, [count], and a weight of all, [], of which the kernel makes no use: made
    once, for in a small step each tensor that is made counts."""
    with torch.inference_mode(False):
        return torch.full((count,), 1 / count, dtype=dtype, device=device), torch.zeros((), dtype=dtype, device=device)
