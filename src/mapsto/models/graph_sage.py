"""GraphSAGE: a node beside the mean of its neighbours, of which a sample will do (Hamilton et al. 2017, arXiv:1706.02216)."""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.core.batch import Field
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Shape
from mapsto.layers.graph_input import GraphInput, dropped
from mapsto.layers.graph_sage import NeighbourMean


class GraphSAGE(nn.Module):
    """`depth` layers of `NeighbourMean`, with dropout before each and a ReLU between each two; the last states are the answer.
    Vectors are not brought to length 1 (line 7 of its algorithm): what follows is a softmax, which needs their length.

    inputs: of a node, see `GraphInput`. width: of hidden states.
    forward: B nodes of a graph, whole graphs, or rows, [B, *inputs] → [B, outputs]; of whole graphs the mean over their nodes.
    """

    def __init__(
        self, inputs: Shape, outputs: int, width: int = 64, depth: int = 2, dropout: float = 0.5, embedding: int = 16
    ):
        super().__init__()
        if min(width, depth) < 1:
            raise FrameError(f"GraphSAGE needs width and depth of at least 1, but came {width} and {depth}.")
        self.inputs, self.outputs, self.width, self.depth = inputs, outputs, width, depth
        self.dropout, self.embedding = dropout, embedding
        self.input = GraphInput(inputs, embedding)
        widths = [self.input.width, *[width] * (depth - 1), outputs]
        self.layers = nn.ModuleList(NeighbourMean(a, b) for a, b in pairwise(widths))

    def forward(self, input: Field) -> Tensor:
        asked = self.input(input)
        x = asked.x
        for k, layer in enumerate(self.layers):
            x = layer(dropped(F.relu(x) if k else x, self.dropout, self.training), asked.graph)
        return asked.answer(x, mean=True)
