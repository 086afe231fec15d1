"""scikit-learn's digits with a small MLP: the step is so short that most of it is the framework's own work."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from benchmarks.speed.contest import Contest
from benchmarks.speed.rivals import (
    COMPILED,
    FASTAI,
    FLAT,
    HF,
    KERAS_JAX,
    KERAS_TORCH,
    LIGHTNING,
    MAPSTO,
    SKLEARN,
    SKORCH,
    TUNED,
    TUTORIAL,
    seldom,
    tuned,
)
from benchmarks.speed.task import Task

KEPT = Path(__file__).resolve().parents[2] / "runs" / "speed" / "digits.npz"

ABOUT = (
    "MLP 64–128–10 with ReLU (9,610 weights) on scikit-learn's digits: 1,437 training rows, 360 test rows, values / 16, float32; "
    "batch 32, 50 epochs = 2,250 steps, constant rate, {}. Nobody looks at held-out rows while training."
)


def sgd() -> Task:
    return _task("sgd", 0.1, 0.0)


def adamw() -> Task:
    return _task("adamw", 1e-3, 0.01)


def _task(optimizer: str, rate: float, decay: float) -> Task:
    rows = arrays()
    return Task("digits-mlp", **rows, batch=32, epochs=50, optimizer=optimizer, rate=rate, decay=decay)


def arrays() -> dict[str, np.ndarray]:
    """x, y, x_test, y_test; kept in a file, so that a timed process need not import scikit-learn to read them."""
    if not KEPT.exists():
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        x, y = load_digits(return_X_y=True)
        x, x_test, y, y_test = train_test_split(
            (x / 16).astype(np.float32), y.astype(np.int64), test_size=360, random_state=0, stratify=y
        )
        KEPT.parent.mkdir(parents=True, exist_ok=True)
        whole = KEPT.with_name(f"{os.getpid()}.npz")
        np.savez(whole, x=x, y=y, x_test=x_test, y_test=y_test)
        whole.replace(KEPT)
    with np.load(KEPT) as file:
        return {name: file[name] for name in ("x", "y", "x_test", "y_test")}


ARMS = (
    MAPSTO,
    TUTORIAL,
    TUNED,
    FLAT,
    COMPILED,
    SKLEARN,
    *(arm for rival in (SKORCH, KERAS_JAX, HF, FASTAI, LIGHTNING) for arm in (rival, tuned(rival))),
    seldom(KERAS_TORCH),
    seldom(tuned(KERAS_TORCH)),
)
WHOLE = (MAPSTO, TUTORIAL, TUNED, COMPILED, SKLEARN, SKORCH, KERAS_JAX, KERAS_TORCH, HF, FASTAI, LIGHTNING)

CONTESTS = (
    Contest(
        "digits-sgd",
        "A small step: digits, SGD",
        "digits, SGD",
        ABOUT.format("SGD at 0.1 without momentum"),
        "benchmarks.speed.digits:sgd",
        ARMS,
    ),
    Contest(
        "digits-adamw",
        "A small step: digits, AdamW",
        "digits, AdamW",
        ABOUT.format("AdamW at 1e-3, weight decay 0.01"),
        "benchmarks.speed.digits:adamw",
        ARMS,
    ),
    Contest(
        "digits-whole",
        "The whole process: digits",
        "whole process",
        "As digits, SGD; timed from the start of the process to its end: Python, imports, compiling, training, exam.",
        "benchmarks.speed.digits:sgd",
        WHOLE,
        counts=("whole",),
        rounds=10,
        fresh=True,
        steady=False,
    ),
)
