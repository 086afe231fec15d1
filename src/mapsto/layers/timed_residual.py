"""A residual block of maps that is told one thing about the whole picture: how noisy it is, and what it is to be of."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor, nn

GROUPS = 8  # of channels, at most, whose numbers are normed together


class TimedResidual(nn.Module):
    """x + F(x, e): norm, SiLU, convolution; norm, scaled and shifted by a linear map of e; SiLU, convolution.

    Ho et al. 2020, arXiv:2006.11239, appendix B; scale and shift by Dhariwal and Nichol 2021, arXiv:2105.05233, §3.1. F begins as
    zero. forward: x [B, before, H, W] and e [B, told] → [B, after, H, W].
    """

    def __init__(self, before: int, after: int, told: int):
        super().__init__()
        self.first_norm, self.first = norm(before), nn.Conv2d(before, after, 3, padding=1)
        self.told = nn.Linear(told, 2 * after)
        self.last_norm, self.last = norm(after), nn.Conv2d(after, after, 3, padding=1)
        self.shortcut = nn.Identity() if before == after else nn.Conv2d(before, after, 1)
        for last in (self.last.weight, self.last.bias):
            nn.init.zeros_(last)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        scale, shift = self.told(told)[:, :, None, None].chunk(2, dim=1)
        y = self.first(F.silu(self.first_norm(x)))
        y = self.last(F.silu(self.last_norm(y) * (1 + scale) + shift))
        return self.shortcut(x) + y


def norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(math.gcd(GROUPS, channels), channels)
