from __future__ import annotations

from dataclasses import dataclass

import torch

from mapsto.core.batch import Batch
from mapsto.core.nouns import Augmentation
from mapsto.data.augment.pictures import pictures


@dataclass(frozen=True)
class Flip(Augmentation):
    """Each picture mirrored left to right with this probability, and top to bottom with probability `vertical`.

    Not for letters and digits, whose mirror means something else; top to bottom for pictures that have no upside, as
    seen through a microscope or from the air.
    """

    probability: float = 0.5
    vertical: float = 0.0

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        input = pictures(batch, "Flip")
        for chance, dimension in ((self.probability, 3), (self.vertical, 2)):
            if chance > 0:
                drawn = torch.rand(len(input), 1, 1, 1, generator=generator, device=generator.device)
                input = torch.where(drawn < chance, input.flip(dimension), input)
        return {**batch, "input": input}
