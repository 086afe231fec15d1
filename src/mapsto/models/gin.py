"""The graph isomorphism network: whole graphs told apart as far as message passing can (Xu et al. 2019, arXiv:1810.00826)."""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.core.batch import Field
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Shape
from mapsto.core.sparse import Sparse
from mapsto.layers.graph_input import GraphInput
from mapsto.layers.graph_isomorphism import GraphIsomorphism
from mapsto.layers.node_norm import NodeNorm


class GIN(nn.Module):
    """`depth` layers of `GraphIsomorphism`, each with a norm and a ReLU behind it. What nodes are known by and the states after
    each layer all answer, through a linear map each, with dropout; their answers are added up (ibid., §4.2).

    inputs: of a node, see `GraphInput`. width: of states. learn: whether ε is learned (GIN-ε), and not 0 (GIN-0).
    forward: B nodes of a graph, whole graphs, or rows, [B, *inputs] → [B, outputs]; of whole graphs the sum over their nodes.
    """

    def __init__(
        self,
        inputs: Shape,
        outputs: int,
        width: int = 32,
        depth: int = 4,
        dropout: float = 0.5,
        learn: bool = False,
        embedding: int = 0,
    ):
        super().__init__()
        if min(width, depth) < 1:
            raise FrameError(f"GIN needs width and depth of at least 1, but came {width} and {depth}.")
        self.inputs, self.outputs, self.width, self.depth = inputs, outputs, width, depth
        self.dropout, self.learn, self.embedding = dropout, learn, embedding
        self.input = GraphInput(inputs, embedding)
        widths = [self.input.width, *[width] * depth]
        self.layers = nn.ModuleList(GraphIsomorphism(a, b, learn) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(NodeNorm(width) for _ in range(depth))
        self.answers = nn.ModuleList(nn.Linear(states, outputs) for states in widths)

    def forward(self, input: Field) -> Tensor:
        asked = self.input(input)
        x = asked.x.dense() if isinstance(asked.x, Sparse) else asked.x
        said = self._said(0, asked.answer(x))
        for k, (layer, norm) in enumerate(zip(self.layers, self.norms, strict=True), start=1):
            x = norm(layer(x, asked.graph, asked.real), asked.real).relu()
            said = said + self._said(k, asked.answer(x))
        return said

    def _said(self, k: int, states: Tensor) -> Tensor:
        return F.dropout(self.answers[k](states), self.dropout, self.training)
