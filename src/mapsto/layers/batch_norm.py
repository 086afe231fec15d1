"""Batch norm of vectors (Ioffe and Szegedy 2015, arXiv:1502.03167)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class BatchNorm(nn.BatchNorm1d):
    """Batch norm of [B, width]; an example alone, as the last of an epoch may be, goes by the running statistics."""

    def forward(self, input: Tensor) -> Tensor:
        if self.training and len(input) == 1:  # one number has no spread
            return F.batch_norm(input, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return super().forward(input)
