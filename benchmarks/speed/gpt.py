"""A small character GPT: many short kernels, which all frameworks share."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from benchmarks.speed.contest import Contest
from benchmarks.speed.rivals import COMPILED, HF, LIGHTNING, MAPSTO, TUNED, TUTORIAL, seldom, tuned, varied
from benchmarks.speed.task import Task

CONTEXT, BATCH, STEPS, VOCABULARY = 64, 12, 200, 65


def task() -> Task:
    """200 batches of windows drawn beforehand, for all arms the same; the exam is on 200 windows of the last tenth."""
    text = (Path(os.environ["MAPSTO_DATA"]) / "tiny_shakespeare" / "input.txt").read_bytes()
    characters, tokens = np.unique(np.frombuffer(text, np.uint8), return_inverse=True)
    assert len(characters) == VOCABULARY
    first = len(tokens) * 9 // 10
    x, y = _windows(tokens[:first], BATCH * STEPS)
    x_test, y_test = _windows(tokens[first:], 200)
    return Task(
        "char-gpt",
        x,
        y,
        x_test,
        y_test,
        batch=BATCH,
        epochs=1,
        optimizer="adamw",
        rate=1e-3,
        decay=0.01,
        loss="next-token",
    )


def _windows(tokens: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """int64 [count, T] at places drawn at random, and the tokens that follow."""
    places = np.random.default_rng(0).integers(len(tokens) - CONTEXT, size=count)[:, None] + np.arange(CONTEXT)
    return tokens[places].astype(np.int64), tokens[places + 1].astype(np.int64)


CONTESTS = (
    Contest(
        "gpt",
        "A small GPT",
        "GPT",
        "Characters of tiny Shakespeare: 4 layers of width 128, 4 heads, context 64, GELU, "
        "scaled_dot_product_attention (818,496 weights); batch 12, AdamW at 1e-3, 200 steps over windows drawn beforehand. Two "
        "threads for everybody; precision is free.",
        "benchmarks.speed.gpt:task",
        (
            varied(MAPSTO, "", "", precision="auto"),
            TUTORIAL,
            TUNED,
            varied(TUNED, "heap", "heap kept", heap=True),
            varied(TUNED, "bf16", "bfloat16, heap kept", heap=True, bfloat16=True),
            seldom(varied(COMPILED, "heap", "heap kept", heap=True)),
            HF,
            tuned(HF),
            LIGHTNING,
            tuned(LIGHTNING),
        ),
        measure="nats a character",
        band=0.03,
        rounds=7,
        threads=2,
        steady=False,
        renewed=True,
    ),
)
