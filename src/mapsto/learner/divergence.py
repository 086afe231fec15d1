"""Noticing that the weights have run away: the training loss is far above its best, and stays there."""

from __future__ import annotations

from mapsto.core.errors import FailedRun
from mapsto.core.nouns import Objective
from mapsto.core.state import Stateful

FAR, LONG, MEMORY = 10.0, 3, 0.5


class Divergence(Stateful):
    """Told every report's losses. Raises FailedRun when their sum, smoothed, is `FAR` times its best and above where it began,
    `LONG` reports in a row.

    Only a loss that one player alone brings down says so, and on data that stay: in a game, one that grows may be the other's
    lead, and in a world, the states that one comes to may be worth more.
    """

    remembers = ("begun", "smoothed", "best", "away")

    def __init__(self, objective: Objective):
        self.listens = len(objective.players) == 1 and not objective.restless
        self.begun: float | None = None
        self.smoothed, self.best, self.away = 0.0, float("inf"), 0

    def hear(self, step: int, losses: dict[str, float]) -> None:
        if not (self.listens and losses):
            return
        loss = sum(losses.values())
        if self.begun is None:
            self.begun = self.smoothed = loss
        self.smoothed = MEMORY * self.smoothed + (1 - MEMORY) * loss
        self.best = min(self.best, self.smoothed)
        far = self.smoothed > self.begun and self.smoothed > FAR * self.best > 0
        self.away = self.away + 1 if far else 0
        if self.away >= LONG:
            raise FailedRun(
                f"the training loss has run away: {self.smoothed:.3g} at step {step}, after {self.best:.3g} at its best.",
                "Lower the learning rate (--set algorithm.lr=…), or clip gradients (--set algorithm.clip=1.0).",
            )
