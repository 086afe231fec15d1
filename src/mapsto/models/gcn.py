"""The graph convolutional network: what a node is shows in its neighbours (Kipf and Welling 2017, arXiv:1609.02907)."""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.core.batch import Field
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Shape
from mapsto.layers.graph_convolution import GraphConvolution
from mapsto.layers.graph_input import GraphInput, dropped


class GCN(nn.Module):
    """`depth` graph convolutions, with dropout before each and a ReLU between each two; what the last one gives is the answer.

    inputs: of a node, see `GraphInput`. width: of hidden states. pairs: nodes are asked about two by two, whether they are joined:
        the last convolution gives `width` numbers, whose product tells (Kipf and Welling 2016, arXiv:1611.07308).
    forward: B nodes of a graph, whole graphs, or rows, [B, *inputs] → [B, outputs]; of whole graphs the mean over their nodes.
    """

    def __init__(
        self,
        inputs: Shape,
        outputs: int,
        width: int = 16,
        depth: int = 2,
        dropout: float = 0.5,
        embedding: int = 16,
        pairs: bool = False,
    ):
        super().__init__()
        if min(width, depth) < 1:
            raise FrameError(f"GCN needs width and depth of at least 1, but came {width} and {depth}.")
        self.inputs, self.outputs, self.width, self.depth = inputs, outputs, width, depth
        self.dropout, self.embedding, self.pairs = dropout, embedding, pairs
        self.input = GraphInput(inputs, embedding)
        widths = [self.input.width, *[width] * (depth - 1), width if pairs else outputs]
        self.layers = nn.ModuleList(GraphConvolution(a, b) for a, b in pairwise(widths))

    def forward(self, input: Field) -> Tensor:
        asked = self.input(input)
        x = asked.x
        for k, layer in enumerate(self.layers):
            x = layer(dropped(F.relu(x) if k else x, self.dropout, self.training), asked.graph)
        return asked.joined(x) if self.pairs else asked.answer(x, mean=True)
