"""Who is joined: a graph whose edges are what is to be learned. No column is a target, and each example is a pair of nodes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from mapsto.core import seeds
from mapsto.core.errors import DataError, FrameError
from mapsto.core.faults import Faults
from mapsto.core.graph import Nodes, Relation
from mapsto.core.nouns import Domain, Finding, Raw
from mapsto.core.text import many
from mapsto.data.frames import objects
from mapsto.data.linked import graph_of
from mapsto.data.splits import SPLIT, Parts
from mapsto.domains.category import Category
from mapsto.framing.infer import Kind
from mapsto.framing.prepare import Prepared, input_of, kinds_of, overruled_kinds
from mapsto.framing.target import row_labels

EDGES = "edges"  # the target, where it is who is joined
BY_EDGE = {"test": 0.1, "valid": 0.05}  # of the edges, as Kipf and Welling (2016) have it
APART, JOINED = "apart", "joined"


def of_edges(raw: Raw, target: Any) -> bool:
    """Whether the target is the edges of a graph, and no column."""
    return raw.relation is not None and target == EDGES and EDGES not in raw.columns


def prepare_links(raw: Raw, exam: Raw | None, settings: dict[str, Any], start: Domain | None = None) -> Prepared:
    """`prepare`, where pairs of nodes are examples: edges, and as many pairs drawn from those that are not joined.

    The edges of the exam, and those to choose by, are taken out of the graph: nobody hears along them.
    """
    if exam is not None or start is not None:
        raise FrameError(
            "who is joined is asked of the edges of one graph, but came "
            + ("a separate exam." if exam else "a run to go on from."),
            "Leave out --test and --from.",
            "F004",
        )
    found = Faults(list(raw.findings))
    split = settings["split"]
    for way in ("column", "group", "time", "folds"):
        if split.get(way):
            raise FrameError(f"edges are dealt out at random, but came data.split.{way}.", "Leave it out.", "F004")
    edges, count = raw.relation.edges, len(raw.relation)
    parts = _dealt(len(edges), split)
    if any(finding.code == "D285" for finding in raw.findings):  # else degrees would tell of edges that are asked about
        degree = np.bincount(edges[parts["train"]].ravel(), minlength=count)
        raw = replace(raw, columns={**raw.columns, "degree": degree})
    said = overruled_kinds(raw, "", settings.get("kinds", {}), found)
    kinds = kinds_of(raw, raw.target or "", said, dict.fromkeys(("column", "group", "time"), ""))
    input, columns = input_of(raw, kinds, settings)
    input.fit(columns)  # what is known of all nodes is known; what is asked is who is joined
    apart = _apart(edges, count, len(edges), split["seed"])
    pairs, rows = (
        np.concatenate([edges, apart]),
        {part: np.concatenate([e, len(edges) + e]) for part, e in parts.items()},
    )
    used = next(name for name, kind in kinds.items() if kind.used)
    seen = Relation(edges[parts["train"]], raw.columns, pairs)
    graph = graph_of(input, seen, used)
    target = Category().fit([APART, JOINED])
    answers = objects([JOINED] * len(edges) + [APART] * len(apart))
    target.counts = [len(parts["train"])] * 2
    fields = {
        part: {"input": Nodes(graph, torch.from_numpy(pairs[few])), "target": target.encode(answers[few])}
        for part, few in rows.items()
    }
    names = row_labels(raw)
    labels = objects([f"{names[a]} – {names[b]}" for a, b in pairs.tolist()])
    asked = Raw(
        raw.name,
        {"from": names[pairs[:, 0]], "to": names[pairs[:, 1]], EDGES: answers},
        EDGES,
        labels=labels,
        relation=seen,
    )
    hidden = len(edges) - len(parts["train"])
    message = f"{many(hidden, 'edge')} of valid and test taken out of the graph; as many pairs that are not joined are asked about"
    found.append(Finding("C092", "note", message, hidden))
    ends = {end: Kind("node", "an end of an edge") for end in ("from", "to")}
    how = f"at random: {split['test']:.0%} of the edges test, {split['valid']:.0%} valid (split seed {split['seed']})"
    kinds_now = {**ends, EDGES: Kind("category", "who is joined")}
    return Prepared(asked, EDGES, kinds_now, "classification", input, target, rows, how, fields, found, known_by=used)


def _dealt(count: int, split: dict[str, Any]) -> Parts:
    """Numbers of edges by part."""
    test, valid = round(count * split["test"]), round(count * split["valid"])
    if min(test, valid) < 1 or count - test - valid < 2:
        raise DataError(
            f"{many(count, 'edge')} in all leave {count - test - valid} to train on, {valid} to choose by and {test} for the exam.",
            "Name a graph with more edges, or other shares: --set data.split.test=0.3",
            "D140",
        )
    order = seeds.shuffled(count, split["seed"], SPLIT).numpy()
    return {
        "train": np.sort(order[test + valid :]),
        "valid": np.sort(order[test : test + valid]),
        "test": np.sort(order[:test]),
    }


def _apart(edges: np.ndarray, count: int, wanted: int, seed: int) -> np.ndarray:
    """Pairs of nodes that are not joined, [wanted, 2], each once, at random."""
    free = count * (count - 1) // 2 - len(edges)
    if free < wanted:
        raise DataError(
            f"of {count:,} nodes so many are joined that only {free:,} pairs are not: fewer than the {wanted:,} edges.",
            "In a graph as dense as this, there is little to ask.",
            "D282",
        )
    draw = np.random.default_rng(seeds.mix(seed, SPLIT, 1))
    taken, found = edges[:, 0] * count + edges[:, 1], np.empty(0, np.int64)
    while len(found) < wanted:
        ends = np.sort(draw.integers(0, count, (2 * wanted, 2)), axis=1)
        key = (ends[:, 0] * count + ends[:, 1])[ends[:, 0] < ends[:, 1]]
        together = np.concatenate([found, key[~np.isin(key, taken)]])
        _, first = np.unique(together, return_index=True)
        found = together[np.sort(first)][:wanted]
    return np.stack([found // count, found % count], axis=1)
