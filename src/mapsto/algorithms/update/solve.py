"""The exact solution: one look at the whole batch, and learning is over."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from mapsto.core import world
from mapsto.core.batch import Batch, Losses, detached, over
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Learner, Solvable, Update
from mapsto.core.state import pack, unpack
from mapsto.core.stop import at_once

REPORTED = 1000  # examples (of windows: entries) whose losses are told: neighbours would compare all rows with all rows
NUMBERS = (
    1 << 20
)  # that are predicted for them at a place, at most: of translators, each example has a vocabulary of them


@dataclass
class Solve(Update):
    """Fits a solvable model (ridge, trees, neighbours …) to the batch, once.

    Where somebody asks to stop it is broken off, between two calls into compiled code: a tree or a factorisation is one, and
    ends first. Nothing of a solution broken off is kept. Of several processes the first one solves, and the others take over
    what it has found.
    """

    remembers = ("finished",)

    def start(self, learner: Learner) -> None:
        super().start(learner)
        self.seed = learner.seed
        self.finished = False
        self.reported = max(
            1, min(REPORTED // learner.data.train.window, NUMBERS // max(1, learner.data.target.numbers))
        )
        if not isinstance(self.model, Solvable):
            raise FrameError(
                f"Solve fits a model exactly, which {type(self.model).__name__} does not offer.",
                "Use algorithm.update.name=descend, or a solvable model: see `mapsto zoo models`.",
                "F004",
            )

    @torch.no_grad()
    def step(self, batch: Batch, step: int) -> Losses:
        if world.rank() == 0:
            with at_once():
                self.model.solve(batch, self.objective.problem, self.seed)
        self.finished = True
        if world.size() > 1:
            self._take_over()
        if world.rank():
            return {}  # the first tells them
        some = over(batch, lambda tensor: tensor[: self.reported])
        return detached(self.objective.losses(self.model, some, ""))

    def _take_over(self) -> None:
        solved = world.copied(pack(dict(self.model.state_dict())) if world.rank() == 0 else {})
        if world.rank():
            state = unpack(solved)
            self.model.shaped({name: list(tensor.shape) for name, tensor in state.items()}).load_state_dict(state)
