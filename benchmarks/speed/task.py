"""What every arm of a contest is to learn, and what it hands back: plain arrays and numbers, of no framework."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

import numpy as np


@dataclass(frozen=True)
class Task:
    """Learn y from x with this network, these batches and this optimizer; the rate is constant.

    network: a function of networks.py, and of arms/keras.py. x: float32 [N, …]; y: int64 [N] classes, or float32 [N] numbers.
    The last short batch of an epoch is kept; the order is shuffled anew each epoch.
    Momentum is 0 in "sgd"; "adam" and "adamw" have betas 0.9 and 0.999, epsilon 1e-8. Nothing is clipped.
    started: called by the arm, where it can, when its first step is over.
    """

    network: str
    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    batch: int
    epochs: int
    optimizer: Literal["sgd", "adam", "adamw"]
    rate: float
    decay: float = 0.0
    loss: Literal["cross-entropy", "squared"] = "cross-entropy"
    started: Callable[[], None] | None = None

    @property
    def batches(self) -> int:
        return -(-len(self.x) // self.batch)

    @property
    def steps(self) -> int:
        return self.epochs * self.batches

    def in_one_batch(self, steps: int) -> Task:
        """So many steps on all rows at once: no order, no luck. Two arms with the same weights and maths must agree."""
        rows = min(len(self.x), 1024)
        return replace(self, x=self.x[:rows], y=self.y[:rows], batch=rows, epochs=steps)

    def shorter(self) -> Task:
        """A fifth of the steps: what a long run takes beyond it is the price of a step, without setting up."""
        if self.epochs >= 5:
            return replace(self, epochs=self.epochs // 5)
        rows = self.batches // 5 * self.batch
        return replace(self, x=self.x[:rows], y=self.y[:rows])

    def score(self, answers: np.ndarray) -> float:
        """Test accuracy of logits [N, C], or R² of numbers [N] or [N, 1]."""
        if self.loss == "cross-entropy":
            return float((answers.argmax(1) == self.y_test).mean())
        wrong = ((answers.reshape(-1) - self.y_test) ** 2).sum()
        return float(1 - wrong / ((self.y_test - self.y_test.mean()) ** 2).sum())


@dataclass
class Clock:
    """Seconds from opening to closing, by the wall and of this process's processor time, all threads together."""

    wall: float = 0.0
    processor: float = 0.0


@contextmanager
def clocked() -> Iterator[Clock]:
    clock = Clock()
    wall, processor = time.perf_counter(), time.process_time()
    yield clock
    clock.wall, clock.processor = time.perf_counter() - wall, time.process_time() - processor


@dataclass
class Fitted:
    """What came of a run. fit: from arrays in memory and a built model to a trained one: loaders, trainers and optimizers
    are made within it. steps: by the framework's own count. answer: raw model output for rows, as the framework gives it.
    curve: where the arm looked at the test rows on its way, (seconds, score) each time."""

    fit: Clock
    steps: int
    weights: int
    answer: Callable[[np.ndarray], np.ndarray]
    curve: list[tuple[float, float]] = field(default_factory=list)


class Contestant(Protocol):
    """One way of learning; a frozen dataclass whose fields are the settings that make it this arm."""

    def fit(self, task: Task, seed: int) -> Fitted: ...
