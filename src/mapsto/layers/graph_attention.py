"""GAT's operator: each node looks at itself and its neighbours, and learns how closely at which."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.core.graph import Graph
from mapsto.core.sparse import Pattern, Sparse
from mapsto.layers.graph_convolution import mapped
from mapsto.layers.product import product

SLOPE = 0.2  # of the LeakyReLU below 0, as in the paper


class GraphAttention(nn.Module):
    """x′ᵢ = Σⱼ αᵢⱼ W xⱼ + b over j in N(i) ∪ {i}, with αᵢⱼ the softmax over j of LeakyReLU(a · W xᵢ + c · W xⱼ), in each of `heads`
    heads (Veličković et al. 2018, arXiv:1710.10903, eq. 3 to 6).

    mean: heads are averaged (eq. 6), not laid side by side (eq. 5). dropout: of the weights α.
    forward: x [V, before], dense or sparse, of the nodes of `graph` → [V, heads · after], or [V, after] for their mean.
    """

    def __init__(self, before: int, after: int, heads: int, dropout: float = 0.0, mean: bool = False):
        super().__init__()
        self.heads, self.dropout, self.mean = heads, dropout, mean
        self.weight = nn.Parameter(torch.empty(before, heads * after))
        self.receiver = nn.Parameter(torch.empty(heads, after))  # a
        self.sender = nn.Parameter(torch.empty(heads, after))  # c
        self.bias = nn.Parameter(torch.zeros(after if mean else heads * after))
        for weight in (self.weight, self.receiver, self.sender):
            nn.init.xavier_uniform_(weight)

    def forward(self, x: Tensor | Sparse, graph: Graph) -> Tensor:
        pattern, counts = graph.looped.pattern, graph.looped.values
        states = mapped(x, self.weight).unflatten(1, (self.heads, -1))  # [V, H, D]
        receiver, sender = (states * self.receiver).sum(2), (states * self.sender).sum(2)  # [V, H]
        score = F.leaky_relu(
            F.embedding(pattern.rows, receiver) + F.embedding(pattern.columns, sender), SLOPE
        )  # [K, H]
        if counts is not None:  # what is padding is not looked at; each node still sees itself
            score = score.masked_fill((counts == 0)[:, None], float("-inf"))
        alpha = F.dropout(softmax_of_rows(score, pattern), self.dropout, self.training)
        heard = [product(Sparse(pattern, alpha[:, head].contiguous()), states[:, head]) for head in range(self.heads)]
        return (torch.stack(heard).mean(0) if self.mean else torch.cat(heard, dim=1)) + self.bias


def softmax_of_rows(score: Tensor, pattern: Pattern) -> Tensor:
    """Numbers [K, H], one for each entry of a pattern, as shares of 1 in each row; a row has at least one that is finite."""
    with torch.no_grad():
        place = pattern.rows[:, None].expand_as(score)
        largest = score.new_full((len(pattern), score.shape[1]), float("-inf")).scatter_reduce(0, place, score, "amax")
    raised = (score - largest[pattern.rows]).exp()
    return raised / F.embedding(pattern.rows, product(Sparse(pattern.stretches), raised))
