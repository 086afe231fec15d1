"""A graph as arrays: an .npz, a dict, a PyTorch Geometric `Data`.

edge_index [2, E] or edges [E, 2]        who is joined; or adj_data, adj_indices, adj_indptr, adj_shape
edge_attr, edge_weight … [E, …]          what is said of edges, which is not read
x, feat, features, attr [V, D]           what is known of each node; or feat_data, feat_indices, feat_indptr, feat_shape
labels, label, y, target [V]             what is to be learned, −1 where nobody knows; any other array [V] is one more column
train_idx or train_mask, val_…, test_…   which nodes are whose
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mapsto.core.errors import DataError
from mapsto.core.nouns import Finding, Raw, Source
from mapsto.core.text import clean
from mapsto.data.arrays import arrays_in, column_of
from mapsto.data.folder import split_named
from mapsto.data.graph import features, from_csr, of_nodes, parts, refuse_unequal, related

EDGES = ("edge_index", "edges", "edge_list")
FEATURES = ("x", "feat", "features", "attr")
TARGETS = ("labels", "label", "y", "target")
CSR = ("data", "indices", "indptr", "shape")


@dataclass
class GraphArrays(Source):
    """Nodes and edges as arrays; see the head of this file for their names."""

    def accepts(self, where: Any) -> bool:
        if isinstance(where, str | Path):
            return str(where).lower().endswith(".npz") and _is_graph(_names(Path(where)))
        if isinstance(where, dict):  # a column of a table may be called edges
            return _is_graph(
                [str(key) for key, values in where.items() if np.ndim(values) == 2 or str(key).startswith("adj_")]
            )
        return _is_geometric(where)

    def read(self, where: Any) -> Raw:
        if isinstance(where, str | Path):
            return from_arrays(arrays_in(Path(where)), Path(where).name)
        named = where.to_dict() if _is_geometric(where) else where
        arrays = {str(key): np.asarray(value) for key, value in named.items() if value is not None}
        return from_arrays(arrays, "the graph")


def from_arrays(arrays: dict[str, np.ndarray], name: str) -> Raw:
    """Named arrays as nodes and edges."""
    shown, rest = clean(name), dict(arrays)
    edges = of_nodes(_edges(rest, shown), shown)
    unread = [key for key in rest if key.lower().startswith("edge_")]
    rest = {key: values for key, values in rest.items() if key not in unread}
    known = _features(rest, shown)
    given = {}
    for key in list(rest):
        stem, _, how = key.rpartition("_")
        if how in ("idx", "index", "mask") and (part := split_named(stem)):
            given[part] = rest.pop(key)
    said = {key: int(rest.pop(key)) for key in list(rest) if key.lower() == "num_nodes" and not rest[key].ndim}
    at_least = max([int(edges.max(initial=-1)) + 1, *said.values()])
    count = len(known) if known is not None else max((len(v) for v in rest.values() if v.ndim), default=at_least)
    columns, kinds, findings = {}, {}, []
    if known is not None:
        columns["features"], kind = features(known)
        kinds |= {"features": kind} if kind else {}
    if unread:
        message = "what edges say beside who is joined is not read"
        findings.append(Finding("D287", "note", message, len(unread), tuple(unread[:5])))
    odd = [key for key, values in rest.items() if not values.ndim]
    target = next((key for word in TARGETS for key in rest if key.lower() == word and rest[key].ndim), None)
    for key, values in rest.items():
        if key in odd:
            continue
        if key == target:
            values = _known(values)
        columns[key], kind, noticed = column_of(values, key, key == target)
        findings += noticed
        kinds |= {key: kind} if kind else {}
    refuse_unequal({key: len(values) for key, values in columns.items()} | said, shown)
    if odd:
        findings.append(Finding("D055", "warning", "single values left out", len(odd), tuple(odd[:5])))
    raw = Raw(name, columns, target=target, split=parts(given, count, shown), kinds=kinds, findings=findings)
    return related(raw, edges, count)


def _edges(rest: dict[str, np.ndarray], name: str) -> np.ndarray:
    found = next((key for key in rest if key.lower() in EDGES), None)
    if found is not None:
        edges = rest.pop(found)
        return edges.T if edges.ndim == 2 and found.lower() == "edge_index" else edges
    data, indices, indptr, _ = (rest.pop(f"adj_{part}", np.empty(0)) for part in CSR)
    if not len(indptr) or len(data) != len(indices) or indptr[-1] != len(indices) or (np.diff(indptr) < 0).any():
        raise DataError(f"adj_… of {name} makes no matrix.", "Write data, indices and indptr of a CSR matrix.", "D281")
    return np.stack([np.repeat(np.arange(len(indptr) - 1), np.diff(indptr)), indices], axis=1)


def _features(rest: dict[str, np.ndarray], name: str) -> np.ndarray | None:
    for word in FEATURES:
        if all(f"{word}_{part}" in rest for part in CSR):
            return from_csr(*(rest.pop(f"{word}_{part}") for part in CSR), f"{word}_… of {name}")
        key = next((key for key in rest if key.lower() == word), None)
        if key is not None:
            values = rest.pop(key)
            if values.ndim not in (1, 2) or values.dtype.kind not in "buif":
                message = f"'{clean(key)}' of {name} is {values.dtype} {list(values.shape)}, not numbers [V, D]."
                raise DataError(message, "Give one row of numbers a node.", "D281")
            return values[:, None] if values.ndim == 1 else values
    return None


def _known(labels: np.ndarray) -> np.ndarray:
    """Labels [V], NaN in the place of −1: that is how these files say that nobody knows. Where there are numbers below it, or
    1 alone beside it, it is an answer."""
    labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if (
        labels.ndim == 1
        and labels.dtype.kind == "i"
        and labels.min(initial=0) == -1
        and set(labels.tolist()) != {-1, 1}
    ):
        return np.where(labels == -1, np.nan, labels)
    return labels


def _is_graph(names: list[str]) -> bool:
    lower = {name.lower() for name in names}
    return bool(lower & set(EDGES)) or {"adj_indices", "adj_indptr"} <= lower


def _is_geometric(where: Any) -> bool:
    """A `Data` of PyTorch Geometric, known by name: it may not be there."""
    return type(where).__module__.split(".")[0] == "torch_geometric" and type(where).__name__ == "Data"


def _names(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist()]
    except (zipfile.BadZipFile, OSError):  # for others to say
        return []
