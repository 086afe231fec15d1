from __future__ import annotations

from dataclasses import dataclass

import torch

from mapsto.core.batch import Batch
from mapsto.core.nouns import Augmentation
from mapsto.data.augment.pictures import in_kind, pictures


@dataclass(frozen=True)
class Cutout(Augmentation):
    """A square of `size` pixels a side hidden under the picture's own mean colour.

    Its centre is any pixel, so a part of it may lie outside, as in the paper.
    DeVries and Taylor 2017, arXiv:1708.04552.
    """

    size: int = 8

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        input = pictures(batch, "Cutout")
        count, _, height, width = input.shape
        centre = torch.rand(2, count, 1, generator=generator, device=generator.device)
        hidden = []
        for place, side in zip(centre, (height, width), strict=True):
            first = (place * side).long() - self.size // 2
            index = torch.arange(side, device=input.device)
            hidden.append((index >= first) & (index < first + self.size))  # [B, side]
        square = (hidden[0][:, :, None] & hidden[1][:, None, :])[:, None]  # [B, 1, H, W]
        mean = in_kind(input.float().mean((2, 3), keepdim=True), input)
        return {**batch, "input": torch.where(square, mean, input)}
