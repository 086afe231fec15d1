"""A graph of networkx, recognised without importing it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mapsto.core.errors import DataError
from mapsto.core.nouns import Finding, Raw, Source
from mapsto.data.arrays import column_of
from mapsto.data.frames import objects
from mapsto.data.graph import related


@dataclass
class NetworkxGraph(Source):
    """Its nodes as rows, their attributes as columns, None where a node has none of a name; attributes of edges are not read."""

    def accepts(self, where: Any) -> bool:
        home = [base.__module__.split(".")[0] for base in type(where).__mro__]
        return "networkx" in home

    def read(self, where: Any) -> Raw:
        names = list(where.nodes)
        if not names:
            raise DataError(
                "the graph has no nodes.", "Expected at least a few nodes and what is known of them.", "D282"
            )
        place = {name: number for number, name in enumerate(names)}
        edges = np.array([(place[a], place[b]) for a, b in where.edges()], dtype=np.int64).reshape(-1, 2)
        attributes = dict.fromkeys(key for _, known in where.nodes(data=True) for key in known)
        columns, kinds, findings = {}, {}, []
        for key in attributes:
            values = [known.get(key) for _, known in where.nodes(data=True)]
            alike = all(isinstance(value, int | float | np.number) and not isinstance(value, bool) for value in values)
            columns[str(key)], kind, noticed = column_of(np.array(values) if alike else objects(values), str(key))
            findings += noticed
            kinds |= {str(key): kind} if kind else {}
        if more := list(dict.fromkeys(str(key) for *_, said in where.edges(data=True) for key in said)):
            message = "what edges say beside who is joined is not read"
            findings.append(Finding("D287", "note", message, len(more), tuple(more[:5])))
        raw = Raw("the graph", columns, labels=objects([str(name) for name in names]), kinds=kinds, findings=findings)
        return related(raw, edges, len(names), both_ways=not where.is_directed())
