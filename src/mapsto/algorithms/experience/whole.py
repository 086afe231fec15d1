"""All training examples at every step: what an exact solution looks at, and a graph learned in full."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from mapsto.core import seeds, world
from mapsto.core.batch import Batch
from mapsto.core.nouns import Experience, Learner, Solvable

SUBSAMPLE = 3


@dataclass
class Whole(Experience):
    """The whole training set in one batch, of windows those that lie side by side; `at_most` > 0 takes a fixed random part of it
    where it is larger."""

    at_most: int = 0

    ahead = True

    def start(self, learner: Learner) -> None:
        super().start(learner)
        self._at_once = isinstance(learner.model, Solvable)  # solved from all of it, by one process
        if not self._at_once:
            world.enough(self.data.train.epoch)

    @property
    def batches(self) -> int:
        return 1

    def batch(self, step: int) -> Batch:
        count = self.data.train.epoch
        index = torch.arange(count)
        if 0 < self.at_most < count:
            index = seeds.shuffled(count, self.seed, SUBSAMPLE)[: self.at_most].sort().values
        index = (index * self.data.train.window).to(self.data.device)
        mine = {"index": index} if self._at_once else world.part(index)
        return self.data.ready({**self.data.train.gather(mine["index"]), **mine})
