"""A table of a million rows: scikit-learn's own home."""

from __future__ import annotations

import numpy as np

from benchmarks.speed.contest import Arm, Contest
from benchmarks.speed.rivals import FLAT, MAPSTO, SKLEARN, TUNED
from benchmarks.speed.task import Task

ROWS, COLUMNS, HELD_OUT = 1_000_000, 50, 100_000
TARGET = 0.968


def task(seed: int = 0) -> Task:
    x, y = friedman_like(seed)
    train, test = slice(HELD_OUT, None), slice(HELD_OUT)
    return Task(
        "table-mlp",
        x[train],
        y[train],
        x[test],
        y[test],
        batch=200,
        epochs=10,
        optimizer="adam",
        rate=1e-3,
        loss="squared",
    )


def friedman_like(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """x: [N, 50] standard normal, y: [N], standardised: products, a sine, squares and a kink of 12 columns, and noise.

    After Friedman 1991 ("Multivariate adaptive regression splines", eq. 61), on normal columns; the noise is 2 % of the variance.
    """
    draw = np.random.default_rng(seed)
    x = draw.standard_normal((ROWS, COLUMNS), dtype=np.float32)
    y = (
        2 * np.sin(x[:, 0] * x[:, 1])
        + x[:, 2] ** 2
        + x[:, 3] * x[:, 4]
        + 1.5 * np.abs(x[:, 5])
        + x[:, 6] * (x[:, 7] > 0)
        + x[:, 8]
        - 0.5 * x[:, 9]
        + 0.5 * x[:, 10] * x[:, 11]
    )
    y = (y - y.mean()) / y.std() * np.sqrt(0.98) + np.sqrt(0.02) * draw.standard_normal(ROWS, dtype=np.float32)
    return x, y.astype(np.float32)


CONTESTS = (
    Contest(
        "table",
        "A table of a million rows",
        "table",
        f"MLP 50–64–64–1 with ReLU (7,489 weights), squared error, on 900,000 rows of 50 standard normal columns; the target is "
        f"made of products, a sine, squares and a kink of 12 of them, with 2 % noise (table.py). Batch 200, Adam at 1e-3: "
        f"scikit-learn's defaults, for all but mapsto's second arm (arms/own.py). The time is that until the epoch after which R² "
        f"on 100,000 held-out rows is {TARGET}, looks included: scikit-learn gets there in its third.",
        "benchmarks.speed.table:task",
        (
            MAPSTO,
            Arm("mapsto-own", "mapsto, its own batch and schedule", "own:OneCycle", "part", "mapsto"),
            TUNED,
            FLAT,
            SKLEARN,
        ),
        measure="R²",
        rounds=5,
        steady=False,
        renewed=True,
        target=TARGET,
    ),
)
