"""The graph attention network: which neighbours matter is learned (Veličković et al. 2018, arXiv:1710.10903)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.core.batch import Field
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Shape
from mapsto.layers.graph_attention import GraphAttention
from mapsto.layers.graph_input import GraphInput, dropped


class GAT(nn.Module):
    """`depth` layers of graph attention with an ELU between each two; `heads` of `width` numbers side by side, and in the last one
    the mean of `last` heads, which is the answer.

    inputs: of a node, see `GraphInput`. dropout: before each layer, and of what each node looks at.
    forward: B nodes of a graph, whole graphs, or rows, [B, *inputs] → [B, outputs]; of whole graphs the mean over their nodes.
    """

    def __init__(
        self,
        inputs: Shape,
        outputs: int,
        width: int = 8,
        heads: int = 8,
        depth: int = 2,
        last: int = 1,
        dropout: float = 0.6,
        embedding: int = 16,
    ):
        super().__init__()
        if min(width, heads, depth, last) < 1:
            raise FrameError(
                f"GAT needs width, heads, depth and last of at least 1, but came {width}, {heads}, {depth} and {last}."
            )
        self.inputs, self.outputs, self.width, self.heads, self.depth = inputs, outputs, width, heads, depth
        self.last, self.dropout, self.embedding = last, dropout, embedding
        self.input = GraphInput(inputs, embedding)
        widths = [self.input.width, *[heads * width] * (depth - 1)]
        self.layers = nn.ModuleList(GraphAttention(before, width, heads, dropout) for before in widths[:-1])
        self.layers.append(GraphAttention(widths[-1], outputs, last, dropout, mean=True))

    def forward(self, input: Field) -> Tensor:
        asked = self.input(input)
        x = asked.x
        for k, layer in enumerate(self.layers):
            x = layer(dropped(F.elu(x) if k else x, self.dropout, self.training), asked.graph)
        return asked.answer(x, mean=True)
