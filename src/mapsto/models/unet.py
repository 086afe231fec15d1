"""U-Net: a picture seen ever smaller, and put together again ever larger, with what was seen at each size beside it."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.core.batch import Field, size
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Shape
from mapsto.layers.convolution import picture
from mapsto.layers.given import Given
from mapsto.layers.map_attention import MapAttention
from mapsto.layers.sinusoids import waves
from mapsto.layers.timed_residual import TimedResidual, norm

TOLD = 4  # times the width: numbers that tell each block how noisy the picture is and what it is of
LATEST = 1000.0  # the place that time 1 has among waves
HEADS = 4


class UNet(nn.Module):
    """What of a noisy picture is noise, told how noisy it is and what it is to be of (Ronneberger, Fischer and Brox 2015,
    arXiv:1505.04597; as Ho et al. 2020, arXiv:2006.11239, appendix B, have it, only smaller).

    inputs: the shape of what is given (layers/given.py). outputs: (C, H, W) of the pictures.
    width: maps of the first size; twice as many from the second on. Divisible by 4. halvings: how often the size is halved; sides
        that are no multiple are filled up. blocks: residual blocks on the way down at each size, and as many on the way up.
    patch: pixels of a side that are one cell from the beginning, so that the work is patch² times less. At the smallest size each
        cell attends to all others, with 4 heads.
    drop: the share of examples in training of which it is not told what they are of (Ho and Salimans 2022, arXiv:2207.12598).
    forward: what is given, of B pictures [B, …] → [B, C, H, W], its first guess, of noise alone.
    """

    exempt: ClassVar[dict[str, str]] = {"one-answer": "it says something of every pixel"}

    def __init__(
        self,
        inputs: Shape,
        outputs: Shape,
        width: int = 32,
        halvings: int = 2,
        blocks: int = 1,
        patch: int = 1,
        drop: float = 0.1,
    ):
        super().__init__()
        channels, *sides = picture("UNet", outputs, least=1)
        if min(width, blocks, patch) < 1 or halvings < 0 or width % HEADS or not 0 <= drop < 1:
            raise FrameError(
                f"UNet needs a width that {HEADS} divides, blocks and patch of at least 1, halvings of at least 0 and drop in "
                f"[0, 1), but came {width}, {blocks}, {patch}, {halvings} and {drop}."
            )
        self.inputs, self.outputs, self.width, self.halvings = inputs, outputs, width, halvings
        self.blocks, self.patch, self.drop = blocks, patch, drop
        multiple = patch * 2**halvings
        self.room = [-side % multiple for side in sides]  # pixels that H and W are filled up by
        told = TOLD * width
        self.time = nn.Sequential(nn.Linear(width, told), nn.SiLU(), nn.Linear(told, told))
        self.given = Given(inputs, told, drop)

        widths = [width, *[2 * width] * halvings]
        self.entry = nn.Conv2d(channels * patch**2, width, 3, padding=1)
        self.down = nn.ModuleList()
        before = width
        for here in widths:
            self.down.append(_blocks(before, here, told, blocks))
            before = here
        self.smaller = nn.ModuleList(nn.Conv2d(w, w, 3, stride=2, padding=1) for w in widths[:-1])
        self.middle = _blocks(before, before, told, 2)
        self.looking = MapAttention(before, HEADS)
        self.up = nn.ModuleList(_blocks(2 * here, here, told, blocks) for here in widths)
        self.larger = nn.ModuleList(nn.Conv2d(after, here, 3, padding=1) for here, after in pairwise(widths))
        self.exit = nn.Sequential(norm(width), nn.SiLU(), nn.Conv2d(width, channels * patch**2, 3, padding=1))
        nn.init.zeros_(self.exit[-1].weight)
        nn.init.zeros_(self.exit[-1].bias)

    def forward(self, input: Field) -> Tensor:
        rows = size({"input": input})
        noise = self.exit[-1].weight.new_zeros(rows, *self.outputs)
        return self.velocity(noise, noise.new_ones(rows), input)

    def velocity(self, noised: Tensor, time: Tensor, input: Field) -> Tensor:
        """Noisy pictures [B, C, H, W], how noisy they are, [B] from 0, the pictures, to 1, noise alone; and what is given of them →
        their velocities [B, C, H, W]; see layers/diffusion.py."""
        height, width = noised.shape[2:]
        told = F.silu(self.time(waves(LATEST * time, self.width)) + self.given(input))
        x = F.pixel_unshuffle(F.pad(noised, (0, self.room[1], 0, self.room[0])), self.patch)
        x, seen = self.entry(x), []
        for k, blocks in enumerate(self.down):
            x = self.smaller[k - 1](x) if k else x
            for block in blocks:
                x = block(x, told)
            seen.append(x)
        x = self.middle[1](self.looking(self.middle[0](x, told)), told)
        for k in reversed(range(len(self.up))):
            x = torch.cat([x, seen[k]], dim=1)
            for block in self.up[k]:
                x = block(x, told)
            x = F.interpolate(self.larger[k - 1](x), scale_factor=2.0) if k else x
        return F.pixel_shuffle(self.exit(x), self.patch)[:, :, :height, :width]


def _blocks(before: int, after: int, told: int, count: int) -> nn.ModuleList:
    return nn.ModuleList(TimedResidual(before if k == 0 else after, after, told) for k in range(count))
