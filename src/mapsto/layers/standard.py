"""Features in units of their own spread, for models that compare or penalise across columns."""

from __future__ import annotations

from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from mapsto.core.nouns import Shape


class Standard(nn.Module):
    """(x − mean) / scale, column by column, in float64; a constant column has scale 1.

    inputs: shape of the input that the columns were made from. The columns of a table or a vector each have their own
        unit, so each gets its own mean and scale. The pixels of a picture share one unit, so they share one mean and
        one scale: else a corner that is nearly always dark would weigh as much as the middle.
    width: number of columns.
    forward: features [B, width] → [B, width] float64.
    """

    def __init__(self, inputs: Shape, width: int):
        super().__init__()
        self.shared = not isinstance(inputs, dict) and len(inputs) > 1
        self.register_buffer("mean", torch.zeros(width, dtype=torch.float64))
        self.register_buffer("scale", torch.ones(width, dtype=torch.float64))

    def fit(self, features: np.ndarray, weight: np.ndarray | None) -> Self:
        """Learn mean and scale from features [N, width], weighted by weight [N] > 0. Leaves them on the CPU."""
        features = features.astype(np.float64)
        mean = np.average(features, axis=0, weights=weight)
        if self.shared:
            mean[:] = mean.mean()
        variance = np.average(np.square(features - mean), axis=0, weights=weight)
        if self.shared:
            variance[:] = variance.mean()
            constant = np.full(len(mean), features.min() == features.max())
        else:
            constant = features.min(axis=0) == features.max(axis=0)
        self.mean = torch.from_numpy(mean)
        self.scale = torch.from_numpy(np.where(constant, 1.0, np.sqrt(variance)))
        return self

    def forward(self, features: Tensor) -> Tensor:
        return (features.to(self.mean.dtype) - self.mean) / self.scale
