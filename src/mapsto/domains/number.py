"""One number: a price, an age, a temperature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from mapsto.core.errors import ShapeError
from mapsto.core.nouns import Domain
from mapsto.core.text import many, short
from mapsto.domains.column import missing, numbers

WIDE = 20.0  # interquartile ranges from the median: samples of a normal or exponential distribution never reach so far
LARGEST = 3e38  # what float32 can hold


class Number(Domain):
    """A real number, standardised by the mean and the (population) spread of the training values.

    encode: N numbers, bools or None → float32 [N], NaN where missing; an infinite value counts as missing.
    decode: [N] or [N, 1] → Python floats in the raw unit, None for NaN.
    clip: 0 keeps every value where it is, as a target must. With `clip` > 0, meant for inputs, an encoded value lies
        within ±clip; and mean and spread are learned with values farther than 20 interquartile ranges from the median
        brought to that limit, so one 1e12 among ordinary values neither upsets the model nor squeezes the others
        together. Training values brought in to ±clip are counted in `clipped`, infinite ones in `infinite`.
    """

    learned = ("mean", "spread", "low", "high", "clipped", "infinite")

    def __init__(self, clip: float = 0.0):
        self.clip = clip
        self.mean, self.spread = 0.0, 1.0
        self.low: float | None = None  # least and greatest training value, in the raw unit
        self.high: float | None = None
        self.clipped = self.infinite = 0

    def fit(self, values: Sequence) -> Self:
        found = numbers(values)
        self.infinite = int(np.isinf(found).sum())
        found = found[np.isfinite(found)]
        self.mean, self.spread, self.low, self.high, self.clipped = 0.0, 1.0, None, None, 0
        if not len(found):
            return self
        self.low, self.high = float(found.min()), float(found.max())
        kept = np.clip(found, *_limits(found)) if self.clip else found
        self.mean, self.spread = mean_and_spread(kept)
        self.clipped = int((np.abs(self._scaled(found)) > self.clip).sum()) if self.clip else 0
        return self

    def encode(self, values: Sequence) -> Tensor:
        found = numbers(values)
        found = np.where(np.isfinite(found), found, np.nan)
        limit = self.clip or LARGEST
        return torch.from_numpy(np.clip(self._scaled(found), -limit, limit).astype(np.float32))

    def decode(self, encoded: Tensor) -> list[float | None]:
        if encoded.dim() == 2 and encoded.shape[1] == 1:
            encoded = encoded[:, 0]
        if encoded.dim() != 1:
            raise ShapeError(
                f"Number decodes [N] or [N, 1], but got {list(encoded.shape)}.", "Build the model with outputs=1."
            )
        raw = encoded.detach().cpu().double() * self.spread + self.mean
        return [None if value != value else value for value in raw.tolist()]

    def units(self, encoded: Tensor) -> Tensor:
        """Encoded values or predictions in the raw unit, on their device: what a measure such as RMSE should see."""
        wide = encoded if encoded.device.type == "mps" else encoded.double()  # mps has no float64
        return wide * self.spread + self.mean

    @property
    def shape(self) -> tuple[int, ...]:
        return ()

    def features(self) -> list[str]:
        """What each encoded number of a value says, beyond the column's own name."""
        return [""]

    def show(self, value: Any) -> str:
        return "–" if missing(value) else short(float(value))

    def describe(self) -> str:
        if self.low is None:
            return "numbers, none seen"
        words = f"{short(self.low)} … {short(self.high)}, mean {short(self.mean)}"
        if self.clipped:
            words += f", {many(self.clipped, 'value')} brought in to ±{short(self.clip)} spreads"
        if self.infinite:
            words += f", {self.infinite} infinite taken as missing"
        return words

    @classmethod
    def examples(cls, count: int, seed: int) -> np.ndarray:
        draw = np.random.default_rng(seed)
        values = draw.normal(170.0, 12.0, count)
        values[3::7] = np.nan
        return values

    def _scaled(self, found: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):  # beyond float64 is beyond every limit too
            return (found - self.mean) / self.spread


def mean_and_spread(values: np.ndarray) -> tuple[float, float]:
    """Mean and population standard deviation of finite values [N > 0]; the spread of a constant is 1."""
    size = float(np.abs(values).max()) or 1.0
    small = values / size  # so that squares of numbers near 1e308 stay finite
    mean, spread = float(small.mean()), float(small.std())
    # what rounding alone makes of a constant is no spread
    return mean * size, spread * size if spread > 1e-13 else 1.0


def _limits(values: np.ndarray) -> tuple[float, float]:
    """How far a value may lie from the median: 20 interquartile ranges."""
    median, width = _median_and_width(values)
    if width == 0:  # at least half the values are the same one: judge by how the others stand to it
        others = values[values != median]
        if not len(others):
            return median, median
        middle, width = _median_and_width(others)
        width = max(width, abs(middle - median))
    return median - WIDE * width, median + WIDE * width


def _median_and_width(values: np.ndarray) -> tuple[float, float]:
    with np.errstate(over="ignore"):
        lower, median, upper = np.quantile(values, (0.25, 0.5, 0.75), method="nearest")
        return float(median), float(upper - lower)
