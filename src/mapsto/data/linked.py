"""Nodes of a graph as a model reads them: what is known of each, encoded as a table's rows are, and who is joined."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from mapsto.core.errors import DataError
from mapsto.core.graph import Graph, Nodes, Relation
from mapsto.core.nouns import Domain, Raw
from mapsto.core.ragged import Ragged
from mapsto.core.sparse import Sparse, stretches
from mapsto.data.graph import DEGREE, SPARSE
from mapsto.domains.row import Row

MOST_STEPS = 50_000_000  # from a node over a neighbour to another: a gigabyte


def graph_of(input: Domain, relation: Relation, column: str) -> Graph:
    """All nodes of a relation, as `input` encodes them: a row its columns, any other domain the `column`."""
    columns = relation.columns
    if isinstance(input, Row) and DEGREE in input.columns and DEGREE not in columns:
        columns = {**columns, DEGREE: relation.degree}
    known = input.encode(columns if isinstance(input, Row) else columns[column])
    if any(isinstance(part, Ragged) for part in (known.values() if isinstance(known, dict) else [known])):
        raise DataError(
            f"nodes of a graph are known by columns of numbers and categories, counts or vectors, but here by {input.describe()}.",
            "Leave that column out: --set data.kinds.COLUMN=leave-out",
            "D286",
        )
    known = input.ready(known)
    if isinstance(known, Tensor) and known.ndim == 2 and int(known.count_nonzero()) <= SPARSE * known.numel():
        known = Sparse.of(known)
    return Graph.of(known, relation.edges)


def nodes_of(input: Domain, raw: Raw, column: str, rows: np.ndarray | None = None) -> Nodes:
    """The examples of `raw`, or those in `rows`, within their graph."""
    about = raw.relation.rows if rows is None else raw.relation.rows[rows]
    return Nodes(graph_of(input, raw.relation, column), torch.from_numpy(about))


def of_edges(raw: Raw, about: dict[str, Any]) -> str:
    """Which column of a graph a learned function reads, by what it remembers."""
    name = about.get("input_name", "")
    if name and name not in raw.columns and name != DEGREE:
        raise DataError(
            f"{raw.name} has no column '{name}', by which this function knows a node.",
            f"Its columns: {', '.join(raw.columns)}.",
            "D151",
        )
    return name


def open_pairs(graph: Graph) -> Nodes:
    """The pairs of nodes that have a neighbour in common and are not joined: those of which one would ask whether they will be."""
    pattern, count = graph.edges.pattern, len(graph)
    steps = int(pattern.offsets.diff()[pattern.columns].sum())
    if steps > MOST_STEPS:
        raise DataError(
            f"nodes of this graph have {steps:,} neighbours of neighbours; more than {MOST_STEPS:,} are not asked about at once.",
            "Name a part of the graph.",
            "D286",
        )
    begins, entries = stretches(pattern.offsets, pattern.columns)
    one, other = pattern.rows.repeat_interleave(begins.diff()), pattern.columns[entries]
    keys = (one * count + other)[one < other].unique()
    keys = keys[~torch.isin(keys, pattern.rows * count + pattern.columns)]
    return Nodes(graph, torch.stack([keys // count, keys % count], dim=1))
