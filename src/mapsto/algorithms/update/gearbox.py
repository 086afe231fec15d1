"""Which gear: eager at once; another where the time it is expected to save pays for its preparation, and a race confirms it.

What was raced is remembered by checkpoints and told as news: a resumed run takes the gear that won and races nothing again.
"""

from __future__ import annotations

import os
import shutil
import time
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from mapsto.algorithms.update.gears import GEARS, Gear
from mapsto.core.batch import Batch, Losses, columns
from mapsto.core.errors import Damaged, FrameError
from mapsto.core.nouns import Objective
from mapsto.core.reading import RESTORE

if TYPE_CHECKING:
    from mapsto.algorithms.update.descend import Descend

WARM, TIMED, CALLS = 5, 20, 3  # eager steps before the clock runs, eager steps timed, and calls of the other gear timed
FASTER = 0.95  # of the eager time: who takes less is kept
SEVERAL, MOST = 8, 64  # steps a call, where they are small; and at most
TINY = 1e-3  # seconds of a step that is mostly Python and launches


@dataclass(frozen=True)
class Choice:
    """A gear and its steps a call; and, before anything is measured, the share of a step it may save and the seconds it costs."""

    gear: str
    together: int
    saves: float = 0.0
    costs: float = 0.0


def plan(device: str, seconds: float, left: int, convolves: bool) -> Choice | None:
    """The gear to try, given what an eager step takes and how many are left; None where none would pay for itself twice over.

    Shares and costs as measured on small models (docs/speed.md; on a GPU, reported by others): a compiler starts in 15 s and takes
    2 s for each step that it unrolls; on a CPU it gains nothing on convolutions, which are library calls either way.
    """
    tiny = seconds < TINY
    if device == "cuda":
        choices = [
            Choice("compiled", 1, 0.3, 40.0),
            Choice("captured", SEVERAL if tiny else 1, 0.5 if seconds < 0.02 else 0.0, 1.0),
        ]
    elif device == "cpu" and not convolves:
        choices = [Choice("compiled", SEVERAL, 0.3, 35.0) if tiny else Choice("compiled", 1, 0.08, 25.0)]
    else:
        choices = []
    worth = [c for c in choices if c.saves * left * seconds > 2 * c.costs]
    return max(worth, key=lambda c: c.saves * left * seconds - c.costs, default=None)


class Gearbox:
    """Takes the steps of a `Descend`, in the gear it has; `asked`: "auto", "eager", or the name of one."""

    def __init__(self, update: Descend, asked: str):
        self._update = weakref.ref(update)  # whose own this is: in a circle, neither would go with its last reference
        self.name, self.together, self.raced = "eager", 1, False  # what a checkpoint remembers
        self.settled = asked != "auto"
        self.gear: Gear | None = None
        self.seen = self.warm = self.calls = (
            0  # steps since this process began, those before the clock, calls of another gear
        )
        self.begun, self.eager = 0.0, 0.0  # a clock's reading, seconds of an eager step
        if asked not in ("auto", "eager"):
            if why := self.unfit():
                raise FrameError(f"the gear {asked} is not for this run: {why}.", "Leave it to gear=auto.", "F004")
            self._take(Choice(asked, SEVERAL if asked == "captured" else 1))

    @property
    def update(self) -> Descend:
        return self._update()

    def steps(self, batches: list[Batch], step: int) -> list[Losses]:
        if self.gear is None and self.name != "eager":
            self._build(batches[0])
        if self.gear is not None and len(batches) == self.together and all(_shape(b) == self.shape for b in batches):
            losses = self._in_gear(batches, step)
        else:
            losses = self.update.eager(batches, step)
        if not self.settled:
            self._consider(batches, step)
        return losses

    def unfit(self) -> str:
        """Why a run has no other gear than eager; "" where it may have."""
        update = self.update
        if update.ema or update.parts > 1 or update.nonfinite == "roll-back":
            return "it averages weights, accumulates micro-batches, or rolls back"
        if update.unfreeze:
            return "its parts begin to be changed one after another"
        if update.shared:
            return "it learns in several processes"
        if type(update.objective).settle is not Objective.settle:
            return "something follows the model after every step"
        if not update.experience.ahead:
            return "its batches hang on the steps before"
        return ""

    def state_dict(self) -> dict[str, Any]:
        return {"name": self.name, "together": self.together, "raced": self.raced}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if state["name"] not in ("eager", *GEARS) or not 1 <= state["together"] <= MOST:
            raise Damaged(f"this checkpoint was made in no gear of ours: {state}.", RESTORE, "M006")
        if state["raced"]:
            self._take(Choice(state["name"], state["together"]))
            self.raced = self.settled = True

    def _take(self, choice: Choice) -> None:
        """From here on in this gear, which is built when the next batch comes."""
        self.name, self.gear = choice.gear, None
        self.together = min(choice.together, self.update.reach)

    def _build(self, batch: Batch) -> None:
        if not _plain(batch):
            message = f"the gear {self.name} is not for this run: its examples are nodes of a graph."
            raise FrameError(message, "Leave it to gear=auto.", "F004")
        self.shape = _shape(batch)
        self.update.guard.at_once = False  # the host reads its flag at reports
        self.gear = GEARS[self.name](self.update, self.together, batch)

    def _in_gear(self, batches: list[Batch], step: int) -> list[Losses]:
        kept = [tensor.clone() for tensor in self.update.changing()] if self.calls == 0 else []
        self.calls += 1
        try:
            return self.gear.steps(batches, step)
        except Exception as error:  # a compiler may raise anything at all
            if not kept:
                raise
            for now, before in zip(self.update.changing(), kept, strict=True):
                now.copy_(before)
            reason = str(error).strip().splitlines() or [type(error).__name__]
            self.update.untold.append(
                f"step {step}: the gear {self.name} does not work here ({reason[0][:200]}); eager"
            )
            self._back()
            return self.update.eager(batches, step)

    def _consider(self, batches: list[Batch], step: int) -> None:
        """Time eager steps; then perhaps another gear; then keep the faster."""
        if self.name != "eager":
            self._judge(step + len(batches))
            return
        self.seen += len(batches)
        if not self.warm:
            if self.seen >= WARM:
                self.begun, self.warm = self._now(), self.seen
        elif self.seen >= self.warm + TIMED:
            self.eager = (self._now() - self.begun) / (self.seen - self.warm)
            device, left = self.update.device.type, self.update.horizon - step
            choice = plan(
                device, self.eager, left, any(isinstance(m, nn.Conv2d | nn.Conv1d) for m in self.update.model.modules())
            )
            if (
                choice is None
                or self.unfit()
                or not _plain(batches[0])
                or self._draws(batches[0])
                or (choice.gear == "compiled" and not _compiler())
            ):
                self.settled = True
                return
            self._take(choice)

    def _judge(self, step: int) -> None:
        if self.calls <= 1:  # the first call prepared it
            self.begun = self._now()
        if self.calls <= CALLS:
            return
        taken = (self._now() - self.begun) / (self.together * (self.calls - 1))
        won = taken < FASTER * self.eager
        times = f"{1e6 * taken:.0f} µs a step, eager {1e6 * self.eager:.0f}"
        self.update.untold.append(
            f"step {step}: {self.name}, {self.together} at a time: {times}; {'kept' if won else 'eager again'}"
        )
        self.raced = self.settled = True
        if not won:
            self._back()

    def _back(self) -> None:
        self._take(Choice("eager", 1))
        self.raced = self.settled = True
        self.update.guard.at_once = self.update.device.type == "cpu"

    def _draws(self, batch: Batch) -> bool:
        """Whether a turn draws random numbers, which a recorded one would draw again."""
        before = [state.clone() for state in self._generators()]
        self.update.trial(batch)
        after = list(self._generators())
        return any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))

    def _generators(self) -> Iterator[torch.Tensor]:
        yield torch.get_rng_state()
        if self.update.device.type == "cuda":
            yield torch.cuda.get_rng_state(self.update.device)

    def _now(self) -> float:
        if self.update.device.type == "cuda":
            torch.cuda.synchronize(self.update.device)
        return time.perf_counter()


def _shape(batch: Batch) -> list[Any]:
    return [(name, column.shape, column.dtype) for name, column in columns(batch)]


def _plain(batch: Batch) -> bool:
    """Whether it is all tensors, which is what a recorded or compiled step can be told anew."""
    return all(isinstance(column, torch.Tensor) for _, column in columns(batch))


def _compiler() -> bool:
    """Whether there is a C++ compiler, which a compiled gear on a CPU needs."""
    return torch.cuda.is_available() or bool(shutil.which(os.environ.get("CXX", "g++")))
