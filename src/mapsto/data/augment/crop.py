from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from mapsto.core.batch import Batch
from mapsto.core.nouns import Augmentation
from mapsto.data.augment.pictures import between, pictures, resampled


@dataclass(frozen=True)
class Crop(Augmentation):
    """A part of each picture, enlarged to the whole (Szegedy et al. 2014, arXiv:1409.4842, section 6).

    scale: least share of the area that is kept, in (0, 1]; stretch ≥ 1: how much wider or higher the part may be.
    """

    scale: float = 0.7
    stretch: float = 4 / 3

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        input = pictures(batch, "Crop")
        count = len(input)
        area = between(self.scale, 1.0, count, generator)
        ratio = between(-math.log(self.stretch), math.log(self.stretch), count, generator).exp()
        size = torch.stack([(area * ratio).sqrt(), (area / ratio).sqrt()], 1).clamp(max=1.0)  # [B, 2], x and y
        room = 1 - size
        centre = room * (2 * torch.rand(count, 2, generator=generator, device=generator.device) - 1)
        theta = torch.cat([torch.diag_embed(size), centre[:, :, None]], 2)
        return {**batch, "input": resampled(input, theta)}
