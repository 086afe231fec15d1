"""Ragged data: examples that have a length of their own each, as tokens of a sentence or frames of a recording do.

All entries lie one after the other, and offsets say where an example begins: nothing is padded before it is batched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from mapsto.core.errors import ShapeError


@dataclass(frozen=True, eq=False)
class Ragged:
    """N examples: number i is `values[offsets[i] : offsets[i + 1]]`, of T_i ≥ 0 entries.

    values [V, …], of any dtype; offsets [N + 1] whole numbers, from 0 to V, ascending.
    pad: what stands in a batch where an example has ended; −1 for a target that is a class, say, where 0 is one.
    count: under which name a batch says, beside the padded entries, how many of them are real. Columns that share one
    have the same lengths.
    """

    values: Tensor
    offsets: Tensor
    pad: float = 0
    count: str = "count"
    lengths: Tensor = field(
        init=False, repr=False
    )  # [N] on the CPU, wherever the values are: batches are planned there

    def __post_init__(self) -> None:
        offsets = self.offsets.cpu()
        if offsets.ndim != 1 or not len(offsets) or offsets.is_floating_point() or not self.values.ndim:
            raise ShapeError(
                f"ragged data need values [V, …] and whole offsets [N + 1], but came {list(self.values.shape)} and "
                f"{offsets.dtype} {list(offsets.shape)}.",
                "Ragged.of(rows) makes both from a list of examples.",
            )
        lengths, last = offsets.diff().long(), len(self.values)
        if (lengths < 0).any():
            i = int((lengths < 0).nonzero()[0])
            raise ShapeError(
                f"offsets ascend, but number {i} is {int(offsets[i])} and the next {int(offsets[i + 1])}.",
                "They say where each example begins among the values, and last where the last one ends.",
            )
        if offsets[0] != 0 or offsets[-1] != last:
            raise ShapeError(
                f"offsets go from 0 to the number of values, {last:,}, but came from {int(offsets[0]):,} to {int(offsets[-1]):,}.",
                "The last offset is where the last example ends.",
            )
        object.__setattr__(self, "offsets", self.offsets.long())
        object.__setattr__(self, "lengths", lengths)

    @classmethod
    def of(cls, rows: Sequence[Any], pad: float = 0, count: str = "count", dtype: torch.dtype | None = None) -> Ragged:
        """Of a list of examples: lists of numbers, or arrays or tensors [T_i, …]. dtype: as they are, unless given."""
        lengths = torch.tensor([len(row) for row in rows], dtype=torch.long)
        if all(isinstance(row, list | tuple) for row in rows):
            values = torch.tensor(list(chain.from_iterable(rows)), dtype=dtype)
        else:
            parts = [torch.as_tensor(row) for row in rows]
            shapes = {part.shape[1:] for part in parts}
            if len(shapes) > 1:
                raise ShapeError(
                    f"entries of ragged data are of one shape, but came {' and '.join(sorted(map(str, map(list, shapes))))}.",
                    "Each example is [T, …] with a T of its own; an empty one is [0, …].",
                )
            values = torch.cat(parts).to(dtype)
        return cls(values, torch.cat([lengths.new_zeros(1), lengths.cumsum(0)]), pad, count)

    def __len__(self) -> int:
        """N, the number of examples."""
        return len(self.lengths)

    def __getitem__(self, part: slice) -> Ragged:
        """Examples one after the other, as of a tensor; they share its values."""
        start, stop, step = part.indices(len(self))
        if step != 1:
            raise ShapeError(f"a part of ragged data is examples one after the other, but came a step of {step}.")
        offsets = self.offsets[start : max(start, stop) + 1]
        first, last = int(offsets[0]), int(offsets[-1])
        return replace(self, values=self.values[first:last], offsets=offsets - first)

    def to(self, device: torch.device | str) -> Ragged:
        return replace(self, values=self.values.to(device), offsets=self.offsets.to(device))

    @property
    def nbytes(self) -> int:
        return self.values.nbytes + self.offsets.nbytes

    def gather(self, index: Tensor, pad_to: int) -> tuple[Tensor, Tensor]:
        """The examples at `index` [B] as [B, T, …] with T = `pad_to`, and how many entries of each are real, [B].

        T is at least the longest of them. It is told, not found out, so that nobody waits for the device.
        """
        start = self.offsets.index_select(0, index)
        count = self.offsets.index_select(0, index + 1) - start
        real = mask(count, pad_to)
        if not len(self.values):
            return self.values.new_full((*real.shape, *self.values.shape[1:]), self.pad), count
        place = start[:, None] + torch.arange(pad_to, device=index.device)
        place.clamp_(max=len(self.values) - 1)  # beyond the last example's end there is nothing
        entries = self.values.index_select(0, place.flatten()).unflatten(0, place.shape)
        return entries.masked_fill_(~real.view(*real.shape, *[1] * (entries.ndim - 2)), self.pad), count


def mask(count: Tensor, length: int) -> Tensor:
    """[B] → [B, T] with T = `length`: True where an entry is real, False where it is padding."""
    return torch.arange(length, device=count.device) < count[:, None]
