"""The engine: at each step, draw experience and update. It never asks which paradigm it runs."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mapsto.core import seeds, world
from mapsto.core.errors import FailedRun
from mapsto.core.nouns import Scores, Until
from mapsto.core.stop import Stop, at_once
from mapsto.learner.meeting import Meeting

if TYPE_CHECKING:
    from mapsto.learner.learner import Learner


@dataclass(frozen=True)
class Report:
    """What observers are told: after `step` steps and `epoch` passes, the mean `losses` since the last report, the
    validation `scores` if there has just been an exam, and `news` of the update, for a person to read."""

    step: int
    epoch: float
    losses: dict[str, float]
    scores: Scores | None
    news: tuple[str, ...] = ()


Observer = Callable[[Report], None]


def fit(learner: Learner, until: Until, observers: Sequence[Observer] = (), stop: Stop | None = None) -> None:
    """Learn until `until`, or until somebody asks to stop. One step is a function of (state, step).

    An exam is broken off where somebody asks to stop, and held when learning goes on.
    """
    experience, update = learner.algorithm.experience, learner.algorithm.update
    learner.model.train()
    words, meeting = world.words(), Meeting(learner.step)
    with quiet():
        while True:
            over = until.reached(learner.step) or update.finished  # asked once a step: a clock may say otherwise later
            over = told(learner, until, observers, stop, over)
            if meeting.stopped(learner.step, stop, over):
                return
            seeds.set_all(learner.seed, learner.step, *words)
            batch = experience.batch(learner.step)  # from memory, from disk, or from acting
            losses = update.step(batch, learner.step)  # gradients, a game, or neither
            experience.hear(batch, losses)
            learner.tally.add(losses, batch.get("weight"))
            learner.step += 1


def told(learner: Learner, until: Until, observers: Sequence[Observer], stop: Stop | None, over: bool) -> bool:
    """The exam and the report that are due after a step, where they have not been yet. Returns whether learning is over."""
    update, scores = learner.algorithm.update, None
    if learner.told == learner.step:
        return over
    if learner.step % learner.exam_every == 0 or over:
        with update.judged():
            try:
                with (
                    at_once() if world.size() == 1 else nullcontext()
                ):  # together to its end: the others wait for our part
                    scores = learner.evaluate("valid", intervals=False)
            except KeyboardInterrupt:
                if stop and stop.asked:
                    return over
                raise
            learner.best.hear(learner.step, scores, learner.model)
        if scores:
            until.hear(learner.step, scores)
            over = over or until.reached(learner.step)
    if scores is not None or learner.step % learner.report_every == 0:
        learner.told = learner.step
        news = tuple(update.news())
        losses = finite(learner)
        learner.divergence.hear(learner.step, losses)
        epoch = learner.step / learner.algorithm.experience.batches
        for observe in observers:  # told, never asked; what they do to their own copy is nobody else's business
            observe(Report(learner.step, epoch, dict(losses), None if scores is None else dict(scores), news))
    return over


def finite(learner: Learner) -> dict[str, float]:
    means = learner.tally.read()
    for term, mean in means.items():
        if not math.isfinite(mean):
            raise FailedRun(
                f"the loss '{term}' is {mean} at step {learner.step}: the weights have run away.",
                "Lower the learning rate (--set algorithm.lr=…), or clip gradients (--set algorithm.clip=1.0).",
            )
    return means


@contextmanager
def quiet() -> Iterator[None]:
    """No garbage collection inside the loop: a collection of everything takes hundreds of milliseconds."""
    on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()
