"""When to stop: after so many steps, epochs or minutes, or when an exam stops getting better; joined by `|`."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from mapsto.core import names, world
from mapsto.core.errors import FrameError, UnknownName
from mapsto.core.names import shelf_here
from mapsto.core.nouns import Learner, Scores, Until, World

TOGETHER = 20  # steps between two looks at the clock that processes share
__shelf__ = shelf_here(__name__, "Steps", "Epochs", "Minutes", "Plateau", "Either")


@dataclass
class Steps(Until):
    """After `count` steps."""

    count: int = 1000

    def __post_init__(self) -> None:
        _some(self, self.count)

    def reached(self, step: int) -> bool:
        return step >= self.count

    def steps(self, batches: int) -> int | None:
        return self.count


@dataclass
class Epochs(Until):
    """After `count` passes over the training examples."""

    count: int = 10

    def __post_init__(self) -> None:
        _some(self, self.count)

    def start(self, learner: Learner) -> None:
        self._batches = learner.algorithm.experience.batches

    def reached(self, step: int) -> bool:
        return step >= self.count * self._batches

    def steps(self, batches: int) -> int | None:
        return self.count * batches


@dataclass
class Minutes(Until):
    """After `count` minutes of training; time spent before a resume counts. Of several processes the first one's clock is
    everybody's, and is looked at every 20 steps."""

    count: float = 10.0
    spent: float = field(default=0.0, init=False)
    remembers = ("spent",)

    def __post_init__(self) -> None:
        _some(self, self.count)

    def start(self, learner: Learner) -> None:
        self._last, self._over = time.monotonic(), False

    def reached(self, step: int) -> bool:
        now = time.monotonic()
        self.spent, self._last = self.spent + now - self._last, now
        over = self.spent >= 60 * self.count
        if world.size() == 1:
            return over
        if step % TOGETHER == 0:
            self._over = world.firsts(over)
        return self._over


@dataclass
class Plateau(Until):
    """When `patience` exams in a row brought no better `measure` (early stopping; Prechelt 1998)."""

    measure: str = "loss"
    patience: int = 5
    best: float = field(default=float("-inf"), init=False)
    waited: int = field(default=0, init=False)
    remembers = ("best", "waited")

    def start(self, learner: Learner) -> None:
        measures = learner.objective.measures(learner.data.target)
        known = [*measures, *([] if isinstance(learner.data, World) else ["loss"])]
        if self.measure not in known:
            hint = names.near(self.measure, known)
            raise UnknownName(
                f"no measure '{self.measure}' is taken here." + (f" Near it: {', '.join(hint)}." if hint else ""),
                f"There are: {', '.join(known)}.",
            )
        if not len(learner.data.valid):
            raise FrameError(
                "a plateau is seen in exams on validation examples, but there are none.",
                "Split some off (--set data.split.valid=0.1), or end after epochs or steps.",
            )
        self._better = measures[self.measure].better if self.measure in measures else -1

    def reached(self, step: int) -> bool:
        return self.waited >= self.patience

    def hear(self, step: int, scores: Scores) -> None:
        value = self._better * scores[self.measure].value
        self.waited = 0 if value > self.best else self.waited + 1
        self.best = max(self.best, value)


@dataclass
class Either(Until):
    """When the first of `several` is reached."""

    several: list[Until]

    def start(self, learner: Learner) -> None:
        for until in self.several:
            until.start(learner)

    def reached(self, step: int) -> bool:
        return max(until.reached(step) for until in self.several)  # all are asked: Minutes counts by being asked

    def hear(self, step: int, scores: Scores) -> None:
        for until in self.several:
            until.hear(step, scores)

    def steps(self, batches: int) -> int | None:
        known = [n for until in self.several if (n := until.steps(batches)) is not None]
        return min(known) if known else None

    def state_dict(self) -> dict:
        return {"several": [until.state_dict() for until in self.several]}

    def load_state_dict(self, state: dict) -> None:
        for until, saved in zip(self.several, state["several"], strict=True):
            until.load_state_dict(saved)


def _some(until: Until, count: float) -> None:
    if not isinstance(count, int | float) or not count > 0:
        raise FrameError(f"{type(until).__name__} needs a count above 0, but came {count!r}.")
