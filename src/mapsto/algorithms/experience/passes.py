"""Shuffled passes over the training examples."""

from __future__ import annotations

from dataclasses import dataclass

from mapsto.core import seeds
from mapsto.core.batch import Batch
from mapsto.core.buckets import Block, Buckets
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Experience, Learner

SHUFFLE, AUGMENT, ORDER = 1, 2, 4  # what a seed is for: apart, so that neither follows from the other


@dataclass
class Passes(Experience):
    """Every example once an epoch, in an order of its own; a pure function of (seed, step), so resuming is free.

    The last short batch of an epoch is kept. Ragged examples are drawn from length buckets (core/buckets.py), which are the
    same in every epoch, and batches come in an order of their own.
    tokens: how many entries a ragged batch may have at most, padding counted: fewer examples where they are long.
    """

    batch_size: int = 64
    tokens: int | None = None

    def __post_init__(self) -> None:
        if self.batch_size < 1 or self.tokens == 0:
            raise FrameError(
                "a batch needs at least one example"
                + (
                    f", but batch_size is {self.batch_size}."
                    if self.batch_size < 1
                    else " of one token, but tokens is 0."
                )
            )

    def start(self, learner: Learner) -> None:
        super().start(learner)
        self._planned: tuple[int, list[Block]] = (-1, [])
        lengths = self.data.train.lengths
        self._buckets = None if lengths is None else Buckets(lengths, self.batch_size, self.tokens)

    @property
    def batches(self) -> int:
        return -(-len(self.data.train) // self.batch_size) if self._buckets is None else len(self._buckets)

    @property
    def padding(self) -> str:
        return "" if self._buckets is None else str(self._buckets.padding)

    def batch(self, step: int) -> Batch:
        epoch, part = divmod(step, self.batches)
        block = self.plan(epoch)[part]
        batch = {**self.data.train.gather(block.index, block.pad_to), "index": block.index}
        return self.data.ready(batch, seeds.generator(block.index.device, self.seed, step, AUGMENT))

    def plan(self, epoch: int) -> list[Block]:
        """The blocks of indices of one epoch, on the data's device; made once an epoch."""
        if self._planned[0] != epoch:
            order = seeds.shuffled(len(self.data.train), self.seed, epoch, SHUFFLE)
            if self._buckets is None:
                blocks = [Block(index) for index in order.to(self.data.device).split(self.batch_size)]
            else:
                blocks = self._buckets.blocks(order, self.data.device)
                blocks = [blocks[i] for i in seeds.shuffled(len(blocks), self.seed, epoch, ORDER).tolist()]
            self._planned = (epoch, blocks)
        return self._planned[1]
