"""Batch norm over nodes, of which some may be padding."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class NodeNorm(nn.BatchNorm1d):
    """γ (x − mean) / √(variance + ε) + β, mean and variance of each column over the real nodes of a batch in training, running ones
    else (Ioffe and Szegedy 2015, arXiv:1502.03167).

    forward: x [V, width], real [V] 1 for a node and 0 for padding, None where there is none → [V, width].
    """

    def forward(self, x: Tensor, real: Tensor | None = None) -> Tensor:
        if not self.training or (real is None and len(x) == 1):  # one number has no spread
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        if real is None:
            return super().forward(x)
        count = real.sum().clamp(min=1.0)
        share = real.to(x.dtype) / count
        mean = share @ x
        apart = x - mean
        variance = share @ apart.square()
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1).clamp(min=1.0), self.momentum)
        return torch.addcmul(self.bias, apart, (variance + self.eps).rsqrt() * self.weight)
