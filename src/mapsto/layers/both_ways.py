"""Recurrent layers that read a sequence from both its ends, so that each place knows what comes before it and after."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class BothWays(nn.Module):
    """A stack of pairs of recurrent layers, one reading forth, one back (Schuster and Paliwal 1997, IEEE Trans. Signal
    Processing 45).

    cell: nn.GRU or nn.LSTM. inputs: numbers at each place. width: of one direction. dropout: between two pairs.
    Each row is turned round where it ends, not where its padding does, so that padding says nothing; and nobody has to
    know lengths on the host, as packed sequences would.
    """

    def __init__(self, cell: type[nn.RNNBase], inputs: int, width: int, depth: int = 1, dropout: float = 0.0):
        super().__init__()
        sizes = [inputs] + [2 * width] * (depth - 1)
        self.forth = nn.ModuleList(cell(size, width, batch_first=True) for size in sizes)
        self.back = nn.ModuleList(cell(size, width, batch_first=True) for size in sizes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, count: Tensor) -> Tensor:
        """x [B, T, D], of which the first `count` [B] ≥ 1 places are real → what is known at each place, [B, T, 2 · width]; at
        padding, nothing in particular."""
        place = torch.arange(x.shape[1], device=x.device)
        turned = torch.where(place < count[:, None], count[:, None] - 1 - place, place)
        for number, (forth, back) in enumerate(zip(self.forth, self.back, strict=True)):
            x = self.dropout(x) if number else x
            x = torch.cat([forth(x)[0], taken(back(taken(x, turned))[0], turned)], dim=2)
        return x


def taken(x: Tensor, place: Tensor) -> Tensor:
    """x [B, T, D] at the places [B, P] → [B, P, D]."""
    return x.gather(1, place[:, :, None].expand(-1, -1, x.shape[2]))
