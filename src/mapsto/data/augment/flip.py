from __future__ import annotations

from dataclasses import dataclass

import torch

from mapsto.core.batch import Batch
from mapsto.core.nouns import Augmentation
from mapsto.data.augment.pictures import pictures


@dataclass(frozen=True)
class Flip(Augmentation):
    """Each picture mirrored left to right with this probability.

    Not for letters and digits, whose mirror means something else.
    """

    probability: float = 0.5

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        input = pictures(batch, "Flip")
        drawn = torch.rand(len(input), 1, 1, 1, generator=generator, device=generator.device)
        return {**batch, "input": torch.where(drawn < self.probability, input.flip(3), input)}
