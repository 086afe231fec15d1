"""The share of the targets' variance that is explained."""

from __future__ import annotations

import torch
from torch import Tensor

from mapsto.core.nouns import Measure
from mapsto.measures.precise import mean, precise
from mapsto.measures.shapes import need_numbers


class R2(Measure):
    """1 − Σ (y − ŷ)² / Σ (y − ȳ)²: 1 is perfect, 0 no better than the mean, and worse is below.

    prediction, target: numbers [B] in raw units. NaN where all targets are one number.
    """

    def keep(self, prediction: Tensor, target: Tensor) -> Tensor:
        need_numbers("R2", prediction, target)
        return torch.stack([precise(prediction), precise(target)], 1)

    def formula(self, kept: Tensor, weight: Tensor) -> Tensor:
        prediction, target = kept.unbind(1)
        spread = mean((target - mean(target, weight)) ** 2, weight)
        return torch.where(spread > 0, 1 - mean((target - prediction) ** 2, weight) / spread, torch.nan)
