"""The contest over the sentences of sentences.py: how an arm deals with rows of unequal length is part of what is measured."""

from __future__ import annotations

import numpy as np

from benchmarks.speed.contest import Arm, Contest
from benchmarks.speed.rivals import tuned
from benchmarks.speed.task import Task

LONGEST = 60  # words; no sentence has more

MAPSTO = Arm("mapsto", "mapsto", "sentences:Mapsto", "mapsto", "mapsto", {"precision": "auto"})
TUTORIAL = Arm("loop", "PyTorch, tutorial loop, padded by batch", "sentences:Tutorial", "defaults", "PyTorch")
HF = Arm("hf", "HF Trainer", "sentences:HFTrainer", "defaults", "HF Trainer")
FASTAI = Arm("fastai", "fastai", "sentences:Fastai", "defaults", "fastai")


def task() -> Task:
    """Words as numbers, 0 where there is none any more: [N, 60]. Every arm cuts and sorts them as it will."""
    from benchmarks.speed.sentences import sentences

    (x, y), (x_test, y_test) = (sentences(part) for part in ("train", "test"))
    x = _padded(x)
    return Task(
        "sentences",
        x,
        np.array(y, np.int64),
        _padded(x_test),
        np.array(y_test, np.int64),
        batch=64,
        epochs=3,
        optimizer="adamw",
        rate=1e-3,
        decay=0.01,
        alike=np.flatnonzero((x != 0).sum(1) == 20),  # as long as each other
    )


def _padded(rows: list[list[int]]) -> np.ndarray:
    padded = np.zeros((len(rows), LONGEST), np.int64)
    for place, row in enumerate(rows):
        padded[place, : len(row)] = row
    return padded


CONTESTS = (
    Contest(
        "sentences",
        "Rows of unequal length: sentences",
        "sentences",
        "8,530 sentences of film reviews, 1 to 59 words; embedding of 100, an LSTM of 128 in either direction; batch 64, AdamW at "
        "1e-3, 3 epochs. Two threads for everybody; precision is free. *Sorted* has batches of similar length, in random order.",
        "benchmarks.speed.reviews:task",
        (
            MAPSTO,
            TUTORIAL,
            Arm("loop-sorted", "PyTorch, tuned loop, sorted, heap kept", "sentences:Tuned", "loop", "PyTorch"),
            Arm("loop-bf16", "PyTorch, tuned loop, sorted, heap kept, bfloat16", "sentences:Tuned", "loop", "PyTorch",
                {"bfloat16": True}),
            HF,
            tuned(HF),
            FASTAI,
            tuned(FASTAI),
        ),
        band=0.02,
        rounds=7,
        threads=2,
        steady=False,
        renewed=True,
    ),
)  # fmt: skip
