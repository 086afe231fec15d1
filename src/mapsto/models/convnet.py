"""A small convolutional network without history: what to try first on small pictures."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from mapsto.core.nouns import Shape
from mapsto.layers.convolution import (
    NORMS,
    ConvNormReLU,
    GlobalAverage,
    GlobalMax,
    Norm,
    he_initialised,
    known,
    picture,
)

POOLS = {"average": GlobalAverage, "max": GlobalMax}


class ConvNet(nn.Module):
    """`depth` blocks of two 3×3 convolutions, pooled 2×2 and each twice as wide as the last; global pool; linear.

    inputs: (C, H, W), 8×8 pixels or more. A pool is left out where fewer than 2×2 cells would remain, as is the one
        after the last block, which the global pool makes needless.
    width: maps of the first block. dropout: before the linear map.
    stride: above 1, a 5×5 convolution at this stride comes first, so that large pictures cost stride² times less.
    pool: how each map becomes one number: its average, or its largest value, which finds what is small in the picture.
    forward: input [B, C, H, W] → [B, outputs].
    """

    def __init__(
        self,
        inputs: Shape,
        outputs: int,
        width: int = 32,
        depth: int = 3,
        dropout: float = 0.0,
        norm: Norm = "batch",
        pool: Literal["average", "max"] = "average",
        stride: int = 1,
    ):
        super().__init__()
        self.inputs, self.outputs, self.width, self.depth = inputs, outputs, width, depth
        self.dropout, self.norm, self.pool, self.stride = dropout, norm, pool, stride
        before, *sides = picture("ConvNet", inputs)
        known("ConvNet", "norm", norm, list(NORMS))
        known("ConvNet", "pool", pool, list(POOLS))
        layers: list[nn.Module] = []
        side = min(sides)
        if stride > 1:
            layers.append(ConvNormReLU(before, width, 5, stride, norm=norm))
            before, side = width, (side + stride - 1) // stride
        for block in range(depth):
            if block > 0 and side >= 4:
                layers.append(nn.MaxPool2d(2))
                side //= 2
            after = width * 2**block
            layers += [ConvNormReLU(before, after, norm=norm), ConvNormReLU(after, after, norm=norm)]
            before = after
        self.features = nn.Sequential(*layers, POOLS[pool](), nn.Dropout(dropout))
        self.output = nn.Linear(before, outputs)
        he_initialised(self, self.output)

    def forward(self, input: Tensor) -> Tensor:
        return self.output(self.features(input))
