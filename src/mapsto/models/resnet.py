"""Residual networks: each block learns what to add to what it sees (He, Zhang, Ren and Sun 2015, arXiv:1512.03385)."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.core.nouns import Shape
from mapsto.layers.convolution import NORMS, ConvNormReLU, GlobalAverage, he_initialised, known, picture

# depth → (blocks of each stage, width of the first stage): table 1 for ImageNet; section 4.2 for CIFAR, depth 6n + 2
STAGES = {
    18: ((2, 2, 2, 2), 64),
    34: ((3, 4, 6, 3), 64),
    20: ((3, 3, 3), 16),
    32: ((5, 5, 5), 16),
    44: ((7, 7, 7), 16),
    56: ((9, 9, 9), 16),
}


class ResNet(nn.Module):
    """A stem, then three or four stages of residual blocks, each stage half the size and twice the width of the last.

    inputs: (C, H, W), 8×8 pixels or more. The stem is a 3×3 convolution where the shorter side is under 64 pixels; from
        there on the paper's 7×7 at stride 2 and a 3×3/2 max pool. A stage keeps the size where it is already 2.
    depth: layers with weights. 18 and 34 have the paper's four stages for ImageNet (at (3, 224, 224), 1000 outputs and
        depth 18: 11,689,512 parameters), 20, 32, 44 and 56 its three for CIFAR (272,474 at depth 20, 10 outputs).
    width: maps of the first stage; 0 for the paper's, 64 with four stages and 16 with three.
    norm: "batch" as in the paper, or "layer", which does not depend on the other pictures of the batch.
    forward: input [B, C, H, W] → [B, outputs].
    """

    def __init__(
        self,
        inputs: Shape,
        outputs: int,
        depth: Literal[18, 34, 20, 32, 44, 56] = 20,
        width: int = 0,
        norm: Literal["batch", "layer"] = "batch",
    ):
        super().__init__()
        self.inputs, self.outputs, self.depth, self.width, self.norm = inputs, outputs, depth, width, norm
        channels, *sides = picture("ResNet", inputs)
        known("ResNet", "depth", depth, list(STAGES))
        known("ResNet", "norm", norm, ["batch", "layer"])
        stages, papers_width = STAGES[depth]

        before = width or papers_width
        if min(sides) < 64:
            layers: list[nn.Module] = [ConvNormReLU(channels, before, norm=norm)]
            side = min(sides)
        else:
            layers = [ConvNormReLU(channels, before, 7, 2, norm=norm), nn.MaxPool2d(3, 2, padding=1)]
            side = (min(sides) + 3) // 4
        for stage, blocks in enumerate(stages):
            after = (width or papers_width) * 2**stage
            for block in range(blocks):
                stride = 2 if stage > 0 and block == 0 and side > 2 else 1
                layers.append(Residual(before, after, stride, norm))
                before = after
                side = (side + stride - 1) // stride
        self.features = nn.Sequential(*layers, GlobalAverage())
        self.output = nn.Linear(before, outputs)
        he_initialised(self, self.output)

    def forward(self, input: Tensor) -> Tensor:
        return self.output(self.features(input))


class Residual(nn.Module):
    """ReLU(x + F(x)), eq. 1, F two 3×3 convolutions: [B, before, H, W] → [B, after, ⌈H / stride⌉, ⌈W / stride⌉].

    Where the shapes differ, x goes through a 1×1 convolution (the paper's option B). F starts as zero: the gain of its
    last norm is 0 (Goyal et al. 2017, arXiv:1706.02677, section 5.1).
    """

    def __init__(self, before: int, after: int, stride: int, norm: Literal["batch", "layer"]):
        super().__init__()
        self.first = ConvNormReLU(before, after, stride=stride, norm=norm)
        last = NORMS[norm](after)
        nn.init.zeros_(last.weight)
        self.second = nn.Sequential(nn.Conv2d(after, after, 3, padding=1, bias=False), last)
        same = stride == 1 and before == after
        self.shortcut = (
            nn.Identity()
            if same
            else nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), NORMS[norm](after))
        )

    def forward(self, input: Tensor) -> Tensor:
        return F.relu(self.shortcut(input) + self.second(self.first(input)))
