"""Graphs: rows that hang together. A node is an example as any other; what is new, its neighbours, lies beside all of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from mapsto.core.errors import ShapeError
from mapsto.core.ragged import mask
from mapsto.core.sparse import Pattern, Sparse, once

Known = Tensor | Sparse | dict[str, Tensor]  # of V nodes, ready for a model


@dataclass(frozen=True, eq=False)
class Relation:
    """What a source says of rows that are joined, before anything is encoded (`Raw.relation`).

    edges: [E, 2] int64, numbers of nodes, each edge once. columns: what is known of all V nodes, those too that no row is about.
    rows: of N rows, [N] which node each is about, or [N, 2] which two.
    """

    edges: np.ndarray
    columns: dict[str, np.ndarray]
    rows: np.ndarray

    def __len__(self) -> int:
        """V, the number of nodes."""
        return len(next(iter(self.columns.values())))

    @property
    def degree(self) -> np.ndarray:
        """[V] how many edges each node has."""
        return np.bincount(self.edges.ravel(), minlength=len(self))

    def take(self, rows: np.ndarray) -> Relation:
        """Of these rows only; the nodes stay."""
        return replace(self, rows=self.rows[rows])


@dataclass(frozen=True, eq=False)
class Graph:
    """V nodes, what is known of each, and who hears from whom.

    known: of all nodes, ready for a model. edges: [V, V], row i has the nodes that node i hears from; its values, where there
    are any, say how much each counts, and 0 is padding.
    """

    known: Known
    edges: Sparse

    @classmethod
    def of(cls, known: Known, edges: np.ndarray) -> Graph:
        """Nodes joined by edges [E, 2], each read both ways."""
        count = len(next(iter(known.values())) if isinstance(known, dict) else known)
        ends = torch.from_numpy(np.concatenate([edges, edges[:, ::-1]]).astype(np.int64))
        return cls(known, Sparse.at(ends[:, 1], ends[:, 0], count, count))

    @classmethod
    def apart(cls, known: Tensor) -> Graph:
        """Nodes [V, …] without any edge."""
        nobody = torch.zeros(len(known) + 1, dtype=torch.long, device=known.device)
        return cls(known, Sparse(Pattern(nobody, nobody[:0], len(known))))

    @classmethod
    def side_by_side(cls, known: Tensor, edges: Tensor, count: Tensor) -> Graph:
        """Of B graphs one, whose matrix is block-diagonal. known [B, T, …]: T nodes of each, padding among them.

        edges [B, E, 2]: from and to, ascending by `to`, of which the first count [B] are real; the others count 0.
        """
        batch, nodes = known.shape[:2]
        real = mask(count, edges.shape[1])
        first = torch.arange(batch, device=edges.device)[:, None] * nodes
        sender = (torch.where(real, edges[..., 0], 0) + first).flatten()
        receiver = (torch.where(real, edges[..., 1], nodes - 1) + first).flatten()  # the last one, so that they ascend
        offsets = torch.searchsorted(receiver, torch.arange(batch * nodes + 1, device=edges.device))
        return cls(known.flatten(0, 1), Sparse(Pattern(offsets, sender, batch * nodes), real.flatten().float()))

    def __len__(self) -> int:
        """V, the number of nodes."""
        return len(self.edges)

    def to(self, device: torch.device | str) -> Graph:
        edges = self.edges.to(device)
        if edges is self.edges:
            return self
        known = (
            {k: t.to(device) for k, t in self.known.items()} if isinstance(self.known, dict) else self.known.to(device)
        )
        return Graph(known, edges)

    def tensors(self) -> list[Tensor]:
        """All that it holds."""
        known = list(self.known.values()) if isinstance(self.known, dict) else [self.known]
        found = []
        for held in [*known, self.edges]:
            if isinstance(held, Tensor):
                found.append(held)
            else:
                found += [held.pattern.offsets, held.pattern.columns]
                found += [] if held.values is None else [held.values]
        return found

    @once
    def looped(self) -> Sparse:
        """Its edges, and one of each node to itself: Ã = A + I."""
        itself = torch.arange(len(self), device=self.edges.pattern.columns.device)
        rows = torch.cat([self.edges.pattern.rows, itself])
        order = rows.argsort(stable=True)
        offsets = self.edges.pattern.offsets + torch.arange(len(self) + 1, device=rows.device)
        columns = torch.cat([self.edges.pattern.columns, itself])[order]
        values = None
        if self.edges.values is not None:
            values = torch.cat([self.edges.values, self.edges.values.new_ones(len(self))])[order]
        return Sparse(Pattern(offsets, columns, len(self)), values)

    @once
    def symmetric(self) -> Sparse:
        """D̃^−½ Ã D̃^−½, with D̃ the row sums of Ã (Kipf and Welling 2017, arXiv:1609.02907, eq. 2)."""
        looped = self.looped
        root = looped.sums().rsqrt()
        return Sparse(looped.pattern, looped.weights() * root[looped.pattern.rows] * root[looped.pattern.columns])

    @once
    def mean(self) -> Sparse:
        """D^−1 A: each row the mean over its neighbours, nought where there is none."""
        share = self.edges.sums().clamp(min=1.0).reciprocal()
        return Sparse(self.edges.pattern, self.edges.weights() * share[self.edges.pattern.rows])


@dataclass(frozen=True, eq=False)
class Nodes:
    """B examples that are nodes of one graph, or pairs of them: a column, and gathered again one, of which only `places` is cut.

    places: [B] which node, or [B, 2] which two.
    """

    graph: Graph
    places: Tensor

    def __post_init__(self) -> None:
        if self.places.is_floating_point() or self.places.shape[1:] not in ((), (2,)):
            raise ShapeError(
                f"examples in a graph are nodes [B] or pairs of them [B, 2], but came {self.places.dtype} "
                f"{list(self.places.shape)}."
            )

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, part: slice | Tensor) -> Nodes:
        return Nodes(self.graph, self.places[part])

    def gather(self, index: Tensor) -> Nodes:
        return Nodes(self.graph, self.places.index_select(0, index))

    def split(self, sizes: list[int]) -> list[Nodes]:
        return [Nodes(self.graph, places) for places in self.places.split(sizes)]

    def to(self, device: torch.device | str) -> Nodes:
        return Nodes(self.graph.to(device), self.places.to(device))

    @property
    def shape(self) -> torch.Size:
        return self.places.shape

    @property
    def dtype(self) -> torch.dtype:
        return self.places.dtype

    @property
    def device(self) -> torch.device:
        return self.places.device

    @property
    def nbytes(self) -> int:
        return self.places.nbytes + sum(tensor.nbytes for tensor in self.graph.tensors())

    @property
    def paired(self) -> bool:
        return self.places.ndim == 2

    def ends(self) -> tuple[Nodes, Nodes]:
        """Of pairs, the one and the other node of each."""
        return Nodes(self.graph, self.places[:, 0]), Nodes(self.graph, self.places[:, 1])

    def known(self) -> Tensor | dict[str, Tensor]:
        """What is known of these nodes by themselves, as an example without edges would come."""
        held = self.graph.known
        if isinstance(held, dict):
            return {name: tensor.index_select(0, self.places) for name, tensor in held.items()}
        return held.take(self.places).dense() if isinstance(held, Sparse) else held.index_select(0, self.places)
