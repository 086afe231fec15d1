"""Shuffled passes over the training examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from mapsto.core import seeds
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
        self._planned: tuple[int, Sequence[Tensor]] = (-1, [])

    @property
    def batches(self) -> int:
        return -(-len(self.data.train) // self.batch_size)

    def batch(self, step: int) -> Batch:
        epoch, part = divmod(step, self.batches)
        index = self.plan(epoch)[part]
        batch = {**self.data.train.gather(index), "index": index}
        return self.data.ready(batch, seeds.generator(index.device, self.seed, step, AUGMENT))

    def plan(self, epoch: int) -> Sequence[Tensor]:
        """The blocks of indices of one epoch, on the data's device; made once an epoch."""
        if self._planned[0] != epoch:
            order = self.data.train.order((self.seed, epoch, SHUFFLE), then=(self.seed, epoch + 1, SHUFFLE))
            self._planned = (epoch, order.split(self.batch_size))
        return self._planned[1]
