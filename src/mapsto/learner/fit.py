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


MANY = 10_000  # objects that steps may leave behind before somebody looks whether they are garbage


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
            batches = []
            for step in range(learner.step, learner.step + together(learner, until)):  # of most updates, one
                seeds.set_all(learner.seed, step, *words)
                batches.append(experience.batch(step))  # from memory, from disk, or from acting
            drawn = zip(batches, update.steps(batches, learner.step), strict=True)  # gradients, a game, or neither
            for batch, losses in drawn:
                experience.hear(batch, losses)
                learner.tally.add(losses, batch.get("weight"))
            learner.step += len(batches)


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
        if gc.get_count()[0] > MANY:
            gc.collect(0)  # what the steps since then left in circles, and no more
        news = tuple(update.news())
        losses = finite(learner)
        learner.divergence.hear(learner.step, losses)
        epoch = learner.step / learner.algorithm.experience.batches
        for observe in observers:  # told, never asked; what they do to their own copy is nobody else's business
            observe(Report(learner.step, epoch, dict(losses), None if scores is None else dict(scores), news))
    return over


def together(learner: Learner, until: Until) -> int:
    """How many steps to take in one call: as many as the update would, but none across a report, an exam or the end."""
    experience, update = learner.algorithm.experience, learner.algorithm.update
    if update.stride == 1 or not experience.ahead:
        return 1
    ends = [n - learner.step % n for n in (learner.report_every, learner.exam_every)]
    end = until.steps(experience.batches)
    return min(update.stride, *ends, *([] if end is None else [end - learner.step]))


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
    """No garbage collection but at reports, of what is new: a collection of everything takes hundreds of milliseconds.

    Nor is there one before it. What an earlier fit left needs none: a learner that nobody holds is gone with its last
    reference, for nothing in it points back; the test of that is what this relies on.
    """
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()
