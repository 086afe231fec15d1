"""What all sources of graphs share: nodes as rows, edges held against them, and what was noticed on the way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from mapsto.core import devices
from mapsto.core.errors import DataError
from mapsto.core.graph import Relation
from mapsto.core.nouns import Finding, Raw
from mapsto.core.text import clean, few, many, short
from mapsto.data.frames import objects

EDGES = "Edges are pairs of node numbers, from 0 on."
DEGREE = "degree"  # the column of how many edges each node has, where nothing else is known
SPARSE = 0.1  # share of numbers above 0 up to which non-negative ones are counts of things that mostly are not there


def related(raw: Raw, edges: np.ndarray, count: int, both_ways: bool = False) -> Raw:
    """The `count` rows of `raw` as nodes, joined by `edges` [E, 2] of their numbers. DataError where they do not fit.

    both_ways: an edge means both, although it is listed once.
    """
    name = clean(raw.name)
    if not count:
        raise DataError(
            f"{name} is a graph without nodes.", "Expected at least a few nodes and what is known of them.", "D282"
        )
    edges = of_nodes(edges, name)
    astray = ((edges < 0) | (edges >= count)).any(axis=1)
    if astray.any():
        shown = few([f"{a}–{b}" for a, b in edges[astray][:5].tolist()])
        raise DataError(
            f"{many(int(astray.sum()), 'edge')} of {name} {'leads' if astray.sum() == 1 else 'lead'} to no node: {shown}; there "
            f"are nodes 0 to {count - 1}.",
            EDGES + " If they count from 1, subtract it; else remove these edges, or add the nodes.",
            "D280",
        )
    apart, loops = edges[edges[:, 0] != edges[:, 1]], int((edges[:, 0] == edges[:, 1]).sum())
    both = np.unique(np.sort(apart, axis=1), axis=0)
    if not len(both):
        raise DataError(
            f"{name} has {many(count, 'node')} and no edge.",
            "Without edges it is a table: name the table of nodes alone.",
            "D282",
        )
    way = np.unique(apart, axis=0)
    findings = list(raw.findings)
    if loops or len(way) < len(apart):
        message = f"{many(loops, 'edge')} from a node to itself and {many(len(apart) - len(way), 'edge')} that came before left out"
        findings.append(Finding("D283", "repair", message, loops + len(apart) - len(way)))
    single = 0 if both_ways else 2 * len(both) - len(way)
    if single:
        message = f"{single:,} of {len(both):,} edges are listed one way only; all are read both ways"
        findings.append(Finding("D284", "note", message, single))
    alone = np.flatnonzero(np.bincount(both.ravel(), minlength=count) == 0)
    if len(alone):
        message = (
            f"{many(len(alone), 'node')} of {count:,} without any edge: only what is known of each itself speaks for it"
        )
        called = alone[:5] if raw.labels is None else raw.labels[alone[:5]]
        findings.append(Finding("C090", "note", message, len(alone), tuple(clean(str(node), 30) for node in called)))
    raw.findings[:] = findings
    nodes = np.arange(count)
    raw.relation = Relation(both, raw.columns or {DEGREE: nodes}, nodes)
    if raw.labels is None:
        raw.labels = objects([f"node {i}" for i in range(count)])
    return raw if raw.columns.keys() - {raw.target} else by_degree(raw)


def by_degree(raw: Raw) -> Raw:
    """Nodes of which nothing else is known are known by how many edges each has."""
    degree = raw.relation.degree
    relation = replace(raw.relation, columns={**raw.relation.columns, DEGREE: degree})
    message = f"nothing is known of the nodes of {clean(raw.name)}: each by how many edges it has"
    findings = [*raw.findings, Finding("D285", "note", message, len(degree))]
    return replace(raw, columns={**raw.columns, DEGREE: degree[relation.rows]}, relation=relation, findings=findings)


def features(values: np.ndarray) -> tuple[np.ndarray, str | None]:
    """What is known of each node [V, D], and its kind where that is sure: non-negative and mostly nought, they are counts."""
    if values.ndim == 2 and values.dtype.kind in "buif" and values.shape[1] > 1 and len(values):
        if not np.isfinite(values).all():
            return values, None
        if (values >= 0).all() and (values > 0).mean() <= SPARSE:
            return values, "counts"
    return values, None


def from_csr(data: np.ndarray, indices: np.ndarray, indptr: np.ndarray, shape: np.ndarray, name: str) -> np.ndarray:
    """A matrix out of its CSR arrays. DataError where they do not make one, or one that the machine cannot hold."""
    height, width = (int(side) for side in np.asarray(shape).ravel()[:2]) if np.size(shape) == 2 else (-1, -1)
    rows = np.diff(indptr)
    fits = (
        height >= 0
        and len(indptr) == height + 1
        and len(data) == len(indices)
        and (not height or (indptr[0] == 0 and indptr[-1] == len(indices) and bool((rows >= 0).all())))
        and (not len(indices) or (indices.min() >= 0 and indices.max() < width))
    )
    if not fits:
        raise DataError(
            f"{name} does not make a matrix: {len(indptr)} offsets, {len(indices)} columns, {len(data)} values and shape "
            f"{np.asarray(shape).tolist()}.",
            "Write it again: data, indices and indptr of a CSR matrix, and its shape.",
            "D281",
        )
    if 4 * height * width > devices.memory() // 4:
        raise DataError(
            f"{name} is {height:,} × {width:,}, which takes {4 * height * width / 2**30:.1f} GiB spelled out.",
            "Keep its most frequent columns.",
            "D281",
        )
    dense = np.zeros((height, width), np.float32)
    np.add.at(dense, (np.repeat(np.arange(height), rows), indices), data)
    return dense


def parts(given: dict[str, Any], count: int, name: str) -> np.ndarray | None:
    """[V] which split each node is in, None for one that is in none; `given` has for each split node numbers, or a mask [V]."""
    split = np.full(count, None, dtype=object)
    for part, which in given.items():
        which = np.asarray(which)
        rows = np.flatnonzero(which) if which.dtype == bool else which.astype(np.int64).ravel()
        if (which.dtype == bool and which.shape != (count,)) or (
            len(rows) and not 0 <= rows.min() <= rows.max() < count
        ):
            raise DataError(
                f"the {part} nodes of {name} are not among its {count:,} nodes.",
                "Give node numbers from 0 on, or a mask.",
                "D281",
            )
        twice = [node for node in rows.tolist() if split[node] not in (None, part)]
        if twice:
            raise DataError(
                f"{many(len(twice), 'node')} of {name} {'is' if len(twice) == 1 else 'are'} in two splits: {few(twice, 5)}.",
                "Leave each node in one of them.",
                "D281",
            )
        split[rows] = part
    return split if given else None


def refuse_unequal(lengths: dict[str, int], name: str) -> None:
    """DataError where what is known of nodes does not fit their number."""
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{clean(key)} {length:,}" for key, length in lengths.items())
        raise DataError(f"{name}: not of as many nodes each: {said}.", "Give every node one row in each.", "D281")


def of_nodes(edges: np.ndarray, name: str) -> np.ndarray:
    """[E, 2] int64, of [E, 2] or [2, E]. DataError where these are no numbers of nodes."""
    edges = np.asarray(edges)
    if edges.ndim == 2 and edges.shape[0] == 2 and edges.shape[1] != 2:
        edges = edges.T
    if edges.ndim != 2 or edges.shape[1] != 2 or edges.dtype.kind not in "iuf":
        what = (
            f"{edges.dtype} {list(edges.shape)}"
            if edges.dtype.kind in "biuf"
            else f"no numbers but {few(edges.ravel()[:9])}"
        )
        raise DataError(
            f"the edges of {name} are {what}.",
            f"{EDGES} [E, 2] or [2, E]. Nodes with names: a folder with nodes.csv and edges.csv.",
            "D281",
        )
    if edges.dtype.kind == "f" and (odd := ~np.isfinite(edges) | (edges != np.round(edges))).any():
        where = np.flatnonzero(odd.any(axis=1))
        raise DataError(
            f"the edges of {name} hold {many(int(odd.sum()), 'number')} that {'is' if odd.sum() == 1 else 'are'} no node's: "
            f"{few([short(value) for value in edges[odd][:5]])}, first in edge {where[0]}.",
            EDGES,
            "D281",
        )
    return edges.astype(np.int64)
