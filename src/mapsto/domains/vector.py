"""Several numbers at once, always as many: coordinates, a spectrum, measurements of one thing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from mapsto.core.errors import DataError, ShapeError
from mapsto.core.nouns import Domain
from mapsto.core.text import clean, few, many, short
from mapsto.domains.column import items, missing
from mapsto.domains.number import LARGEST, Number


class Vector(Domain):
    """D real numbers, each standardised by its own mean and spread over the training values, as Number does it.

    encode: [N, D] numbers, or N sequences of D, or None → float32 [N, D], NaN where missing or infinite.
    decode: [N, D] → arrays [D], float64, in the raw unit; None where nothing but NaN is left.
    clip: as in Number; 0 keeps every number where it is.
    """

    learned = ("mean", "spread")

    def __init__(self, clip: float = 0.0):
        self.clip = clip
        self.mean: list[float] = []
        self.spread: list[float] = []

    def fit(self, values: Sequence) -> Self:
        found = _table(values, 0)
        numbers = [Number(self.clip).fit(feature) for feature in found.T]
        self.mean, self.spread = [n.mean for n in numbers], [n.spread for n in numbers]
        return self

    def encode(self, values: Sequence) -> Tensor:
        found = _table(values, len(self.mean))
        if found.shape[1] != len(self.mean):
            raise ShapeError(f"Vector learned from {len(self.mean)} numbers a value, but got {found.shape[1]}.")
        with np.errstate(over="ignore"):  # beyond float64 is beyond every limit too
            scaled = (np.where(np.isfinite(found), found, np.nan) - np.array(self.mean)) / np.array(self.spread)
        limit = self.clip or LARGEST
        return torch.from_numpy(np.clip(scaled, -limit, limit).astype(np.float32))

    def decode(self, encoded: Tensor) -> list[np.ndarray | None]:
        if encoded.dim() != 2 or encoded.shape[1] != len(self.mean):
            raise ShapeError(
                f"Vector decodes [N, {len(self.mean)}], but got {list(encoded.shape)}.",
                f"Build the model with outputs={len(self.mean)}.",
            )
        raw = encoded.detach().cpu().double().numpy() * np.array(self.spread) + np.array(self.mean)
        gone = np.isnan(raw).all(1)
        return [None if lost else row for row, lost in zip(raw, gone, strict=True)]

    def ready(self, encoded: Tensor) -> Tensor:
        """float32 [B, D]; a missing number stands at the training mean, 0."""
        return encoded.float().nan_to_num(0.0)

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.mean),)

    def features(self) -> list[str]:
        """What each encoded number of a value says, beyond the column's own name."""
        return [str(i) for i in range(len(self.mean))]

    def show(self, value: Any) -> str:
        return "–" if missing(value) else f"({few(short(float(v)) for v in value)})"

    def describe(self) -> str:
        return many(len(self.mean), "number") + " a value"

    @classmethod
    def examples(cls, count: int, seed: int) -> np.ndarray:
        draw = np.random.default_rng(seed)
        values = np.empty(count, dtype=object)
        for i, row in enumerate(draw.normal((5.0, -200.0, 0.0), (1.0, 30.0, 1e-3), (count, 3))):
            values[i] = None if i % 7 == 3 else row
        return values


def _table(values: Sequence, width: int) -> np.ndarray:
    """[N, D] float64; a missing value is a row of NaN. `width` is D where no value is there to tell it."""
    if isinstance(values, np.ndarray) and values.ndim == 2 and values.dtype.kind in "biuf":
        return values.astype(np.float64)
    column = [
        value.tolist() if isinstance(value, np.ndarray) else value
        for value in (list(values) if isinstance(values, np.ndarray) else items(values))
    ]
    width = next((len(value) for value in column if isinstance(value, list | tuple)), width)
    rows = [[np.nan] * width if missing(value) else value for value in column]
    for place, value in enumerate(rows):
        if not isinstance(value, list | tuple) or len(value) != width:
            raise DataError(
                f"Vector needs {width or 'D'} numbers a value, but value {place} is {clean(repr(value), 60)}.",
                code="D150",
            )
    try:
        return np.array(rows, dtype=np.float64).reshape(len(rows), width)
    except (TypeError, ValueError) as error:
        raise DataError(f"Vector needs numbers only: {error}.", "Mend the value, or leave it empty.", "D150") from error
