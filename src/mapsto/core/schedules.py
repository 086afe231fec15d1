"""Schedules: the learning rate over a run, as a multiple of its peak; a pure function of (step, steps)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from mapsto.core.names import shelf_here
from mapsto.core.nouns import Schedule

__shelf__ = shelf_here(__name__, "Constant", "WarmUp", "Cosine", "StepDecay", "OneCycle")


@dataclass
class Constant(Schedule):
    """The same rate all the way."""

    def at(self, step: int, steps: int) -> float:
        return 1.0


@dataclass
class Cosine(Schedule):
    """Half a cosine from 1 down to `floor` (Loshchilov and Hutter 2017, arXiv:1608.03983)."""

    floor: float = 0.0

    def at(self, step: int, steps: int) -> float:
        return self.floor + (1 - self.floor) * (1 + math.cos(math.pi * step / max(steps, 1))) / 2


@dataclass
class StepDecay(Schedule):
    """Times `factor` at each of the given shares of the run, as ImageNet recipes did (He et al. 2016)."""

    factor: float = 0.1
    after: list[float] = field(default_factory=lambda: [0.5, 0.75])

    def at(self, step: int, steps: int) -> float:
        return self.factor ** sum(step >= share * steps for share in self.after)


@dataclass
class OneCycle(Schedule):
    """Up by half a cosine for the first `rise` of the run, down to nothing for the rest (Smith 2018, arXiv:1803.09820)."""

    rise: float = 0.25
    start: float = 0.04

    def at(self, step: int, steps: int) -> float:
        top = max(1.0, self.rise * steps)
        if step < top:
            return self.start + (1 - self.start) * (1 - math.cos(math.pi * step / top)) / 2
        return (1 + math.cos(math.pi * (step - top) / max(steps - top, 1))) / 2


@dataclass
class WarmUp(Schedule):
    """In a straight line from nothing over the first `steps_up` steps, times what follows (Goyal et al. 2017)."""

    steps_up: int = 200
    then: Schedule = field(default_factory=Constant)

    def at(self, step: int, steps: int) -> float:
        return min(1.0, (step + 1) / max(self.steps_up, 1)) * self.then.at(step, steps)
