"""What every arm of a contest is to learn, and what it hands back: plain arrays and numbers, of no framework."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np

Answer = Callable[[np.ndarray], np.ndarray]  # rows → logits, logarithms of probabilities, or numbers


@dataclass(frozen=True)
class Task:
    """Learn y from x with this network, these batches and this optimizer; the rate is constant.

    network: a function of networks.py, and of arms/keras.py. x: float32 [N, …]; y: int64 [N] classes, or float32 [N] numbers.
    The last short batch of an epoch is kept; the order is shuffled anew each epoch.
    Momentum is 0 in "sgd"; "adam" and "adamw" have betas 0.9 and 0.999, epsilon 1e-8. Nothing is clipped.
    started: called by the arm, where it can, when its first step is over. watch: called at the end of each epoch with the
    function that answers; it raises Enough where the target is reached, which no arm catches. alike: rows that every arm
    would put into one batch together, where not all are.
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
    loss: Literal["cross-entropy", "squared", "next-token"] = "cross-entropy"
    started: Callable[[], None] | None = None
    watch: Watch | None = None
    alike: np.ndarray | None = None

    @property
    def batches(self) -> int:
        return -(-len(self.x) // self.batch)

    @property
    def steps(self) -> int:
        return self.epochs * self.batches

    def in_one_batch(self, steps: int) -> Task:
        """So many steps on eight batches at once: no order, no luck. Two arms with the same weights and maths must agree."""
        rows = np.arange(len(self.x)) if self.alike is None else self.alike
        rows = rows[: 8 * self.batch]
        return replace(self, x=self.x[rows], y=self.y[rows], batch=len(rows), epochs=steps)

    def shorter(self) -> Task:
        """A fifth of the steps: what a long run takes beyond it is the price of a step, without setting up."""
        if self.epochs >= 5:
            return replace(self, epochs=self.epochs // 5)
        last = len(self.x) % self.batch or self.batch  # as short as ever: compilers look at it
        rows = max(self.batches // 5 - 1, 0) * self.batch + last
        return replace(self, x=self.x[:rows], y=self.y[:rows])

    def score(self, answers: np.ndarray) -> float:
        """Test accuracy of logits [N, C]; R² of numbers [N] or [N, 1]; nats a token of logits [N, T, V]."""
        if self.loss == "next-token":
            logits = answers.astype(np.float64)
            right = np.take_along_axis(logits, self.y_test[..., None], -1)[..., 0]
            return float((np.logaddexp.reduce(logits, axis=-1) - right).mean())
        if self.loss == "cross-entropy":
            return float((answers.argmax(1) == self.y_test).mean())
        wrong = ((answers.reshape(-1) - self.y_test) ** 2).sum()
        return float(1 - wrong / ((self.y_test - self.y_test.mean()) ** 2).sum())


class Enough(Exception):
    """The target is reached: nobody need go on."""


class Watch:
    """Looks at the test rows at the end of each epoch; the time it takes is part of the arm's."""

    def __init__(self, task: Task, target: float):
        self.task, self.target = task, target
        self.curve: list[tuple[float, float]] = []  # seconds, score
        self.begin()

    def begin(self) -> None:
        """The clock starts here, where an arm has its arrays and its model (`clocked`)."""
        self.begun, self.processor = time.perf_counter(), time.process_time()

    def __call__(self, answer: Answer) -> None:
        self.seen(self.task.score(answer(self.task.x_test)))

    def seen(self, score: float) -> None:
        self.curve.append((time.perf_counter() - self.begun, score))
        if score >= self.target:
            raise Enough("the score")  # fastai reads the first word of what it passes on


@dataclass
class Clock:
    """Seconds from opening to closing, by the wall and of this process's processor time, all threads together."""

    wall: float = 0.0
    processor: float = 0.0


@contextmanager
def clocked(task: Task) -> Iterator[Clock]:
    clock = Clock()
    if task.watch:
        task.watch.begin()
    wall, processor = time.perf_counter(), time.process_time()
    yield clock
    clock.wall, clock.processor = time.perf_counter() - wall, time.process_time() - processor


@dataclass
class Fitted:
    """What came of a run. fit: from arrays in memory and a built model to a trained one: loaders, trainers and optimizers
    are made within it. steps: by the framework's own count. answer: what it says of rows."""

    fit: Clock
    steps: int
    weights: int
    answer: Answer


class Contestant(Protocol):
    """One way of learning; a frozen dataclass whose fields are the settings that make it this arm."""

    def fit(self, task: Task, seed: int) -> Fitted: ...
