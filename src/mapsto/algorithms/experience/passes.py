"""Shuffled passes over the training examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

import torch
from torch import Tensor

from mapsto.core import seeds, world
from mapsto.core.batch import Batch, nbytes, split
from mapsto.core.buckets import Block, Buckets
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Experience, Learner

SHUFFLE, AUGMENT, ORDER = 1, 2, 4  # what a seed is for: apart, so that none follows from another
AHEAD = 1 << 19  # bytes of small batches that are gathered at once: what they cost is the call, not the copy


@dataclass
class Passes(Experience):
    """Every example once an epoch, in an order of its own; a pure function of (seed, step), so resuming is free.

    The last short batch of an epoch is kept. Of windows (core/windows.py) an epoch is as many as lie side by side, from another
    first place every time. Ragged examples are drawn from length buckets (core/buckets.py), which are the
    same in every epoch, and batches come in an order of their own.
    tokens: how many entries a ragged batch may have at most, padding counted: fewer examples where they are long.
    """

    batch_size: int = 64
    tokens: int | None = None

    ahead = True

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise FrameError(f"a batch needs at least one example, but batch_size is {self.batch_size}.")
        if self.tokens is not None and self.tokens < 1:
            raise FrameError(
                f"a batch needs at least one token, but tokens is {self.tokens}; leave it out for any number."
            )

    def start(self, learner: Learner) -> None:
        super().start(learner)
        world.enough(min(self.batch_size, self.data.train.epoch))
        self._planned: tuple[int, Sequence[Block] | Sequence[Tensor]] = (-1, [])
        self._ahead: dict[int, Batch] = {}  # step → its batch, gathered with one before it
        self._at_once = 1
        lengths = self.data.train.lengths
        self._buckets = None if lengths is None else Buckets(lengths, self.batch_size, self.tokens)

    @property
    def batches(self) -> int:
        return -(-self.data.train.epoch // self.batch_size) if self._buckets is None else len(self._buckets)

    @property
    def padding(self) -> str:
        return "" if self._buckets is None else str(self._buckets.padding)

    def batch(self, step: int) -> Batch:
        if step not in self._ahead:
            self._ahead = self._drawn(step)
        batch = self._ahead.pop(step)  # whoever has it may change it
        if not self.data.augment:
            return batch
        return self.data.ready(batch, seeds.generator(batch["index"].device, self.seed, step, AUGMENT, *world.words()))

    def plan(self, epoch: int) -> Sequence[Block] | Sequence[Tensor]:
        """The blocks of indices of one epoch, on the data's device; made once an epoch, or as they are asked for."""
        if self._planned[0] != epoch:
            if self._buckets is None:
                order = self.data.train.order((self.seed, epoch, SHUFFLE), then=(self.seed, epoch + 1, SHUFFLE))
                pieces = order.split(self.batch_size)
                blocks = [Block(index) for index in pieces] if isinstance(order, Tensor) else pieces
            else:
                order = seeds.shuffled(len(self.data.train), self.seed, epoch, SHUFFLE)
                blocks = self._buckets.blocks(order, self.data.train.indexed)
                blocks = [blocks[i] for i in seeds.shuffled(len(blocks), self.seed, epoch, ORDER).tolist()]
            self._planned = (epoch, blocks)
        return self._planned[1]

    def _drawn(self, step: int) -> dict[int, Batch]:
        """The batch of `step`, and those after it that are small enough to come with it; ready, where nothing is drawn for it."""
        epoch, part = divmod(step, self.batches)
        planned = self.plan(epoch)
        whole = isinstance(planned, list)  # else it is made and read piece by piece
        blocks = planned[part : part + self._at_once] if whole else [Block(planned[part])]
        pad_to = blocks[0].pad_to
        blocks = list(takewhile(lambda block: block.pad_to == pad_to, blocks))
        mine = [world.part(block.index) for block in blocks]
        standing_in = next((k for k, part in enumerate(mine) if "stand_in" in part), len(mine))
        mine = mine[: max(1, standing_in)]  # a stand-in comes by itself, for the field that it alone has
        index = torch.cat([part["index"] for part in mine]) if len(mine) > 1 else mine[0]["index"]
        beside = {name: field.to(self.data.device) for name, field in {**mine[0], "index": index}.items()}
        batch = {**self.data.train.gather(index, pad_to), **beside}
        if not self.data.augment:
            batch = self.data.ready(batch)
        parts = split(batch, [len(part["index"]) for part in mine])
        self._at_once = max(1, AHEAD // max(1, nbytes(parts[0])))
        return {step + k: part for k, part in enumerate(parts)}
