"""A whole graph as one value: a molecule, say, its atoms and who is bound to whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from mapsto.core.batch import Field
from mapsto.core.errors import DataError
from mapsto.core.nouns import Domain
from mapsto.core.ragged import Ragged
from mapsto.core.text import clean, many
from mapsto.domains.category import Category
from mapsto.domains.number import Number
from mapsto.domains.row import Row
from mapsto.domains.vector import Vector

CLIP = 10.0  # standard deviations that a number of a node may lie from the mean


class WholeGraph(Domain):
    """Nodes with what is known of each, and the edges between them, read both ways.

    A raw value is {"nodes": {column: one value a node}, "edges": pairs of node numbers, [E, 2]}, of at least one node.
    encode: → "number" and "category", ragged, of all nodes as `Row` encodes them, and "edges", ragged [E, 2] with their own count:
        from and to, ascending by `to`, each edge both ways.
    decode: the same → values, each edge once. Words, and whole numbers of few kinds, are categories.
    """

    learned = ("kinds",)
    present = "a graph has at least one node"

    def __init__(self) -> None:
        self.kinds: dict[str, str] = {}  # of the columns of nodes
        self.row = Row({})

    def fit(self, values: Sequence) -> Self:
        nodes = _nodes(values)[0]
        self.kinds = {name: _kind(column) for name, column in nodes.items()}
        self.row = _row(self.kinds).fit(nodes)
        return self

    def encode(self, values: Sequence) -> dict[str, Ragged]:
        nodes, counts = _nodes(values, tuple(self.kinds))
        edges = [
            _edges(value, int(count), place) for place, (value, count) in enumerate(zip(values, counts, strict=True))
        ]
        offsets = torch.from_numpy(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))
        known = self.row.encode(nodes) if len(counts) else self._nothing()
        pairs = torch.from_numpy(np.concatenate([np.empty((0, 2), np.int64), *edges]))
        ends = torch.from_numpy(np.concatenate([[0], np.cumsum([len(e) for e in edges])]).astype(np.int64))
        return {
            **{name: Ragged(tensor, offsets) for name, tensor in known.items()},
            "edges": Ragged(pairs, ends, pad=-1, count="edge_count"),
        }

    def decode(self, encoded: Field) -> list[dict[str, Any]]:
        known = {name: column for name, column in encoded.items() if name in ("number", "category")}
        rows = self.row.decode({name: column.values for name, column in known.items()})
        nodes = next(iter(known.values())).offsets.tolist()
        ends, pairs = encoded["edges"].offsets.tolist(), encoded["edges"].values.tolist()
        found = []
        for k in range(len(nodes) - 1):
            mine = rows[nodes[k] : nodes[k + 1]]
            once = sorted((a, b) for a, b in pairs[ends[k] : ends[k + 1]] if a < b)
            found.append(
                {
                    "nodes": {name: [row[name] for row in mine] for name in self.kinds},
                    "edges": np.array(once, dtype=np.int64).reshape(-1, 2),
                }
            )
        return found

    @property
    def shape(self) -> dict[str, list[int]]:
        return {**self.row.shape, "edges": [2]}

    def single(self, raw: Any) -> bool:
        return isinstance(raw, Mapping)

    def show(self, value: Any) -> str:
        if value is None:
            return "–"
        size = len(next(iter(value["nodes"].values())))
        return f"{many(size, 'node')}, {many(len(value['edges']), 'edge')}"

    def describe(self) -> str:
        return f"graphs whose nodes have {self.row.describe()}"

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"row": self.row.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> Self:
        super().load_state_dict(state)
        self.row = _row(self.kinds).load_state_dict(state["row"])
        return self

    @classmethod
    def examples(cls, count: int, seed: int) -> np.ndarray:
        draw = np.random.default_rng(seed)
        values = np.empty(count, dtype=object)
        for i in range(count):
            size = int(draw.integers(1, 7))
            pairs = np.argwhere(np.triu(draw.random((size, size)) < 0.4, 1))
            atoms = [["C", "N", "O"][k] for k in draw.integers(0, 3, size)]
            values[i] = {"nodes": {"atom": atoms}, "edges": pairs.astype(np.int64)}
        return values

    def _nothing(self) -> dict[str, Tensor]:
        width = {"number": (torch.float32, sum), "category": (torch.int64, len)}
        return {key: torch.empty(0, width[key][1](sizes), dtype=width[key][0]) for key, sizes in self.row.shape.items()}


def _row(kinds: dict[str, str]) -> Row:
    made = {"number": lambda: Number(clip=CLIP), "category": Category, "vector": Vector}
    return Row({name: made[kind]() for name, kind in kinds.items()})


def _kind(column: list) -> str:
    if isinstance(column[0], list | tuple | np.ndarray):
        return "vector"
    whole = all(isinstance(v, int | np.integer) for v in column)
    if whole and len(set(column)) > 20:
        return "number"
    return "category" if whole or any(isinstance(v, str) for v in column) else "number"


def _nodes(values: Sequence, wanted: tuple[str, ...] = ()) -> tuple[dict[str, list], np.ndarray]:
    """The columns of all nodes of all graphs, one graph after the other, and how many nodes each has."""
    nodes: dict[str, list] = {name: [] for name in wanted}
    counts = []
    for place, value in enumerate(values):
        columns = value.get("nodes") if isinstance(value, Mapping) else None
        sizes = {len(column) for column in columns.values()} if isinstance(columns, Mapping) else set()
        if len(sizes) != 1 or 0 in sizes or "edges" not in value:
            raise DataError(
                f"a graph is {{'nodes': {{column: one value a node}}, 'edges': pairs of node numbers}} with at least one node, but "
                f"value {place} is {clean(repr(value), 80)}.",
                "Leave out empty graphs, and give every node a value in each column.",
                "D282",
            )
        if nodes and nodes.keys() != columns.keys():
            raise DataError(
                f"the nodes of graph {place} have {', '.join(map(str, columns))}, those of others {', '.join(nodes)}.",
                "Give all nodes the same columns.",
                "D281",
            )
        for name, column in columns.items():
            nodes.setdefault(str(name), []).extend(column.tolist() if isinstance(column, np.ndarray) else column)
        counts.append(sizes.pop())
    return nodes, np.array(counts, dtype=np.int64)


def _edges(value: Mapping[str, Any], count: int, place: int) -> np.ndarray:
    """[E, 2] from and to, each both ways and once, ascending by `to`; none from a node to itself."""
    try:
        edges = np.asarray(value["edges"])
        edges = edges.T if edges.ndim == 2 and edges.shape[0] == 2 != edges.shape[1] else edges.reshape(-1, 2)
    except ValueError as error:
        raise DataError(
            f"the edges of graph {place} are no pairs: {clean(repr(value['edges']), 60)}.",
            "Give pairs of node numbers, [E, 2].",
            "D281",
        ) from error
    if len(edges) and edges.dtype.kind not in "iu":
        raise DataError(
            f"the edges of graph {place} are no whole numbers: {clean(str(edges.tolist()), 60)}.",
            f"Edges are pairs of node numbers, 0 to {count - 1}.",
            "D281",
        )
    if len(edges) and (edges.min() < 0 or edges.max() >= count):
        astray = clean(str(edges[(edges < 0) | (edges >= count)][:3].tolist()), 60)
        raise DataError(
            f"edges of graph {place} lead to no node: {astray}; it has nodes 0 to {count - 1}.",
            "Correct these edges, or add the nodes.",
            "D280",
        )
    both = np.concatenate([edges, edges[:, ::-1]]).astype(np.int64)
    key = np.unique(both[:, 1] * count + both[:, 0]) if len(both) else np.empty(0, np.int64)
    pairs = np.stack([key % count, key // count], axis=1)
    return pairs[pairs[:, 0] != pairs[:, 1]]
