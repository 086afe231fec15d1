"""Shuffled passes over the training examples."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mapsto.core import seeds, world
from mapsto.core.batch import Batch
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Experience, Learner

SHUFFLE, AUGMENT = 1, 2  # what a seed is for: apart, so that neither follows from the other


@dataclass
class Passes(Experience):
    """Every example once an epoch, in an order of its own; a pure function of (seed, step), so resuming is free.

    The last short batch of an epoch is kept.
    """

    batch_size: int = 64

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise FrameError(f"a batch needs at least one example, but batch_size is {self.batch_size}.")

    def start(self, learner: Learner) -> None:
        super().start(learner)
        world.enough(min(self.batch_size, len(self.data.train)))
        self._planned: tuple[int, list[Tensor]] = (-1, [])

    @property
    def batches(self) -> int:
        return -(-len(self.data.train) // self.batch_size)

    def batch(self, step: int) -> Batch:
        epoch, part = divmod(step, self.batches)
        mine = world.part(self.plan(epoch)[part])
        batch = {**self.data.train.gather(mine["index"]), **mine}
        drawn = seeds.generator(mine["index"].device, self.seed, step, AUGMENT, *world.words())
        return self.data.ready(batch, drawn)

    def plan(self, epoch: int) -> list[Tensor]:
        """The blocks of indices of one epoch, on the data's device; made once an epoch."""
        if self._planned[0] != epoch:
            order = seeds.shuffled(len(self.data.train), self.seed, epoch, SHUFFLE).to(self.data.device)
            self._planned = (epoch, list(order.split(self.batch_size)))
        return self._planned[1]
