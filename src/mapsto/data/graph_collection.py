"""Many graphs in a folder of text files, as the collection of the TU Dortmund has them (Morris et al. 2020, arXiv:2007.08663).

DS_A.txt                    who is joined: two node numbers a line, counted from 1 through all graphs
DS_graph_indicator.txt      for each node the number of its graph        DS_graph_labels.txt     for each graph its class
DS_node_labels.txt          for each node a class                        DS_node_attributes.txt  for each node numbers, by commas
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mapsto.core.errors import DataError
from mapsto.core.nouns import Finding, Raw, Source
from mapsto.core.text import clean, few, many
from mapsto.data.frames import objects

INDICATOR = "_graph_indicator.txt"
TARGET = "graph label"


@dataclass
class GraphCollection(Source):
    """A folder with DS_A.txt and DS_graph_indicator.txt; what edges are labelled with is not read."""

    def accepts(self, where: Any) -> bool:
        return isinstance(where, str | Path) and Path(where).is_dir() and _stem(Path(where)) is not None

    def read(self, where: str | Path) -> Raw:
        folder, findings = Path(where), []
        stem = _stem(folder)

        def lines(what: str, kind: type = np.int64) -> np.ndarray | None:
            path = folder / f"{stem}_{what}.txt"
            return _numbers(path, kind) if path.exists() else None

        edges, member = lines("A"), lines("graph_indicator")
        labels = lines("graph_labels")
        member = member[:, 0]
        if not len(member):
            raise DataError(f"{clean(stem)} is a collection without nodes.", "Copy its files again.", "D282")
        if edges.shape[1:] != (2,):
            raise DataError(f"{clean(stem)}_A.txt has {edges.shape[1]} numbers a line.", "Two: from, to.", "D281")
        astray = ((edges < 1) | (edges > len(member))).any(axis=1)
        if astray.any():
            shown = few([f"{a}, {b}" for a, b in edges[astray][:5].tolist()])
            raise DataError(
                f"{_leading(astray, stem)} to no node: {shown}; there are nodes 1 to {len(member):,}.",
                "Correct these lines, or add the nodes to the indicator.",
                "D280",
            )
        edges = edges - 1
        count = int(member.max()) if labels is None else len(labels)
        if member.min() < 1 or member.max() > count:
            raise DataError(
                f"nodes of {clean(stem)} belong to graphs {member.min()} to {member.max()}, but there are {count:,} graph labels.",
                "One line of labels a graph.",
                "D281",
            )
        between = member[edges[:, 0]] != member[edges[:, 1]]
        if between.any():
            row = int(between.argmax())
            raise DataError(
                f"{_leading(between, stem)} from one graph into another, first line {row + 1}: {edges[row, 0] + 1}, "
                f"{edges[row, 1] + 1}.",
                "Correct the line, or the indicator.",
                "D280",
            )
        known = self._known(lines, len(member), stem, edges, findings)
        order = np.argsort(member, kind="stable")
        place = np.empty(len(member), np.int64)
        place[order] = np.arange(len(member))
        sizes = np.bincount(member - 1, minlength=count)
        first = np.concatenate([[0], np.cumsum(sizes)])
        pairs = place[edges]
        of_graph = member[edges[:, 0]] - 1 if len(edges) else np.empty(0, np.int64)
        pairs = pairs[np.argsort(of_graph, kind="stable")]
        ends = np.concatenate([[0], np.cumsum(np.bincount(of_graph, minlength=count))])
        kept = np.flatnonzero(sizes)
        if len(kept) < count:
            empty = [str(k + 1) for k in np.flatnonzero(sizes == 0)]
            message = f"{many(len(empty), 'graph')} without nodes left out"
            findings.append(Finding("D288", "repair", message, len(empty), tuple(empty[:5])))
        graphs = objects(
            [
                {
                    "nodes": {name: values[order[first[k] : first[k + 1]]].tolist() for name, values in known.items()},
                    "edges": pairs[ends[k] : ends[k + 1]] - first[k],
                }
                for k in kept
            ]
        )
        columns: dict[str, np.ndarray] = {"graph": graphs}
        if labels is not None:
            columns[TARGET] = labels[kept, 0]
        return Raw(
            folder.name,
            columns,
            target=TARGET if labels is not None else None,
            labels=objects([f"graph {k + 1}" for k in kept]),
            kinds={"graph": "whole-graph"},
            findings=findings,
        )

    def _known(
        self, lines: Any, count: int, stem: str, edges: np.ndarray, findings: list[Finding]
    ) -> dict[str, np.ndarray]:
        """What is known of each node: its labels, its attributes; else by how many edges it has."""
        found: dict[str, np.ndarray] = {}
        for what, kind, called in (("node_labels", np.int64, "label"), ("node_attributes", np.float64, "attribute")):
            values = lines(what, kind)
            if values is None:
                continue
            if len(values) != count:
                raise DataError(
                    f"{clean(stem)}_{what}.txt has {many(len(values), 'line')} for {many(count, 'node')}.",
                    "One line a node.",
                    "D281",
                )
            single = values.shape[1] == 1
            found |= {called if single else f"{called} {k + 1}": values[:, k] for k in range(values.shape[1])}
        if not found:
            found["degree"] = np.bincount(edges[:, 1], minlength=count)
            message = f"nothing is known of the nodes of {clean(stem)}: each by how many edges it has"
            findings.append(Finding("D285", "note", message, count))
        return found


def _leading(which: np.ndarray, stem: str) -> str:
    """How many lines of the edges these are, in words."""
    count = int(which.sum())
    return f"{many(count, 'edge')} of {clean(stem)}_A.txt {'leads' if count == 1 else 'lead'}"


def _numbers(path: Path, kind: type) -> np.ndarray:
    """[N, P] numbers, a line each, by commas or blanks."""
    try:
        rows = [
            line.replace(",", " ").split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()
        ]
        return np.array(rows, dtype=np.float64).astype(kind).reshape(len(rows), -1) if rows else np.empty((0, 2), kind)
    except (ValueError, OSError) as error:
        raise DataError(
            f"{path.name} does not hold as many numbers in each line ({clean(str(error), 100)}).",
            "Copy it again.",
            "D281",
        ) from error


def _stem(folder: Path) -> str | None:
    """What the collection is called, by its files."""
    try:
        names = set(os.listdir(folder))
    except OSError:  # for others to say
        return None
    found = [name.removesuffix(INDICATOR) for name in sorted(names) if name.endswith(INDICATOR)]
    return next((stem for stem in found if f"{stem}_A.txt" in names), None)
