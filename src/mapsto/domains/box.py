"""Several numbers between bounds, as a world shows or takes them (gymnasium's Box): angles, speeds, a torque, a screen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mapsto.core.errors import DataError, FrameError, ShapeError
from mapsto.core.nouns import Space
from mapsto.core.text import clean, many, short

WIDE = 1e6  # bounds farther away than that say nothing of how large numbers usually are


class Box(Space):
    """Numbers of shape `size`. Where both its bounds are known, a number is encoded from −1 to 1 between them; else as it is, and
    so it is where they lie within ±`small`: what is small in its own unit is as a model wants it.

    low, high: the bounds in the order of the numbers laid flat, or one for all; None where there is none.
    encode: N arrays of `size` → float32 [N, *size]. decode: [N, *size] → arrays of `size`, brought in to the bounds.
    """

    present = "a world always shows something, and something is always done in it"

    def __init__(self, low: list[float | None], high: list[float | None], size: list[int], small: float = 0.0):
        self.low, self.high, self.size, self.small = low, high, size, small
        numbers = math.prod(size)
        if not {len(low), len(high)} <= {1, numbers}:
            raise FrameError(
                f"Box of {numbers} numbers needs as many bounds, or one for all, but came {len(low)} and {len(high)}."
            )
        low, high = (np.array([math.nan if b is None else b for b in bounds]) for bounds in (low, high))
        self.least, self.most = (
            np.broadcast_to(np.where(np.isnan(bound), beyond, bound), numbers).reshape(size).astype(np.float32)
            for bound, beyond in ((low, -np.inf), (high, np.inf))
        )
        farthest = np.maximum(np.abs(low), np.abs(high))
        bounded = (farthest <= WIDE) & (low < high)
        scaled = bounded & (farthest > small)
        middle, half = np.where(scaled, (low + high) / 2, 0.0), np.where(scaled, (high - low) / 2, 1.0)
        self.plain = not scaled.any()  # encoded as it is
        self.middle, self.half, self.bounded = (
            np.broadcast_to(each, numbers).reshape(size) for each in (middle.astype("f"), half.astype("f"), bounded)
        )

    def scaled(self, raw: np.ndarray) -> np.ndarray:
        """[…, *size] float32, as encoded: what a world does at every move."""
        return raw if self.plain else (raw - self.middle) / self.half

    def unscaled(self, encoded: np.ndarray) -> np.ndarray:
        """Undo `scaled`, and bring in to the bounds."""
        return np.clip(encoded if self.plain else encoded * self.half + self.middle, self.least, self.most)

    def encode(self, values: Sequence) -> Tensor:
        rows = []
        for place, value in enumerate(values):
            try:
                row = np.asarray(value, dtype=np.float32)
            except (TypeError, ValueError):
                row = np.empty(0)
            if row.shape != tuple(self.size) or not np.isfinite(row).all():
                raise DataError(
                    f"Box needs {list(self.size)} finite numbers a value, but value {place} is {clean(repr(value), 60)}.",
                    "It is what the world shows or takes, as the world says it.",
                    "D150",
                )
            rows.append(row)
        return torch.from_numpy(self.scaled(np.stack(rows) if rows else np.empty((0, *self.size), np.float32)))

    def decode(self, encoded: Tensor) -> list[np.ndarray]:
        if encoded.shape[1:] != self.shape:
            raise ShapeError(
                f"Box decodes {['N', *self.shape]}, but got {list(encoded.shape)}.",
                f"Build the model with outputs={self.outputs}.",
            )
        return list(self.unscaled(encoded.detach().cpu().float().numpy()))

    def choose(self, prediction: Tensor) -> Tensor:
        return prediction

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Evenly between the bounds; from a normal distribution where there are none."""
        device, shape = generator.device, (count, *self.size)
        even = 2 * torch.rand(shape, generator=generator, device=device) - 1
        normal = torch.randn(shape, generator=generator, device=device)
        low, high, bounded = (
            torch.from_numpy(np.array(each)).to(device)
            for each in (self.scaled(self.least), self.scaled(self.most), self.bounded)
        )
        return torch.where(bounded, (low + high) / 2 + even * (high - low) / 2, normal)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.size)

    def single(self, raw: Any) -> bool:
        try:
            return np.ndim(raw) == len(self.size)
        except ValueError:  # of unequal lengths
            return False

    def show(self, value: Any) -> str:
        return "–" if value is None else f"({', '.join(short(float(v)) for v in np.ravel(value)[:8])})"

    def describe(self) -> str:
        words = many(math.prod(self.size), "number")
        if self.bounded.all():
            low, high = float(self.least.min()), float(self.most.max())
            return f"{words} between {short(low)} and {short(high)}"
        return words

    @classmethod
    def sample(cls) -> Box:
        return cls([-2.0, None, 0.0], [2.0, None, None], [3])

    @classmethod
    def examples(cls, count: int, seed: int) -> np.ndarray:
        draw = np.random.default_rng(seed)
        return np.stack([draw.uniform(-2, 2, count), draw.normal(0, 9, count), draw.exponential(3, count)], 1)
