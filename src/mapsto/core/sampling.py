"""A part of a graph around some of its nodes: what suffices to answer about them, or a sample of it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mapsto.core.graph import Graph, Nodes
from mapsto.core.sparse import Sparse, stretches


def around(nodes: Nodes, fanout: Sequence[int], generator: torch.Generator) -> Nodes:
    """The same nodes in a smaller graph: of the neighbours of each `fanout[0]` at most, drawn at random and each once, of the
    neighbours of those `fanout[1]`, and so on (Hamilton et al. 2017, arXiv:1706.02216, alg. 2)."""
    pattern = nodes.graph.edges.pattern
    frontier = seen = nodes.places.flatten().unique()
    senders, receivers = [], []
    for most in fanout:
        sender, receiver = _drawn(pattern.offsets, pattern.columns, frontier, most, generator)
        senders.append(sender)
        receivers.append(receiver)
        together = torch.cat([seen, sender]).unique()
        frontier = together[~torch.isin(together, seen)]
        seen = together
    edges = Sparse.at(
        torch.searchsorted(seen, torch.cat(receivers)),
        torch.searchsorted(seen, torch.cat(senders)),
        len(seen),
        len(seen),
    )
    return Nodes(Graph(_of(nodes.graph, seen), edges), torch.searchsorted(seen, nodes.places))


def _drawn(
    offsets: Tensor, columns: Tensor, frontier: Tensor, most: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """At most so many neighbours of each node of the frontier [F]: who is heard, and who hears."""
    begins, entries = stretches(offsets, frontier)
    row = torch.arange(len(frontier), device=entries.device).repeat_interleave(begins.diff())
    key = torch.rand(len(entries), generator=generator, device=entries.device, dtype=torch.float64)
    order = (row + key).argsort()  # by row, and at random within it
    rank = torch.arange(len(order), device=order.device) - begins[row]
    kept = order[rank < most]
    return columns[entries[kept]], frontier[row[kept]]


def _of(graph: Graph, nodes: Tensor) -> Tensor | Sparse | dict[str, Tensor]:
    """What is known of these nodes."""
    if isinstance(graph.known, Sparse):
        return graph.known.take(nodes)
    if isinstance(graph.known, dict):
        return {name: tensor[nodes] for name, tensor in graph.known.items()}
    return graph.known[nodes]
