"""A graph as two tables in a folder: one of its nodes, one of its edges.

nodes.csv    a column that names each node (id, node, name …, else the first), and what is known of it; the rest are columns as ever
edges.csv    two columns that say which nodes are joined (source and target, from and to …, else the first two)

Any table that is read may be one (.tsv, .parquet …, also .gz), called nodes and edges, or ending so: cora_nodes.csv.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mapsto.core.errors import DataError
from mapsto.core.names import squash
from mapsto.core.nouns import Finding, Raw, Source
from mapsto.core.text import clean, few, many
from mapsto.data.files import kind_of
from mapsto.data.frames import objects
from mapsto.data.graph import related

NAMES = ("id", "node", "nodeid", "name", "key", "index")
ENDS = (("source", "target"), ("from", "to"), ("src", "dst"), ("head", "tail"), ("node1", "node2"), ("u", "v"))


@dataclass
class GraphTables(Source):
    """A folder with a table of nodes and one of edges. encoding, separator: of both, see Table."""

    encoding: str | None = None
    separator: str | None = None

    def accepts(self, where: Any) -> bool:
        return isinstance(where, str | Path) and Path(where).is_dir() and None not in _two(Path(where))

    def read(self, where: str | Path) -> Raw:
        from mapsto.data.table import Table

        folder = Path(where)
        nodes, edges = (Table(None, self.encoding, self.separator).read(folder / str(name)) for name in _two(folder))
        named = next((c for c in nodes.columns if squash(c) in NAMES), next(iter(nodes.columns)))
        place = _places(nodes, named)
        ends = _ends(edges, folder.name)
        astray = [
            f"{clean(str(value), 30)} in {clean(str(edges.labels[row])) if edges.labels is not None else f'row {row + 1}'}"
            for row in range(len(edges))
            for value in (edges.columns[ends[0]][row], edges.columns[ends[1]][row])
            if _word(value) not in place
        ]
        if astray:
            raise DataError(
                f"{many(len(astray), 'end')} of edges in {clean(edges.name)} {'is' if len(astray) == 1 else 'are'} no node of "
                f"{clean(nodes.name)}: {few(astray, 5)}.",
                f"Add these nodes, or remove their edges. Nodes are named in '{clean(named)}'.",
                "D280",
            )
        pairs = [[place[_word(v)] for v in edges.columns[end]] for end in ends]
        columns = {name: values for name, values in nodes.columns.items() if name != named}
        findings = [*nodes.findings, *edges.findings]
        if more := [clean(name) for name in edges.columns if name not in ends]:
            findings.append(
                Finding("D287", "note", "what edges say beside who is joined is not read", len(more), tuple(more[:5]))
            )
        raw = Raw(
            folder.name,
            columns,
            labels=objects([str(v) for v in nodes.columns[named]]),
            findings=findings,
            formats=nodes.formats,
        )
        return related(raw, np.array(pairs, dtype=np.int64).reshape(2, -1).T, len(place))


def _places(nodes: Raw, named: str) -> dict[str, int]:
    """What a node is called → its number."""
    words = [_word(value) for value in nodes.columns[named]]
    place = {word: number for number, word in enumerate(words)}
    if len(place) < len(words):
        twice = [word for number, word in enumerate(words) if place[word] != number]
        raise DataError(
            f"{clean(nodes.name)} names {many(len(twice), 'node')} more than once in '{clean(named)}': {few(twice, 5)}.",
            "One row a node, each with a name of its own; call that column id.",
            "D281",
        )
    return place


def _ends(edges: Raw, name: str) -> tuple[str, str]:
    by_word = {squash(column): column for column in edges.columns}
    for one, other in ENDS:
        if one in by_word and other in by_word:
            return by_word[one], by_word[other]
    if len(edges.columns) < 2:
        raise DataError(
            f"{clean(edges.name)} of {clean(name)} has one column: {few(edges.columns)}.",
            "An edge has two ends: source,target.",
            "D281",
        )
    return tuple(edges.columns)[:2]


def _word(value: Any) -> str:
    """What a node is called, however its column was read: 7, 7.0 and "7" are one."""
    if isinstance(value, float | np.floating) and value == np.floor(value):
        value = int(value)
    return str(value)


def _two(folder: Path) -> tuple[str | None, str | None]:
    """The table of nodes and that of edges; None where there is none, or more than one."""
    found: dict[str, list[str]] = {"nodes": [], "edges": []}
    try:
        names = os.listdir(folder)
    except OSError:  # for others to say
        return None, None
    for name in names:
        stem = name.lower().split(".")[0]
        for what, tables in found.items():
            if kind_of(name) and (stem == what or stem.endswith((f"_{what}", f"-{what}"))):
                tables.append(name)
    nodes, edges = (tables[0] if len(tables) == 1 else None for tables in found.values())
    return nodes, edges
