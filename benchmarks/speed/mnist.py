"""MNIST with a small convolutional network: the step is long, and most of it is arithmetic that all frameworks share."""

from __future__ import annotations

import gzip
import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.speed.contest import Contest
from benchmarks.speed.rivals import (
    COMPILED,
    FASTAI,
    HF,
    KERAS_JAX,
    KERAS_TORCH,
    LIGHTNING,
    MAPSTO,
    SKORCH,
    TUNED,
    TUTORIAL,
    seldom,
    tuned,
    varied,
)
from benchmarks.speed.task import Task

MEAN, SPREAD = 33.318421, 78.567490  # of the 60,000 training pictures, 0 … 255
TARGET = 0.985


def epoch() -> Task:
    """One epoch of the 60,000, then an exam on the 10,000."""
    folder = Path(os.environ["MAPSTO_DATA"]) / "mnist"
    return Task(
        "mnist-cnn",
        x=_pictures(folder / "train-images-idx3-ubyte.gz"),
        y=_labels(folder / "train-labels-idx1-ubyte.gz"),
        x_test=_pictures(folder / "t10k-images-idx3-ubyte.gz"),
        y_test=_labels(folder / "t10k-labels-idx1-ubyte.gz"),
        batch=128,
        epochs=1,
        optimizer="adam",
        rate=1e-3,
    )


def to_score() -> Task:
    return replace(epoch(), epochs=6)


def pixels(x: np.ndarray) -> np.ndarray:
    """The bytes that these normalised pictures were."""
    return np.rint(x * SPREAD + MEAN).astype(np.uint8)


def _pictures(path: Path) -> np.ndarray:
    """float32 [N, 1, 28, 28], less the training mean, over the training spread."""
    raw = np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    return (raw.astype(np.float32) - MEAN) / SPREAD


def _labels(path: Path) -> np.ndarray:
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=8).astype(np.int64)


NETWORK = (
    "conv 3×3 (1–32), ReLU, pool, conv 3×3 (32–64), ReLU, pool, 3136–128–10: 421,642 weights; "
    "60,000 rows, batch 128, Adam at 1e-3"
)
LAST, HALF, HEAP = {"channels_last": True}, {"bfloat16": True}, {"heap": True}

CONTESTS = (
    Contest(
        "mnist-epoch",
        "A long step: one epoch of MNIST",
        "MNIST, an epoch",
        f"{NETWORK}, one epoch = 469 steps, and the exam on 10,000 rows. Two threads for everybody. mapsto is given bytes and "
        "normalises each batch; the others are given floats, normalised beforehand. Precision is free here: what bfloat16 costs in "
        "accuracy would be seen beside it.",
        "benchmarks.speed.mnist:epoch",
        (
            varied(MAPSTO, "", "", precision="auto"),
            TUTORIAL,
            TUNED,
            varied(TUNED, "last", "channels last", **LAST),
            varied(TUNED, "last-heap", "channels last, heap kept", **LAST, **HEAP),
            varied(TUNED, "bf16", "bfloat16, channels last", **LAST, **HALF),
            varied(TUNED, "bf16-heap", "bfloat16, channels last, heap kept", **LAST, **HALF, **HEAP),
            seldom(varied(COMPILED, "last-heap", "channels last, heap kept", **LAST, **HEAP)),
            seldom(varied(COMPILED, "bf16-heap", "bfloat16, channels last, heap kept", **LAST, **HALF, **HEAP)),
            FASTAI,
            varied(tuned(FASTAI), "", "channels last", **LAST),
            LIGHTNING,
            tuned(LIGHTNING),
            varied(tuned(LIGHTNING), "bf16", "bfloat16", **HALF),
            SKORCH,
            tuned(SKORCH),
            seldom(KERAS_TORCH),
            seldom(varied(tuned(KERAS_TORCH), "bf16", "bfloat16", **HALF)),
            seldom(KERAS_JAX),
            seldom(tuned(KERAS_JAX)),
            seldom(varied(tuned(KERAS_JAX), "bf16", "bfloat16", **HALF)),
        ),
        counts=("fit", "exam"),
        rounds=5,
        threads=2,
        steady=False,
        renewed=True,
        band=0.005,
    ),
    Contest(
        "mnist-score",
        "To 98.5 % of MNIST",
        "MNIST, to 98.5 %",
        f"{NETWORK}, at each framework's defaults, with a look at the 10,000 test rows at the end of each epoch; the time is that "
        "until the epoch that reached 98.5 %, looks included. mapsto trains the same network by its own recipe "
        "(arms/recipe.py), whose batch, schedule and length were chosen on held-out training rows, and is "
        "looked at once, at its end.",
        "benchmarks.speed.mnist:to_score",
        (
            replace(MAPSTO, make="recipe:Recipe"),
            TUTORIAL,
            varied(TUNED, "bf16-heap", "bfloat16, channels last, heap kept", **LAST, **HALF, **HEAP),
            FASTAI,
            LIGHTNING,
            SKORCH,
            HF,
            seldom(KERAS_TORCH),
            seldom(KERAS_JAX),
        ),
        rounds=5,
        threads=2,
        steady=False,
        renewed=True,
        target=TARGET,
        agree=0.0,
    ),
)
