"""Reading a sequence with recurrent layers, ahead and in reverse, so that each state knows what came before it and what follows."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

Cell = Literal["rnn", "gru", "lstm"]
CELLS: dict[Cell, type[nn.RNNBase]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


class Reading(nn.Module):
    """Recurrent layers one on the other (Elman 1990; Hochreiter and Schmidhuber 1997; Cho et al. 2014, arXiv:1406.1078); where
    bidirectional, each has a second one beside it that reads in reverse (Schuster and Paliwal 1997), and their states are joined.

    inputs: numbers in an entry. width: of a state in one direction; `self.width`: of what comes out. depth: layers.
        dropout: of numbers in the states that a next layer reads.
    forward: x [B, T, inputs], count [B] → states [B, T, width]. In either direction padding comes after what is real, and so
        says nothing to it; no lengths are wanted on the host, as packing would.
    """

    def __init__(
        self,
        inputs: int,
        width: int,
        cell: Cell = "lstm",
        depth: int = 1,
        bidirectional: bool = True,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.width = width * (2 if bidirectional else 1)
        sizes = [inputs, *[self.width] * (depth - 1)]
        self.ahead = nn.ModuleList(CELLS[cell](size, width, batch_first=True) for size in sizes)
        self.back = nn.ModuleList(CELLS[cell](size, width, batch_first=True) for size in sizes if bidirectional)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, count: Tensor) -> Tensor:
        turned = reverse(count, x.shape[1])
        for layer, ahead in enumerate(self.ahead):
            x = self.dropout(x) if layer else x
            states = [ahead(x)[0]]
            if len(self.back):
                states.append(taken(self.back[layer](taken(x, turned))[0], turned))
            x = torch.cat(states, dim=2)
        return x


def reverse(count: Tensor, length: int) -> Tensor:
    """[B] → [B, T]: the place that each place changes with, when the real entries are read from the last to the first."""
    place = torch.arange(length, device=count.device)
    other = count[:, None] - 1 - place
    return torch.where(other < 0, place, other)


def taken(x: Tensor, place: Tensor) -> Tensor:
    """x [B, T, D] → [B, T, D], of each row the entries at `place` [B, T]."""
    begin = torch.arange(0, place.numel(), place.shape[1], device=x.device)
    return x.flatten(0, 1).index_select(0, (place + begin[:, None]).flatten()).view(x.shape)
