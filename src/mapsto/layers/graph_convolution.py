"""GCN's operator: each node's new state is a weighted mean over itself and its neighbours."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mapsto.core.graph import Graph
from mapsto.core.sparse import Sparse
from mapsto.layers.product import product


class GraphConvolution(nn.Module):
    """X′ = D̃^−½ Ã D̃^−½ X W + b, with Ã = A + I and D̃ its row sums (Kipf and Welling 2017, arXiv:1609.02907, eq. 2).

    forward: x [V, before], dense or sparse, of the nodes of `graph` → [V, after].
    """

    def __init__(self, before: int, after: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(before, after))
        self.bias = nn.Parameter(torch.zeros(after))
        nn.init.xavier_uniform_(self.weight)  # as the paper's own program has it

    def forward(self, x: Tensor | Sparse, graph: Graph) -> Tensor:
        return product(graph.symmetric, mapped(x, self.weight)) + self.bias


def mapped(x: Tensor | Sparse, weight: Tensor) -> Tensor:
    """X W: [V, before] and [before, after] → [V, after]."""
    return product(x, weight) if isinstance(x, Sparse) else x @ weight
