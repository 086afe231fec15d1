"""A graph as two tables in a folder: one of its nodes, one of its edges.

nodes.csv    a column that names each node, and what is known of it; the rest are columns as ever
edges.csv    two columns that say which nodes are joined (source and target, from and to …, else those that hold names of nodes)

Nodes are named in the column in which most ends of edges are found, at least half of them: of several id before node, name …,
before the first.

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
LOOKED_AT = 1000  # edges by which it is told what names a node
ENDS = (
    ("source", "target"),
    ("from", "to"),
    ("src", "dst"),
    ("head", "tail"),
    ("node1", "node2"),
    ("u", "v"),
    ("oneend", "otherend"),
)

HEADLESS = ("one end", "other end")  # what the columns of edges without a header are called
NO_HEADER = "D108"


@dataclass
class GraphTables(Source):
    """A folder with a table of nodes and one of edges. encoding, separator: of both, formats: of columns of nodes, see Table."""

    encoding: str | None = None
    separator: str | None = None
    formats: dict[str, str] | None = None

    def accepts(self, where: Any) -> bool:
        return isinstance(where, str | Path) and Path(where).is_dir() and None not in _two(Path(where))

    def read(self, where: str | Path) -> Raw:
        from mapsto.data.table import Table

        folder = Path(where)
        nodes, edges = (folder / str(name) for name in _two(folder))
        try:
            nodes = Table(None, self.encoding, self.separator, self.formats).read(nodes)
        except DataError as error:
            if error.code != NO_HEADER:
                raise
            raise DataError(error.message, f"Put names there: {NAMES[0]},…", NO_HEADER) from error
        edges = self._joined(folder / edges.name)
        named, ends = _named(nodes, edges, folder.name)
        place = _places(nodes, named)
        if {*ends} <= place.keys() and (again := self._headless(folder / edges.name, len(edges.columns))):
            edges, (named, ends) = again, _named(nodes, again, folder.name)
            place = _places(nodes, named)
        pairs = [_called(edges, end) for end in ends]
        astray = [
            f"{'nothing' if word is None else clean(word, 30)} in "
            f"{clean(str(edges.labels[row])) if edges.labels is not None else f'row {row + 1}'}"
            for row in range(len(edges))
            for word in (pairs[0][row], pairs[1][row])
            if word not in place
        ]
        if astray:
            raise DataError(
                f"{many(len(astray), 'end')} of edges in {clean(edges.name)} {'is' if len(astray) == 1 else 'are'} no node of "
                f"{clean(nodes.name)}: {few(astray, 5)}.",
                f"Add these nodes, or remove their edges. Edges join '{clean(ends[0])}' and '{clean(ends[1])}'; nodes are named in "
                f"'{clean(named)}': {few(place)}.",
                "D280",
            )
        pairs = [[place[word] for word in words] for words in pairs]
        columns = {name: values for name, values in nodes.columns.items() if name != named}
        findings = [*nodes.findings, *edges.findings]
        if ends == HEADLESS:
            findings.append(
                Finding("D289", "note", f"{clean(edges.name)} has no header: its first line is an edge as well")
            )
        elif named != _usual(nodes) or ends != (_said(edges) or tuple(edges.columns)[:2]):
            message = f"nodes are named in '{clean(named)}', edges join '{clean(ends[0])}' and '{clean(ends[1])}'"
            findings.append(Finding("D289", "note", message))
        if more := [clean(name) for name in edges.columns if name not in ends]:
            findings.append(
                Finding("D287", "note", "what edges say beside who is joined is not read", len(more), tuple(more[:5]))
            )
        raw = Raw(
            folder.name,
            columns,
            labels=objects(list(place)),
            findings=findings,
            formats=nodes.formats,
        )
        return related(raw, np.array(pairs, dtype=np.int64).reshape(2, -1).T, len(place))

    def _joined(self, path: Path) -> Raw:
        """The table of edges; many lists of them have no header, or are set apart by blanks."""
        from mapsto.data.table import Table

        refused, single = [], None
        for separator in self._separators():
            try:
                found = Table(None, self.encoding, separator).read(path)
            except DataError as error:
                refused.append(error)
                widths = (2, 3, 4) if error.code == NO_HEADER else ()
                found = next((made for width in widths if (made := self._headless(path, width))), None)
            if found is not None and len(found.columns) > 1:
                return found
            single = single or found
        if single is None:
            raise refused[0]
        return single

    def _headless(self, path: Path, width: int) -> Raw | None:
        """The same where its first line is one more edge, of so many cells; None where that is not so."""
        from mapsto.data.table import Table

        columns = [*HEADLESS, *(f"column {place + 3}" for place in range(width - 2))]
        for separator in self._separators():
            try:
                found = Table(columns, self.encoding, separator).read(path)
            except DataError:
                continue
            if list(found.columns) == columns:
                return found
        return None

    def _separators(self) -> list[str | None]:
        return [self.separator] if self.separator else [None, " "]


def _named(nodes: Raw, edges: Raw, folder: str) -> tuple[str, tuple[str, str]]:
    """The column that names nodes, and the two columns of edges that hold such names."""
    if len(edges.columns) < 2:
        raise DataError(
            f"{clean(edges.name)} of {clean(folder)} has one column: {few(edges.columns)}.",
            "An edge has two ends: source,target.",
            "D281",
        )
    said = _said(edges) or tuple(edges.columns)
    every = max(1, len(edges) // LOOKED_AT)
    cells = {column: _called(edges, column)[::every] for column in said}
    most = max(1, sum(map(len, cells.values())) // len(cells)) - 1  # half of two columns: less may be chance
    named, ends = _usual(nodes), said[:2]
    for column in sorted(nodes.columns, key=_place_of_name):
        words = {word for word in _called(nodes, column) if word is not None}
        found = {end: sum(word in words for word in held) for end, held in cells.items()}
        first, second = sorted(sorted(found, key=lambda end: -found[end])[:2], key=said.index)
        if found[first] + found[second] > most:
            most, named, ends = found[first] + found[second], column, (first, second)
    return named, ends


def _usual(nodes: Raw) -> str:
    """The column of nodes that by its own name, or its place, is what they are called."""
    return min(nodes.columns, key=_place_of_name)


def _place_of_name(column: str) -> int:
    word = squash(column)
    return NAMES.index(word) if word in NAMES else len(NAMES)


def _said(edges: Raw) -> tuple[str, str] | None:
    """The two columns of edges that by their own names are the ends."""
    by_word = {squash(column): column for column in edges.columns}
    return next(((by_word[a], by_word[b]) for a, b in ENDS if a in by_word and b in by_word), None)


def _places(nodes: Raw, named: str) -> dict[str, int]:
    """What a node is called → its number."""
    words = _called(nodes, named)
    remedy = "One row a node, each with a name of its own; call that column id."
    if empty := [row for row, word in enumerate(words) if word is None]:
        first = clean(str(nodes.labels[empty[0]])) if nodes.labels is not None else f"row {empty[0] + 1}"
        raise DataError(
            f"{many(len(empty), 'node')} of {clean(nodes.name)} without a name in '{clean(named)}', first {first}.",
            remedy,
            "D281",
        )
    place = {word: number for number, word in enumerate(words)}
    if len(place) < len(words):
        twice = [word for number, word in enumerate(words) if place[word] != number]
        raise DataError(
            f"{clean(nodes.name)} names {many(len(twice), 'node')} more than once in '{clean(named)}': {few(twice, 5)}.",
            remedy,
            "D281",
        )
    return place


def _called(table: Raw, column: str) -> list[str | None]:
    """The cells of a column as names, None where a cell is empty; NA and its like are names."""
    words = table.words.get(column, {})
    return [words[row] if row in words else _word(value) for row, value in enumerate(table.columns[column].tolist())]


def _word(value: Any) -> str | None:
    """What a node is called, however its column was read: 7, 7.0 and "7" are one."""
    if value is None or (isinstance(value, float) and value != value):
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


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
