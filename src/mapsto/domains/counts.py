"""Counts of many things, most of which are not there: the words of a paper, what somebody bought."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from mapsto.core.errors import DataError, ShapeError
from mapsto.core.nouns import Domain
from mapsto.core.text import clean, many


class Counts(Domain):
    """D numbers of 0 or more a value; to a model, the share that each has in their sum (a value of noughts stays one).

    encode: [N, D] numbers, or N sequences of D → float32 [N, D], as they are.
    decode: [N, D] → arrays [D], float64.
    """

    learned = ("width",)
    present = "what is not there counts 0"

    def __init__(self) -> None:
        self.width = 0

    def fit(self, values: Sequence) -> Self:
        self.width = _table(values).shape[1]
        return self

    def encode(self, values: Sequence) -> Tensor:
        found = _table(values, self.width)
        if found.shape[1] != self.width:
            raise ShapeError(f"Counts learned from {self.width} numbers a value, but got {found.shape[1]}.")
        return torch.from_numpy(found)

    def decode(self, encoded: Tensor) -> list[np.ndarray]:
        if encoded.dim() != 2 or encoded.shape[1] != self.width:
            raise ShapeError(f"Counts decodes [N, {self.width}], but got {list(encoded.shape)}.")
        return list(encoded.detach().cpu().double().numpy())

    def ready(self, encoded: Tensor) -> Tensor:
        """float32 [B, D]: each row adds up to 1, or is nought."""
        total = encoded.sum(dim=1, keepdim=True)
        return encoded / total.masked_fill(total == 0, 1.0)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.width,)

    def show(self, value: Any) -> str:
        return "–" if value is None else f"{int(np.count_nonzero(value)):,} of {len(value):,} there"

    def describe(self) -> str:
        return f"{many(self.width, 'count')} a value"

    @classmethod
    def examples(cls, count: int, seed: int) -> np.ndarray:
        draw = np.random.default_rng(seed)
        return draw.poisson(0.3, (count, 12)).astype(np.float64)


def _table(values: Sequence, width: int = 0) -> np.ndarray:
    """[N, D] float32, a copy. DataError names the first value that holds no counts."""
    try:
        found = np.array(values if isinstance(values, np.ndarray) and values.ndim == 2 else list(values), np.float32)
    except (TypeError, ValueError) as error:
        raise DataError(
            "Counts needs as many numbers of 0 or more in each value.", "Mend the values.", "D150"
        ) from error
    found = found.reshape(len(found), width if not len(found) else -1)
    bad = ~(np.isfinite(found) & (found >= 0)).all(axis=1)
    if bad.any():
        place = int(bad.argmax())
        raise DataError(
            f"Counts needs numbers of 0 or more, but value {place} is {clean(str(found[place]), 60)}.",
            "Mend the value, or read the column as a vector.",
            "D150",
        )
    return found
