"""How far stated confidence is from the share that comes true."""

from __future__ import annotations

import torch
from torch import Tensor

from mapsto.core.nouns import Measure
from mapsto.measures.precise import precise
from mapsto.measures.shapes import need_classes, need_labels


class CalibrationError(Measure):
    """The expected calibration error: |stated − true share| averaged over bins of equal width.

    prediction: probabilities [B, C] with target int64 [B], where the confidence in the most probable class is judged;
    or [B, L] with target of zeros and ones [B, L], where every label's probability is. In [0, 1]; biased upwards where
    bins hold few examples. Guo et al. 2017, arXiv:1706.04599, eq. 3.
    """

    better = -1

    def __init__(self, bins: int = 15):
        super().__init__()
        self.bins = bins

    def keep(self, prediction: Tensor, target: Tensor) -> Tensor:
        if target.dim() == 2:
            need_labels("CalibrationError", prediction, target)
            return torch.cat([prediction, (target > 0.5).to(prediction.dtype)], 1)
        need_classes("CalibrationError", prediction, target)
        confidence, guess = prediction.max(1)
        return torch.stack([confidence, (guess == target).to(confidence.dtype)], 1)

    def formula(self, kept: Tensor, weight: Tensor) -> Tensor:
        stated, true = kept.chunk(2, 1)
        weight = precise(weight)[:, None].expand_as(stated)
        bin = ((stated * self.bins).ceil().long() - 1).clamp(0, self.bins - 1)
        excess = weight.new_zeros(self.bins).index_add(0, bin.flatten(), (weight * (precise(stated) - true)).flatten())
        return excess.abs().sum() / weight.sum()
