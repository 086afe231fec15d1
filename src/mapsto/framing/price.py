"""What a run will cost here: parameters, memory, steps, and seconds, from a few steps of a throw-away learner."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass

import torch

from mapsto.core import seeds
from mapsto.core.batch import nbytes
from mapsto.core.errors import FailedRun
from mapsto.core.nouns import View, World
from mapsto.data.dataset import Examples
from mapsto.learner.learner import Learner

TRIALS = 3


@dataclass(frozen=True)
class Price:
    """parameters: trainable numbers. data: bytes of the encoded examples. steps, seconds: of training; 0 if unknown.
    padding: how much of the batches is padding, in words; "" where nothing is padded. played: whether exams are episodes,
    whose length nobody knows before, and so not in `seconds`."""

    parameters: int
    data: int
    steps: int
    seconds: float
    padding: str = ""
    played: bool = False

    def __str__(self) -> str:
        steps = f", {self.steps:,} steps" if self.steps > 1 else ""
        return (
            f"{self.parameters:,} parameters, {_bytes(self.data)} of data{steps}, about {_duration(self.seconds)} here"
            + (" without its exams" if self.played else "")
            + (f"; {self.padding}" if self.padding else "")
        )


def price(learner: Learner, views: list[View]) -> Price:
    """Spends `learner`: it takes a few steps. An exact solution is not tried, so its seconds are a guess of 0."""
    parameters = sum(p.numel() for p in learner.model.parameters() if p.requires_grad)
    size = sum(_size(view, learner.device) for view in views)
    steps, padding = learner.horizon, learner.algorithm.experience.padding
    if steps <= 1:
        return Price(parameters, size, steps, 0.0, padding)
    learner.settle()
    learner.model.train()
    times = []
    experience, update = learner.algorithm.experience, learner.algorithm.update
    rhythm = min(experience.rhythm, steps)
    for trial in range(TRIALS if rhythm == 1 else 1):
        begun = time.perf_counter()
        for step in range(trial * rhythm, (trial + 1) * rhythm):
            seeds.set_all(learner.seed, step)
            with suppress(FailedRun):  # the run itself will stop there, and say why
                update.step(experience.batch(step), step)
        times.append((time.perf_counter() - begun) / rhythm)
    return Price(parameters, size, steps, steps * min(times), padding, isinstance(learner.data, World))


def _size(view: View, device: torch.device) -> int:
    """Bytes of its examples; where they are not here, as many times those of one."""
    if isinstance(view, Examples):
        return nbytes(view.fields)
    return len(view) * nbytes(view.gather(torch.zeros(1, dtype=torch.int64, device=device))) if len(view) else 0


def _bytes(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def _duration(seconds: float) -> str:
    if seconds < 1:
        return "a second"
    return (
        f"{seconds:.0f} s"
        if seconds < 100
        else f"{seconds / 60:.0f} min"
        if seconds < 6000
        else f"{seconds / 3600:.1f} h"
    )
