"""One of so many choices, as a world shows or takes them (gymnasium's Discrete): which button, which square of a board."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mapsto.core.errors import DataError, FrameError, ShapeError
from mapsto.core.nouns import Space
from mapsto.core.text import clean
from mapsto.domains.column import items


class Discrete(Space):
    """The whole numbers from `start` on, `count` of them.

    encode: N of them → places int64 [N], counted from 0. ready: [B] → one-hot float32 [B, count], as a model sees them.
    decode: places [N], or scores [N, count], of which the greatest counts → whole numbers.
    """

    present = "a world always shows something, and something is always done in it"

    def __init__(self, count: int = 2, start: int = 0):
        if count < 1:
            raise FrameError(f"Discrete is one of at least 1, but came count {count}.")
        self.count, self.start = count, start

    def encode(self, values: Sequence) -> Tensor:
        column = [value.item() if isinstance(value, np.generic) else value for value in items(values)]
        for place, value in enumerate(column):
            if type(value) is not int or not 0 <= value - self.start < self.count:
                raise DataError(
                    f"Discrete needs whole numbers from {self.start} to {self.start + self.count - 1}, but value {place} is "
                    f"{clean(repr(value), 40)}.",
                    "It is what the world shows or takes, as the world says it.",
                    "D150",
                )
        return torch.tensor([value - self.start for value in column], dtype=torch.int64)

    def decode(self, encoded: Tensor) -> list[int]:
        if encoded.ndim == 2 and encoded.shape[1] != self.count:
            raise ShapeError(
                f"Discrete decodes scores [N, {self.count}], but got {list(encoded.shape)}.",
                f"Build the model with outputs={self.count}.",
            )
        return [place + self.start for place in (self.choose(encoded) if encoded.ndim == 2 else encoded).tolist()]

    def ready(self, encoded: Tensor) -> Tensor:
        return F.one_hot(encoded, self.count).float()

    def choose(self, prediction: Tensor) -> Tensor:
        """The likeliest, [E]; the first of several."""
        return prediction.argmax(1)

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randint(self.count, (count,), generator=generator, device=generator.device)

    @property
    def classes(self) -> list[int]:
        return list(range(self.start, self.start + self.count))

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.count,)

    def describe(self) -> str:
        return f"one of {self.count}"

    @classmethod
    def sample(cls) -> Discrete:
        return cls(5, 1)

    @classmethod
    def examples(cls, count: int, seed: int) -> np.ndarray:
        return np.random.default_rng(seed).integers(1, 6, count)
