"""Additive attention: a small network says how well each place answers what is asked; the answer is the mean by it."""

from __future__ import annotations

from torch import Tensor, nn


class AdditiveAttention(nn.Module):
    """softmax over j of vᵀ tanh(W s + U h_j), and the mean of the h_j by it (Bahdanau et al. 2015, arXiv:1409.0473, §A.1.2).

    query: numbers of s; memory: numbers of each h_j; width: of the layer between.
    """

    def __init__(self, query: int, memory: int, width: int):
        super().__init__()
        self.ask = nn.Linear(query, width, bias=False)
        self.offer = nn.Linear(memory, width)
        self.score = nn.Linear(width, 1, bias=False)

    def forward(self, query: Tensor, offered: Tensor, memory: Tensor, here: Tensor) -> Tensor:
        """query [B, Q], memory [B, S, M] and what it offers, `offer(memory)` [B, S, W], made once for all queries; here
        [B, S] bool, the places that may be seen → their mean, [B, M]."""
        return (self.shares(query, offered, here)[:, None] @ memory)[:, 0]

    def shares(self, query: Tensor, offered: Tensor, here: Tensor) -> Tensor:
        """How much of each place there is in the mean, [B, S], rows of which add up to 1; arguments as of `forward`."""
        fit = self.score((self.ask(query)[:, None] + offered).tanh())[:, :, 0]
        return fit.masked_fill(~here, float("-inf")).softmax(dim=1)
