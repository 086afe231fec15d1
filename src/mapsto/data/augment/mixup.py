from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from mapsto.core.batch import Batch
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Augmentation
from mapsto.data.augment.pictures import pictures


@dataclass(frozen=True)
class Mixup(Augmentation):
    """Each picture and its target blended with another's: λ of its own, 1 − λ of the other.

    λ is Beta(alpha, alpha), its larger side, so an example stays mostly itself; its weight and index are left alone.
    The input becomes float32 in the same pixel values. A class target, int64 [B], becomes shares [B, classes]; numbers
    and several labels, float [B, …], are blended as they are. Give `classes` where targets are classes.
    Zhang et al. 2017, arXiv:1710.09412.
    """

    alpha: float = 0.2
    classes: int = 0

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        input, target = pictures(batch, "Mixup").float(), batch["target"]
        if not target.is_floating_point():
            if self.classes < 1:
                raise FrameError(
                    f"Mixup blends classes as shares, and needs to know how many there are; classes is {self.classes}.",
                    "Set classes to the number of classes, e.g. Mixup(classes=10).",
                )
            target = F.one_hot(target, self.classes).float()
        if self.alpha == 0:
            return {**batch, "input": input, "target": target}
        count = len(input)
        own = shares(self.alpha, torch.rand(count, generator=generator, device=generator.device))
        other = torch.randperm(count, generator=generator, device=generator.device)
        return {**batch, "input": blended(input, other, own), "target": blended(target, other, own)}


def blended(value: Tensor, other: Tensor, own: Tensor) -> Tensor:
    own = own.view(-1, *[1] * (value.dim() - 1))
    return own * value + (1 - own) * value[other]


def shares(alpha: float, uniform: Tensor, knots: int = 513) -> Tensor:
    """max(λ, 1 − λ) for λ ~ Beta(alpha, alpha), by its quantiles at `uniform` in [0, 1].

    By quantiles because torch draws no Beta from a generator; the inverse is interpolated between `knots`.
    With t = x^alpha the distribution of the smaller side, x in [0, 1/2], is an integral of (1 − x)^(alpha − 1) over t,
    which is smooth where the density is not.
    """
    t = torch.linspace(0, 0.5**alpha, knots, device=uniform.device)
    density = (1 - t ** (1 / alpha)) ** (alpha - 1)
    below = F.pad((density[1:] + density[:-1]).cumsum(0), (1, 0))
    below = below / below[-1]
    right = torch.searchsorted(below, uniform).clamp(1, knots - 1)
    left = right - 1
    part = (uniform - below[left]) / (below[right] - below[left])
    return 1 - torch.lerp(t[left], t[right], part) ** (1 / alpha)
