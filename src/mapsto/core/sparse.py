"""Matrices of which most is nought, kept row by row (CSR): who is whose neighbour in a graph, which words a paper has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from mapsto.core.errors import ShapeError


def once(make: Callable[[Any], Any]) -> cached_property:
    """A property that is worked out once, in tensors to learn with: an exam, in inference mode, may be the first to ask."""

    def made(self: Any) -> Any:
        with torch.inference_mode(False):
            return make(self)

    made.__doc__ = make.__doc__
    return cached_property(made)


@dataclass(frozen=True, eq=False)
class Pattern:
    """Where a matrix [M, N] has entries: row i in the columns `columns[offsets[i] : offsets[i + 1]]`.

    offsets [M + 1] and columns [K] int64; width: N. What follows from it is worked out once, however often values change.
    """

    offsets: Tensor
    columns: Tensor
    width: int

    def __len__(self) -> int:
        """M, the number of rows."""
        return len(self.offsets) - 1

    @property
    def nbytes(self) -> int:
        return self.offsets.nbytes + self.columns.nbytes

    def to(self, device: torch.device | str) -> Pattern:
        columns = self.columns.to(device)
        return self if columns is self.columns else Pattern(self.offsets.to(device), columns, self.width)

    @once
    def rows(self) -> Tensor:
        """[K] in which row each entry is."""
        number = torch.arange(len(self), device=self.columns.device)
        return number.repeat_interleave(self.offsets.diff(), output_size=len(self.columns))

    @once
    def stretches(self) -> Pattern:
        """[M, K]: row i has all entries of row i. A product with it adds up what belongs to entries, row by row."""
        entries = torch.arange(len(self.columns), device=self.columns.device)
        return Pattern(self.offsets, entries, len(entries))

    @once
    def turned(self) -> tuple[Pattern, Tensor]:
        """The transposed pattern [N, M], and for each of its entries which one of this it is, [K]."""
        order = self.columns.argsort(stable=True)
        edges = torch.arange(self.width + 1, device=order.device)
        return Pattern(torch.searchsorted(self.columns[order], edges), self.rows[order], len(self)), order


@dataclass(frozen=True, eq=False)
class Sparse:
    """A matrix [M, N]: a pattern and its values [K], one an entry; None where all of them are 1."""

    pattern: Pattern
    values: Tensor | None = None

    @classmethod
    def of(cls, dense: Tensor) -> Sparse:
        """What is not nought of a matrix [M, N]."""
        rows, columns = dense.nonzero(as_tuple=True)
        edges = torch.arange(len(dense) + 1, device=dense.device)
        return cls(Pattern(torch.searchsorted(rows, edges), columns, dense.shape[1]), dense[rows, columns])

    @classmethod
    def at(cls, rows: Tensor, columns: Tensor, height: int, width: int) -> Sparse:
        """A 1 at each of the places (rows[k], columns[k]), in [height, width]; one that comes again counts once."""
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        if not bool(inside.all()):
            raise ShapeError(
                f"places of a matrix [{height}, {width}] lie within it, but {int((~inside).sum())} do not."
            )
        key = (rows * width + columns).unique()
        edges = torch.arange(height + 1, device=key.device) * width
        return cls(Pattern(torch.searchsorted(key, edges), key % max(width, 1), width))

    def __len__(self) -> int:
        """M, the number of rows."""
        return len(self.pattern)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self), self.pattern.width

    @property
    def nbytes(self) -> int:
        return self.pattern.nbytes + (0 if self.values is None else self.values.nbytes)

    def to(self, device: torch.device | str) -> Sparse:
        pattern = self.pattern.to(device)
        return (
            self
            if pattern is self.pattern
            else Sparse(pattern, None if self.values is None else self.values.to(device))
        )

    def weights(self) -> Tensor:
        """The values [K], spelled out."""
        return (
            torch.ones(len(self.pattern.columns), device=self.pattern.columns.device)
            if self.values is None
            else self.values
        )

    def sums(self) -> Tensor:
        """[M] the sum of each row."""
        values = self.weights()
        return values.new_zeros(len(self)).index_add(0, self.pattern.rows, values)

    def take(self, index: Tensor) -> Sparse:
        """The rows at `index` [B], as [B, N]."""
        offsets, entries = stretches(self.pattern.offsets, index)
        values = None if self.values is None else self.values[entries]
        return Sparse(Pattern(offsets, self.pattern.columns[entries], self.pattern.width), values)

    def dense(self) -> Tensor:
        """[M, N]."""
        values = self.weights()
        return values.new_zeros(self.shape).index_put(
            (self.pattern.rows, self.pattern.columns), values, accumulate=True
        )


def stretches(offsets: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    """The entries of the rows at `index` [B], one row after the other: where each begins, [B + 1], and which they are."""
    start = offsets[index]
    counts = offsets[index + 1] - start
    begins = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    shift = (start - begins[:-1]).repeat_interleave(counts)
    return begins, shift + torch.arange(len(shift), device=shift.device)
