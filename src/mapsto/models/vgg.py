"""VGG: depth from 3×3 convolutions alone (Simonyan and Zisserman 2014, arXiv:1409.1556)."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from mapsto.core.nouns import Shape
from mapsto.layers.convolution import NORMS, ConvNormReLU, Norm, cells, he_initialised, known, picture

# the paper's table 1, columns A, B, D and E: 3×3 convolutions in each of the five blocks
BLOCKS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


class VGG(nn.Module):
    """Five blocks of 3×3 convolutions, each block pooled 2×2 and twice as wide as the last, then two hidden layers.

    inputs: (C, H, W), 8×8 pixels or more. A pool is left out where fewer than 2×2 cells would remain: pictures of
        8 pixels have two, of 32 four, of 64 five. More than 7×7 cells before the hidden layers are averaged in blocks
        of ⌊side / 7⌋.
    depth: layers with weights. width: maps of the first block; the last two blocks have 8 times as many.
    hidden: units of each hidden layer; with norm="none", hidden=4096 it is the paper's, 138,357,544 parameters at depth
        16 for (3, 224, 224) and 1000 outputs.
    norm: after each convolution; the paper had none (and started deep nets from shallow trained ones).
    forward: input [B, C, H, W] → [B, outputs].
    """

    def __init__(
        self,
        inputs: Shape,
        outputs: int,
        depth: Literal[11, 13, 16, 19] = 11,
        width: int = 64,
        hidden: int = 512,
        dropout: float = 0.5,
        norm: Norm = "batch",
    ):
        super().__init__()
        self.inputs, self.outputs, self.depth, self.width = inputs, outputs, depth, width
        self.hidden, self.dropout, self.norm = hidden, dropout, norm
        before, *sides = picture("VGG", inputs)
        known("VGG", "depth", depth, list(BLOCKS))
        known("VGG", "norm", norm, list(NORMS))

        layers: list[nn.Module] = []
        for block, convolutions in enumerate(BLOCKS[depth]):
            after = width * min(2**block, 8)
            for _ in range(convolutions):
                layers.append(ConvNormReLU(before, after, norm=norm))
                before = after
            if min(sides) >= 4:
                layers.append(nn.MaxPool2d(2))
                sides = [side // 2 for side in sides]
        block = [cells(side, 7) for side in sides]
        layers += [nn.AvgPool2d(block), nn.Flatten()]
        before *= (sides[0] // block[0]) * (sides[1] // block[1])
        for _ in range(2):
            layers += [nn.Linear(before, hidden), nn.ReLU(), nn.Dropout(dropout)]
            before = hidden
        self.features = nn.Sequential(*layers)
        self.output = nn.Linear(hidden, outputs)
        he_initialised(self, self.output)

    def forward(self, input: Tensor) -> Tensor:
        return self.output(self.features(input))
