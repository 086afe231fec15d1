"""Attention over a map: each cell asks all others, wherever they lie."""

from __future__ import annotations

from torch import Tensor, nn

from mapsto.layers.attention import Attention
from mapsto.layers.timed_residual import norm


class MapAttention(nn.Module):
    """x + attention(norm(x)) over its H · W cells: [B, C, H, W] → the same (Ho et al. 2020, arXiv:2006.11239, appendix B).

    What is added begins as zero. It is for small maps: the work grows as (H · W)².
    """

    def __init__(self, channels: int, heads: int):
        super().__init__()
        self.norm, self.attention = norm(channels), Attention(channels, heads)
        nn.init.zeros_(self.attention.join.weight)

    def forward(self, x: Tensor) -> Tensor:
        cells = self.norm(x).flatten(2).transpose(1, 2)  # [B, H · W, C]
        return x + self.attention(cells).transpose(1, 2).view_as(x)
