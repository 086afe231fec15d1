"""AlexNet, which began the present spring (Krizhevsky, Sutskever and Hinton 2012, "ImageNet Classification with Deep
Convolutional Neural Networks", NIPS 25)."""

from __future__ import annotations

from torch import Tensor, nn

from mapsto.core.nouns import Shape
from mapsto.layers.convolution import NORMS, ConvNormReLU, Norm, cells, he_initialised, known, picture


class AlexNet(nn.Module):
    """Five convolutions with three overlapping 3×3/2 max pools between, then two hidden layers with dropout.

    inputs: (C, H, W), 8×8 pixels or more. By the shorter side, the first convolution is the paper's 11×11 at stride 4
        from 128 pixels on, 7×7 at stride 2 from 64 on, 5×5 at stride 1 below. A pool is left out where fewer than 2×2
        cells would remain. More than 6×6 cells before the hidden layers are averaged in blocks of ⌊side / 6⌋.
    width: maps of the first convolution; the others have 8/3, 4, 4 and 8/3 of it. hidden: units of each hidden layer.
        The paper's is width=96, hidden=4096: 62,378,344 parameters for (3, 224, 224) and 1000 outputs, without its
        two groups, which one device does not need.
    norm: after each convolution. The paper's local response norm is out of use since Simonyan and Zisserman 2014.
    forward: input [B, C, H, W] → [B, outputs].
    """

    def __init__(
        self,
        inputs: Shape,
        outputs: int,
        width: int = 48,
        hidden: int = 512,
        dropout: float = 0.5,
        norm: Norm = "batch",
    ):
        super().__init__()
        self.inputs, self.outputs, self.width, self.hidden = inputs, outputs, width, hidden
        self.dropout, self.norm = dropout, norm
        channels, *sides = picture("AlexNet", inputs)
        known("AlexNet", "norm", norm, list(NORMS))
        kernel, stride, padding = first_convolution(min(sides))
        wide, widest = round(width * 8 / 3), width * 4

        layers: list[nn.Module] = [ConvNormReLU(channels, width, kernel, stride, padding, norm)]
        sides = [(side + 2 * padding - kernel) // stride + 1 for side in sides]
        sides = pooled(layers, sides)
        layers.append(ConvNormReLU(width, wide, 5, norm=norm))
        sides = pooled(layers, sides)
        layers += [
            ConvNormReLU(wide, widest, norm=norm),
            ConvNormReLU(widest, widest, norm=norm),
            ConvNormReLU(widest, wide, norm=norm),
        ]
        sides = pooled(layers, sides)
        block = [cells(side, 6) for side in sides]
        layers += [nn.AvgPool2d(block), nn.Flatten()]
        before = wide * (sides[0] // block[0]) * (sides[1] // block[1])
        for _ in range(2):
            layers += [nn.Dropout(dropout), nn.Linear(before, hidden), nn.ReLU()]
            before = hidden
        self.features = nn.Sequential(*layers)
        self.output = nn.Linear(hidden, outputs)
        he_initialised(self, self.output)

    def forward(self, input: Tensor) -> Tensor:
        return self.output(self.features(input))


def first_convolution(side: int) -> tuple[int, int, int]:
    """Kernel, stride and padding for pictures of that shorter side."""
    if side >= 128:
        return 11, 4, 2
    return (7, 2, 3) if side >= 64 else (5, 1, 2)


def pooled(layers: list[nn.Module], sides: list[int]) -> list[int]:
    """Append a 3×3/2 max pool where it leaves 2×2 cells or more; returns the sides after it."""
    if min(sides) < 5:
        return sides
    layers.append(nn.MaxPool2d(3, 2))
    return [(side - 3) // 2 + 1 for side in sides]
