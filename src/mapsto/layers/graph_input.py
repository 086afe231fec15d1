"""The way in and out of models that read graphs: nodes of one graph, whole graphs, or plain rows, which are nodes by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.core.batch import Field
from mapsto.core.errors import FrameError
from mapsto.core.graph import Graph, Nodes
from mapsto.core.nouns import Shape
from mapsto.core.ragged import mask
from mapsto.core.sparse import Sparse
from mapsto.layers.columns import Columns, of_nodes


@dataclass(frozen=True)
class Asked:
    """A graph, the vectors x [V, width] of its nodes, and of which of them an answer is wanted.

    places: [B] or [B, 2] nodes; None where whole graphs are asked about, of which the nodes [B, T] lie side by side and the
    first count [B] are real.
    """

    graph: Graph
    x: Tensor | Sparse
    places: Tensor | None
    count: Tensor | None = None

    @cached_property
    def real(self) -> Tensor | None:
        """[V] 1 for a node, 0 for padding; None where there is no padding."""
        if self.count is None:
            return None
        return mask(self.count, len(self.graph) // len(self.count)).flatten().float()

    def answer(self, states: Tensor, mean: bool = False) -> Tensor:
        """What nodes say, [V, D] → [B, D]: each asked node's own; of a whole graph the sum over its nodes, or their mean."""
        if self.places is not None and self.places.ndim == 2:
            raise FrameError(
                "pairs of nodes are asked about, whether they are joined, and this model answers for single ones.",
                "Use a gcn: --set model=gcn --set model.pairs=true",
                "F004",
            )
        if self.places is not None:
            return F.embedding(self.places, states)
        total = (states * self.real[:, None]).view(len(self.count), -1, states.shape[1]).sum(dim=1)
        return total / self.count.clamp(min=1)[:, None] if mean else total

    def joined(self, states: Tensor) -> Tensor:
        """Logits [B, 2] of pairs: that two nodes are not joined, 0, and that they are, ⟨zᵢ, zⱼ⟩ (Kipf and Welling 2016,
        arXiv:1611.07308, eq. 2)."""
        if self.places is None or self.places.ndim == 1:
            raise FrameError(
                "nodes are asked about one by one, and this model answers for pairs of them.",
                "Leave out model.pairs, or name the edges as the target: --target edges",
                "F004",
            )
        one, other = F.embedding(self.places, states).unbind(dim=1)
        score = (one * other).sum(dim=1)
        return torch.stack([torch.zeros_like(score), score], dim=1)


class GraphInput(nn.Module):
    """One vector [V, width] for each node of whatever the input domain gives.

    shape: of what is known of a node, see `Columns`; with "edges" beside it where inputs are whole graphs.
    forward: nodes of a graph, whole graphs {"number": [B, T, P], "category": [B, T, K], "count": [B], "edges": [B, E, 2],
        "edge_count": [B]}, or rows as `Columns` reads them → Asked.
    """

    def __init__(self, shape: Shape, embedding: int = 16):
        super().__init__()
        self.columns = Columns(of_nodes(shape), embedding)
        self.width = self.columns.width

    def forward(self, input: Field) -> Asked:
        if isinstance(input, Nodes):
            known = input.graph.known
            return Asked(input.graph, known if isinstance(known, Sparse) else self.columns(known), input.places)
        if isinstance(input, dict) and "edges" in input:
            known = {name: input[name].flatten(0, 1) for name in ("number", "category") if name in input}
            batch, nodes = next(input[name].shape[:2] for name in known)
            x = self.columns(known)
            graph = Graph.side_by_side(x.view(batch, nodes, -1), input["edges"], input["edge_count"])
            return Asked(graph, x, None, input["count"])
        x = self.columns(input)
        return Asked(Graph.apart(x), x, torch.arange(len(x), device=x.device))


def dropped(x: Tensor | Sparse, share: float, training: bool) -> Tensor | Sparse:
    """Dropout; of a sparse matrix only what is not nought can be dropped, which comes to the same."""
    if isinstance(x, Sparse):
        return Sparse(x.pattern, F.dropout(x.weights(), share, training))
    return F.dropout(x, share, training)
