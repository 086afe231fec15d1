"""Where a token stands, or how late it is, told in waves: places of which any number is known without learning any."""

from __future__ import annotations

import math

import torch
from torch import Tensor

SLOWEST = 10_000.0  # times 2 π: the longest wave, in places


def sinusoids(length: int, width: int, device: torch.device, begin: int = 0) -> Tensor:
    """[length, width]: `waves` of each place from `begin` on."""
    return waves(torch.arange(begin, begin + length, device=device, dtype=torch.float32), width)


def waves(place: Tensor, width: int) -> Tensor:
    """Places t [N], whole or not → [N, width]: sin(t / 10000^(2i/D)) and the cosine of the same, in turn.

    Vaswani et al. 2017, arXiv:1706.03762, §3.5.
    """
    pace = torch.exp(torch.arange(0, width, 2, device=place.device) * (-math.log(SLOWEST) / width))
    angle = place[:, None] * pace
    return torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1)[:, :width]
