"""LeNet-5, which read the digits of cheques (LeCun, Bottou, Bengio and Haffner 1998, doi:10.1109/5.726791)."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from mapsto.core.nouns import Shape
from mapsto.layers.convolution import NORMS, Norm, he_initialised, known, picture

POOLS = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}
BENDS = {"relu": nn.ReLU, "tanh": nn.Tanh}


class LeNet(nn.Module):
    """Two 5×5 convolutions, each pooled 2×2, then two hidden layers; 61,706 parameters for digits, as in the paper.

    inputs: (C, H, W), 8×8 pixels or more. The first convolution pads pictures under 32 pixels, as the paper did its
        digits of 28; the second pads where it would see fewer than 8 pixels a side.
    width: maps of the first convolution; the paper's 6, 16, 120, 84 grow with it in proportion (24 → 24, 64, 480, 336).
    pool, bend: max and ReLU are today's reading; average and tanh are close to the paper's (whose pools had weights,
        whose second convolution saw chosen maps only, and whose output was a distance to fixed codes).
    norm: after each convolution; dropout: after each hidden layer. The paper has neither.
    forward: input [B, C, H, W] → [B, outputs].
    """

    def __init__(
        self,
        inputs: Shape,
        outputs: int,
        width: int = 6,
        pool: Literal["max", "average"] = "max",
        bend: Literal["relu", "tanh"] = "relu",
        norm: Norm = "none",
        dropout: float = 0.0,
    ):
        super().__init__()
        self.inputs, self.outputs, self.width = inputs, outputs, width
        self.pool, self.bend, self.norm, self.dropout = pool, bend, norm, dropout
        channels, *sides = picture("LeNet", inputs)
        for setting, value, choices in ("pool", pool, POOLS), ("bend", bend, BENDS), ("norm", norm, NORMS):
            known("LeNet", setting, value, list(choices))
        maps = [width, round(width * 16 / 6)]
        hidden = [width * 20, width * 14]

        layers: list[nn.Module] = []
        for before, after, unpadded in (channels, maps[0], 32), (maps[0], maps[1], 8):
            padding = 0 if min(sides) >= unpadded else 2
            layers += [
                nn.Conv2d(before, after, 5, padding=padding, bias=norm == "none"),
                NORMS[norm](after),
                BENDS[bend](),
                POOLS[pool](2),
            ]
            sides = [(side + 2 * padding - 4) // 2 for side in sides]
        layers.append(nn.Flatten())
        before = maps[1] * sides[0] * sides[1]
        for after in hidden:
            layers += [nn.Linear(before, after), BENDS[bend](), nn.Dropout(dropout)]
            before = after
        self.hidden = nn.Sequential(*layers)
        self.output = nn.Linear(before, outputs)
        he_initialised(self, self.output)

    def forward(self, input: Tensor) -> Tensor:
        return self.output(self.hidden(input))
