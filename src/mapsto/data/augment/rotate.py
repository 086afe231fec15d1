from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from mapsto.core.batch import Batch
from mapsto.core.nouns import Augmentation
from mapsto.data.augment.pictures import between, pictures, resampled


@dataclass(frozen=True)
class Rotate(Augmentation):
    """Each picture turned about its centre by up to `degrees` either way."""

    degrees: float = 10.0

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        input = pictures(batch, "Rotate")
        count, _, height, width = input.shape
        angle = between(-math.radians(self.degrees), math.radians(self.degrees), count, generator)
        cosine, sine, none = angle.cos(), angle.sin(), torch.zeros_like(angle)
        # places are in half sides, so a turn of a picture that is not square has its sides in it
        across = torch.stack([cosine, -sine * (height / width), none], 1)
        down = torch.stack([sine * (width / height), cosine, none], 1)
        return {**batch, "input": resampled(input, torch.stack([across, down], 1))}
