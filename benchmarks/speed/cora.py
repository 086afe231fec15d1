"""The contest over a graph: 200 epochs of a GCN on Cora, all nodes at every step."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.speed.contest import Arm, Contest
from benchmarks.speed.task import Task

DATA = Path(os.environ.get("MAPSTO_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data")) / "cora"
HIDDEN, CLASSES, DECAY = 16, 7, 5e-4


@dataclass(frozen=True)
class Papers:
    """words [2708, 1433] float32, shares of a paper's; edges [2, 10556] int64, both ways."""

    words: np.ndarray
    edges: np.ndarray
    labels: np.ndarray
    train: np.ndarray
    test: np.ndarray


@cache
def papers() -> Papers:
    with np.load(DATA / "cora.npz", allow_pickle=False) as file:
        words = np.zeros(file["feat_shape"], np.float32)
        rows = np.repeat(np.arange(len(words)), np.diff(file["feat_indptr"]))
        words[rows, file["feat_indices"]] = file["feat_data"]
        words /= np.maximum(words.sum(1, keepdims=True), 1)
        return Papers(words, file["edge_index"], file["labels"], file["train_idx"], file["test_idx"])


def weights(seed: int) -> dict[str, np.ndarray]:
    """First weights for every arm: Glorot's uniform, and no bias."""
    draw, sizes = np.random.default_rng(seed), (papers().words.shape[1], HIDDEN, CLASSES)
    found = {}
    for k, (before, after) in enumerate(pairwise(sizes)):
        bound = (6 / (before + after)) ** 0.5
        found[f"weight{k}"] = draw.uniform(-bound, bound, (before, after)).astype(np.float32)
        found[f"bias{k}"] = np.zeros(after, np.float32)
    return found


def task() -> Task:
    """Rows are numbers of nodes; what is known of them, and who is joined, every arm takes from `papers`."""
    known = papers()
    return Task(
        "gcn",
        known.train.astype(np.int64),
        known.labels[known.train].astype(np.int64),
        known.test.astype(np.int64),
        known.labels[known.test].astype(np.int64),
        batch=len(known.train),
        epochs=200,
        optimizer="adam",
        rate=0.01,
        decay=DECAY,
    )


CONTESTS = (
    Contest(
        "cora",
        "A graph, whole: 200 epochs of a GCN on Cora",
        "cora",
        "2,708 papers of 1,433 words and 5,278 citations; two graph convolutions, 16 hidden numbers, dropout 0.5, Adam at 0.01, "
        "200 steps on all nodes, without exams in between; one thread. PyTorch Geometric caches its normalisation, as its "
        "example has it; *sparse* gives it the adjacency as a sparse matrix.",
        "benchmarks.speed.cora:task",
        (
            Arm("mapsto", "mapsto", "graphs:Mapsto", "mapsto", "mapsto", {"dropout": 0.5}),
            Arm("loop", "PyTorch, dense words, sparse products", "graphs:Loop", "loop", "PyTorch", {"dropout": 0.5}),
            Arm("pyg", "PyTorch Geometric", "graphs:Geometric", "defaults", "PyTorch Geometric", {"dropout": 0.5}),
            Arm("pyg-sparse", "PyTorch Geometric, sparse", "graphs:Geometric", "tuned", "PyTorch Geometric",
                {"dropout": 0.5, "sparse": True}),
        ),
        band=0.02,
        rounds=7,
    ),
)  # fmt: skip
