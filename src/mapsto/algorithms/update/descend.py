"""Gradient descent: each player in turn takes one step on the mean of its own losses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from mapsto.algorithms.optimizers.adamw import AdamW
from mapsto.algorithms.update.flat import Flat
from mapsto.core.batch import Batch, Losses, Mean, detached, joined, pieces, size, total_and_count
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Learner, Optimizer, Schedule, Update
from mapsto.core.schedules import Constant, OneCycle

NOBODY = 1e-12  # a count to divide by where nobody counts: the total is 0, and so is the mean then


@dataclass
class Descend(Update):
    """One gradient step a player: losses, backward, clip, schedule, optimizer, average.

    learning_rate: its peak; `schedule` says what share of it each step takes.
    clip: the largest norm of a player's gradient; None leaves it alone.
    accumulate: micro-batches a step; the gradient is that of the whole batch, in less memory.
    ema: the share that an average of the weights keeps at each step, say 0.99; exams see the average. 0 is off.
    precision: in which products are taken; weights, gradients and moments stay float32.
    """

    learning_rate: float = 1e-3
    optimizer: Optimizer = field(default_factory=AdamW)
    schedule: Schedule = field(default_factory=OneCycle)
    clip: float | None = None
    accumulate: int = 1
    ema: float = 0.0
    precision: Literal["float32", "bfloat16"] = "float32"

    def __post_init__(self) -> None:
        if not isinstance(self.learning_rate, float | int) or not 0 < self.learning_rate < float("inf"):
            raise FrameError(f"a learning rate is a number above 0 (1e-3, say), but came {self.learning_rate!r}.")
        if self.accumulate < 1 or not 0 <= self.ema < 1:
            raise FrameError(f"accumulate is at least 1 and ema in [0, 1), but came {self.accumulate} and {self.ema}.")
        if self.clip is not None and not self.clip > 0:
            raise FrameError(f"clip is a norm above 0, or None for no bound, but came {self.clip}.")
        if self.precision not in ("float32", "bfloat16"):
            raise FrameError(f"precision is float32 or bfloat16, but came {self.precision!r}.")

    def start(self, learner: Learner) -> None:
        super().start(learner)
        self.device = learner.device
        self.horizon = learner.horizon
        if not self.horizon and not isinstance(self.schedule, Constant):
            raise FrameError(
                f"the schedule {type(self.schedule).__name__} needs to know when the run ends, but {learner.algorithm.until} "
                "does not say.",
                "Join it with epochs or steps (`either` of minutes and epochs), or use the schedule constant.",
                "F004",
            )
        self.flats = {p: Flat(self.model.get_submodule(p), self.optimizer) for p in self.objective.players}
        for player, flat in self.flats.items():
            if not flat.parameters:
                raise FrameError(
                    f"{type(self.model.get_submodule(player)).__name__} has no trainable parameter for Descend to change.",
                    "A solvable model is fitted with algorithm.update.name=solve; of another, leave a part unfrozen.",
                    "F004",
                )
        self.averages = {p: [v.clone() for v in flat.values] for p, flat in self.flats.items()} if self.ema else {}

    def step(self, batch: Batch, step: int) -> Losses:
        place = min(step, self.horizon - 1) if self.horizon else step  # past its end, a cosine would rise again
        rate = self.learning_rate * self.schedule.at(place, self.horizon)
        report: Losses = {}
        for player, flat in self.flats.items():
            report |= self.descend(batch, player, flat)
            if self.clip is not None:
                flat.clip(self.clip)
            flat.step(rate)
        self.objective.settle(self.model)
        if self.ema:
            self.follow(step)
        return report

    def descend(self, batch: Batch, player: str, flat: Flat) -> Losses:
        """Leave in `flat` the gradient of the mean loss over the whole batch, whatever it is cut into."""
        flat.forget()
        parts = pieces(batch, min(self.accumulate, size(batch))) if self.accumulate > 1 else [batch]
        counts: dict[str, Tensor | int] = {}
        reports = []
        for part in parts:
            losses = self.losses(part, player)
            counts = counts or self.counts(batch, parts, player, losses)
            totals = {term: total_and_count(loss, part.get("weight"))[0] for term, loss in losses.items()}
            mean = sum(total / counts[term] for term, total in totals.items())
            mean.backward(inputs=flat.parameters)  # the other players stay still
            reports.append(detached(losses))
        return joined(reports) if len(reports) > 1 else reports[0]

    def losses(self, batch: Batch, player: str) -> Losses:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
            return self.objective.losses(self.model, batch, player)

    @torch.no_grad()
    def counts(self, batch: Batch, parts: list[Batch], player: str, first: Losses) -> dict[str, Tensor | int]:
        """Each term's count over the whole batch: the mean of unequal parts' means would not be the mean.

        first: the losses of the first part. Where a `Mean` is among them, the other parts are asked for theirs beforehand.
        """
        weight = batch.get("weight")
        asked = [first]
        if any(isinstance(loss, Mean) for loss in first.values()):
            asked += [self.losses(part, player) for part in parts[1:]]
        counts: dict[str, Tensor | int] = {}
        for term, loss in first.items():
            if isinstance(loss, Mean):
                counts[term] = sum(losses[term].count for losses in asked).clamp(min=NOBODY)
            else:
                counts[term] = size(batch) if weight is None else weight.sum().clamp(min=NOBODY)
        return counts

    def follow(self, step: int) -> None:
        """The average takes its share of the weights; a short memory at first, so that it forgets the start."""
        keep = min(self.ema, (1 + step) / (10 + step))
        for player, flat in self.flats.items():
            for average, value in zip(self.averages[player], flat.values, strict=True):
                average.lerp_(value, 1 - keep)

    @contextmanager
    def judged(self) -> Iterator[None]:
        """The averaged weights stand in the model while this lasts."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def _exchange(self) -> None:
        for player, averages in self.averages.items():
            for average, value in zip(averages, self.flats[player].values, strict=True):
                kept = value.clone()
                value.copy_(average)
                average.copy_(kept)

    def state_dict(self) -> dict[str, Any]:
        return {"flats": {p: flat.state_dict() for p, flat in self.flats.items()}, "averages": self.averages}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for player, flat in self.flats.items():
            flat.load_state_dict(state["flats"][player])
        for player, averages in self.averages.items():
            for mine, saved in zip(averages, state["averages"][player], strict=True):
                mine.copy_(saved)
