"""GIN's operator: a node and the sum of its neighbours, told apart as well as any message passing can."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mapsto.core.graph import Graph
from mapsto.layers.node_norm import NodeNorm
from mapsto.layers.product import product


class GraphIsomorphism(nn.Module):
    """x′ᵢ = MLP((1 + ε) xᵢ + Σ xⱼ over j in N(i)), the MLP of two linear maps with a norm and a ReLU between them (Xu et al. 2019,
    arXiv:1810.00826, eq. 4.1). learn: whether ε is; it begins at 0, and GIN-0, the better of the two there, leaves it.

    forward: x [V, before] of the nodes of `graph`, real [V] 0 where one is padding (None: nowhere) → [V, after].
    """

    def __init__(self, before: int, after: int, learn: bool = False):
        super().__init__()
        self.first, self.norm, self.second = nn.Linear(before, after), NodeNorm(after), nn.Linear(after, after)
        self.epsilon = nn.Parameter(torch.zeros(())) if learn else 0.0

    def forward(self, x: Tensor, graph: Graph, real: Tensor | None = None) -> Tensor:
        heard = (1 + self.epsilon) * x + product(graph.edges, x)
        return self.second(self.norm(self.first(heard), real).relu())
