"""GraphSAGE's operator: a node, and beside it the mean of its neighbours."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mapsto.core.graph import Graph
from mapsto.core.sparse import Sparse
from mapsto.layers.graph_convolution import mapped
from mapsto.layers.product import product


class NeighbourMean(nn.Module):
    """x′ᵢ = W xᵢ + U · mean of xⱼ over j in N(i) + b: one map of the two side by side (Hamilton, Ying and Leskovec 2017,
    arXiv:1706.02216, alg. 1, lines 4 and 5, mean aggregator). A node without neighbours hears nought.

    forward: x [V, before], dense or sparse, of the nodes of `graph` → [V, after].
    """

    def __init__(self, before: int, after: int):
        super().__init__()
        self.own = nn.Parameter(torch.empty(before, after))  # W
        self.heard = nn.Parameter(torch.empty(before, after))  # U
        self.bias = nn.Parameter(torch.zeros(after))
        nn.init.xavier_uniform_(self.own)
        nn.init.xavier_uniform_(self.heard)

    def forward(self, x: Tensor | Sparse, graph: Graph) -> Tensor:
        return mapped(x, self.own) + product(graph.mean, mapped(x, self.heard)) + self.bias
