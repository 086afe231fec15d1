"""Many graphs in a folder of text files, as the collection of the TU Dortmund has them (Morris et al. 2020, arXiv:2007.08663).

DS_A.txt                    who is joined: two node numbers a line, counted from 1 through all graphs
DS_graph_indicator.txt      for each node the number of its graph        DS_graph_labels.txt     for each graph its class
DS_node_labels.txt          for each node a class                        DS_node_attributes.txt  for each node numbers, by commas
DS_graph_attributes.txt     for each graph numbers: to be said where there are no classes, or where one is named as the target
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
from mapsto.data.frames import EXACT, objects

INDICATOR = "_graph_indicator.txt"
LABEL, ATTRIBUTE = "graph label", "graph attribute"


@dataclass
class GraphCollection(Source):
    """A folder with DS_A.txt and DS_graph_indicator.txt; what edges are labelled with is not read."""

    def accepts(self, where: Any) -> bool:
        return isinstance(where, str | Path) and Path(where).is_dir() and _stem(Path(where)) is not None

    def read(self, where: str | Path) -> Raw:
        folder, findings = Path(where), []
        stem = _stem(folder)

        def lines(what: str, whole: bool = True) -> np.ndarray | None:
            path = folder / f"{stem}_{what}.txt"
            return _numbers(path, whole) if path.exists() else None

        edges, member = lines("A"), lines("graph_indicator")
        answers = _answers(lines("graph_labels", False), lines("graph_attributes", False), stem)
        edges = edges if len(edges) else edges.reshape(0, 2)
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
        count = len(next(iter(answers.values()))) if answers else int(member.max())
        if member.min() < 1 or member.max() > count:
            what = LABEL if any(name.startswith(LABEL) for name in answers) else ATTRIBUTE
            raise DataError(
                f"nodes of {clean(stem)} belong to graphs {member.min()} to {member.max()}, but there are {count:,} {what}s.",
                "One line a graph, and graphs numbered from 1 on.",
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
        if not len(edges):
            message = f"no graph of {clean(stem)} has an edge: {clean(stem)}_A.txt is empty"
            findings.append(
                Finding("D282", "warning", message, count, remedy="Copy it again, if there should be edges.")
            )
        if more := [what for what in ("edge_labels", "edge_attributes") if (folder / f"{stem}_{what}.txt").exists()]:
            findings.append(
                Finding("D287", "note", "what edges say beside who is joined is not read", len(more), tuple(more))
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
        others = dict.fromkeys(answers, "leave-out") if len(answers) > 1 else {}  # an answer tells of another one
        return Raw(
            folder.name,
            {"graph": graphs, **{name: values[kept] for name, values in answers.items()}},
            target=next(iter(answers)) if len(answers) == 1 or LABEL in answers else None,
            labels=objects([f"graph {k + 1}" for k in kept]),
            kinds={"graph": "whole-graph"} | others,
            findings=findings,
        )

    def _known(
        self, lines: Any, count: int, stem: str, edges: np.ndarray, findings: list[Finding]
    ) -> dict[str, np.ndarray]:
        """What is known of each node: its labels, its attributes; else by how many edges it has."""
        found: dict[str, np.ndarray] = {}
        for what, whole, called in (("node_labels", True, "label"), ("node_attributes", False, "attribute")):
            values = lines(what, whole)
            if values is None:
                continue
            if len(values) != count:
                raise DataError(
                    f"{clean(stem)}_{what}.txt has {many(len(values), 'line')} for {many(count, 'node')}.",
                    "One line a node.",
                    "D281",
                )
            found |= _named(values, called)
        if not found:
            found["degree"] = np.bincount(edges[:, 1], minlength=count)
            message = f"nothing is known of the nodes of {clean(stem)}: each by how many edges it has"
            findings.append(Finding("D285", "note", message, count))
        return found


def _leading(which: np.ndarray, stem: str) -> str:
    """How many lines of the edges these are, in words."""
    count = int(which.sum())
    return f"{many(count, 'edge')} of {clean(stem)}_A.txt {'leads' if count == 1 else 'lead'}"


def _answers(labels: np.ndarray | None, attributes: np.ndarray | None, stem: str) -> dict[str, np.ndarray]:
    """What is said of each graph: its label, then its attributes."""
    if labels is not None and attributes is not None and len(labels) != len(attributes):
        raise DataError(
            f"{clean(stem)} has {many(len(labels), 'line')} of graph labels and {len(attributes)} of graph attributes.",
            "One line a graph in each.",
            "D281",
        )
    given = ({} if labels is None else _named(labels, LABEL)) | (
        {} if attributes is None else _named(attributes, ATTRIBUTE)
    )
    return {name: values.astype(np.int64) if _whole(values).all() else values for name, values in given.items()}


def _named(values: np.ndarray, called: str) -> dict[str, np.ndarray]:
    """The columns of values [N, P] by their names."""
    return {called if values.shape[1] == 1 else f"{called} {k + 1}": column for k, column in enumerate(values.T)}


def _whole(values: np.ndarray) -> np.ndarray:
    """Which are whole numbers that float64 tells apart; bool, as many."""
    return np.isfinite(values) & (values == np.round(values)) & (np.abs(values) < EXACT)


def _numbers(path: Path, whole: bool) -> np.ndarray:
    """[N, P] numbers, a line each, by commas or blanks; int64 where they are to be `whole`."""
    shown = clean(path.name)
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (ValueError, OSError) as error:
        raise DataError(f"{shown} cannot be read ({clean(str(error), 100)}).", "Copy it again.", "D281") from error
    if not lines:
        return np.empty((0, 1), np.int64 if whole else np.float64)
    rows = [line.replace(",", " ").split() for line in lines]
    wanted = "whole numbers" if whole else "numbers"
    try:
        numbers = np.array(rows, dtype=np.float64)
    except ValueError as error:
        bad = next(k for k, row in enumerate(rows) if len(row) != len(rows[0]) or not all(map(_is_number, row)))
        raise DataError(
            f"line {bad + 1} of {shown} is '{clean(lines[bad].strip(), 40)}', where {wanted} belong, as many in each line.",
            "Correct that line: classes are written as numbers too, and there is no header.",
            "D281",
        ) from error
    if not whole:
        return numbers
    fits = _whole(numbers).all(axis=1)
    if not fits.all():
        odd = int(fits.argmin())
        raise DataError(
            f"line {odd + 1} of {shown} is '{clean(lines[odd].strip(), 40)}', where {wanted} belong.",
            "Correct that line; numbers of nodes that are measured belong into …_node_attributes.txt.",
            "D281",
        )
    return numbers.astype(np.int64)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _stem(folder: Path) -> str | None:
    """What the collection is called, by its files."""
    try:
        names = set(os.listdir(folder))
    except OSError:  # for others to say
        return None
    found = [name.removesuffix(INDICATOR) for name in sorted(names) if name.endswith(INDICATOR)]
    return next((stem for stem in found if f"{stem}_A.txt" in names), None)
