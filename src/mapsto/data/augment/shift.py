from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mapsto.core.batch import Batch
from mapsto.core.nouns import Augmentation
from mapsto.data.augment.pictures import pictures


@dataclass(frozen=True)
class Shift(Augmentation):
    """Each picture moved by up to `pixels` up or down, and left or right; what comes in at an edge is mirrored."""

    pixels: int = 2

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        input = pictures(batch, "Shift")
        count, _, height, width = input.shape
        moves = torch.randint(
            -self.pixels, self.pixels + 1, (2, count, 1), generator=generator, device=generator.device
        )
        rows = mirrored(torch.arange(height, device=input.device) + moves[0], height)  # [B, H]
        columns = mirrored(torch.arange(width, device=input.device) + moves[1], width)  # [B, W]
        place = (rows[:, :, None] * width + columns[:, None, :]).flatten(1)  # [B, H·W]
        moved = input.flatten(2).gather(2, place[:, None, :].expand(-1, input.shape[1], -1))
        return {**batch, "input": moved.view_as(input)}


def mirrored(index: Tensor, size: int) -> Tensor:
    """−2, −1, 0 … size, size + 1 → 2, 1, 0 … size − 2, size − 3."""
    return (size - 1 - (size - 1 - index.abs()).abs()).clamp(min=0)
