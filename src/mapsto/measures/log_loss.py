"""How surprised the predicted probabilities are by the truth, in nats."""

from __future__ import annotations

import torch
from torch import Tensor

from mapsto.core.nouns import Measure
from mapsto.measures.precise import mean, precise
from mapsto.measures.shapes import need_classes, need_labels


class LogLoss(Measure):
    """The mean of −log p(truth), in nats.

    prediction: probabilities [B, C] with target int64 [B], or [B, L] with target of zeros and ones [B, L], where it is
    the mean over labels too. Probabilities are kept eps away from 0 and 1, eps of their own dtype, as in scikit-learn.
    """

    better = -1

    def keep(self, prediction: Tensor, target: Tensor) -> Tensor:
        if target.dim() == 2:
            need_labels("LogLoss", prediction, target)
            right = torch.where(target > 0.5, prediction, 1 - prediction)
        else:
            need_classes("LogLoss", prediction, target)
            right = prediction.gather(1, target[:, None])
        eps = torch.finfo(right.dtype).eps
        return -precise(right).clamp(eps, 1 - eps).log().mean(1, keepdim=True)

    def formula(self, kept: Tensor, weight: Tensor) -> Tensor:
        return mean(kept[:, 0], weight)
