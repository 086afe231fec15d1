"""Numbers seen through learned waves: a straight line through a number cannot bend, and a network bends slowly.

Gorishniy, Rubachev and Babenko 2022, arXiv:2203.05556, §3.3; with phases, few numbers out and the number itself kept
beside them as in Holzmüller, Grinsztajn and Steinwart 2024, arXiv:2407.04491, §3.2 ("PBLD").
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

OUT = 4  # numbers that come of each one's waves


class Waves(nn.Module):
    """x ↦ [x, W cos(2π f x + φ) + b], for each number apart.

    numbers: how many, P. waves: how many each is seen through. frequency: spread of the first f, in turns a unit of x
        (a standard deviation, as numbers come from their domain): the larger, the finer the steps that it sees, and the
        more of the noise. f, φ, W and b are learned.
    forward: [B, P] → [B, P · 5]: all x first, then four numbers for each of them.
    """

    def __init__(self, numbers: int, waves: int, frequency: float):
        super().__init__()
        self.frequency = nn.Parameter(torch.randn(numbers, waves) * frequency)
        self.phase = nn.Parameter((torch.rand(numbers, waves) * 2 - 1) * math.pi)
        bound = waves**-0.5  # as a linear map from so many inputs begins
        self.weight = nn.Parameter((torch.rand(numbers, waves, OUT) * 2 - 1) * bound)
        self.bias = nn.Parameter((torch.rand(numbers, OUT) * 2 - 1) * bound)
        self.width = numbers * (1 + OUT)

    def forward(self, x: Tensor) -> Tensor:
        seen = torch.cos(2 * math.pi * self.frequency * x[:, :, None] + self.phase)  # [B, P, waves]
        out = torch.einsum("bpw,pwo->bpo", seen, self.weight) + self.bias
        return torch.cat([x, out.flatten(1)], dim=1)
