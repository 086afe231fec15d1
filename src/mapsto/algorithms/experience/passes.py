"""Shuffled passes over the training examples."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mapsto.core import seeds
from mapsto.core.batch import Batch, nbytes, split
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Experience, Learner

SHUFFLE, AUGMENT = 1, 2  # what a seed is for: apart, so that neither follows from the other
AHEAD = 1 << 19  # bytes of small batches that are gathered at once: what they cost is the call, not the copy


@dataclass
class Passes(Experience):
    """Every example once an epoch, in an order of its own; a pure function of (seed, step), so resuming is free.

    The last short batch of an epoch is kept.
    """

    batch_size: int = 64

    ahead = True

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise FrameError(f"a batch needs at least one example, but batch_size is {self.batch_size}.")

    def start(self, learner: Learner) -> None:
        super().start(learner)
        self._planned: tuple[int, list[Tensor]] = (-1, [])
        self._ahead: dict[int, Batch] = {}  # step → its batch, gathered with one before it
        self._at_once = 1

    @property
    def batches(self) -> int:
        return -(-len(self.data.train) // self.batch_size)

    def batch(self, step: int) -> Batch:
        if step not in self._ahead:
            self._ahead = self._drawn(step)
        batch = self._ahead.pop(step)  # whoever has it may change it
        if not self.data.augment:
            return batch
        return self.data.ready(batch, seeds.generator(batch["index"].device, self.seed, step, AUGMENT))

    def plan(self, epoch: int) -> list[Tensor]:
        """The blocks of indices of one epoch, on the data's device; made once an epoch."""
        if self._planned[0] != epoch:
            order = seeds.shuffled(len(self.data.train), self.seed, epoch, SHUFFLE).to(self.data.device)
            self._planned = (epoch, list(order.split(self.batch_size)))
        return self._planned[1]

    def _drawn(self, step: int) -> dict[int, Batch]:
        """The batch of `step`, and those after it that are small enough to come with it; ready, where nothing is drawn for it."""
        epoch, part = divmod(step, self.batches)
        blocks = self.plan(epoch)[part : part + self._at_once]
        index = torch.cat(blocks)
        batch = {**self.data.train.gather(index), "index": index}
        if not self.data.augment:
            batch = self.data.ready(batch)
        parts = split(batch, [len(block) for block in blocks])
        self._at_once = max(1, AHEAD // max(1, nbytes(parts[0])))
        return {step + k: part for k, part in enumerate(parts)}
