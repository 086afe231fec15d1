"""What convolutional networks are put together from: convolution, norm, bend; and the sizes of pictures on the way."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from torch import Tensor, nn

from mapsto.core.errors import FrameError, ShapeError
from mapsto.core.nouns import Shape


def group_of_all(channels: int) -> nn.GroupNorm:
    """Layer norm of a picture: over its channels and pixels together (Wu and He 2018, arXiv:1803.08494, one group)."""
    return nn.GroupNorm(1, channels)


Norm = Literal["batch", "layer", "none"]
NORMS: dict[str, Callable[[int], nn.Module]] = {"batch": nn.BatchNorm2d, "layer": group_of_all, "none": nn.Identity}


class ConvNormReLU(nn.Sequential):
    """Convolution, norm, ReLU: [B, before, H, W] → [B, after, H', W'].

    `padding` None keeps the size at stride 1 (odd kernels); H' = ⌊(H + 2·padding − kernel) / stride⌋ + 1.
    """

    def __init__(
        self,
        before: int,
        after: int,
        kernel: int = 3,
        stride: int = 1,
        padding: int | None = None,
        norm: Norm = "batch",
    ):
        padding = kernel // 2 if padding is None else padding
        super().__init__(
            nn.Conv2d(before, after, kernel, stride, padding, bias=norm == "none"),  # a norm's shift is the bias
            NORMS[norm](after),
            nn.ReLU(),
        )


class GlobalAverage(nn.Module):
    """The mean of every channel over the picture: [B, C, H, W] → [B, C] (Lin, Chen and Yan 2013, arXiv:1312.4400)."""

    def forward(self, input: Tensor) -> Tensor:
        return input.mean((2, 3))


class GlobalMax(nn.Module):
    """The largest value of every channel anywhere in the picture: [B, C, H, W] → [B, C] (Oquab et al. 2015, CVPR).

    Where the mean asks how much of something there is, this asks whether it is there at all, however small.
    """

    def forward(self, input: Tensor) -> Tensor:
        return input.amax((2, 3))


def picture(model: str, inputs: Shape, least: int = 8) -> tuple[int, int, int]:
    """(C, H, W) of what `model` is to see. ShapeError where that is no picture, or one under `least` pixels a side."""
    if isinstance(inputs, dict) or len(inputs) != 3:
        what = "a row of a table" if isinstance(inputs, dict) else f"of shape {tuple(inputs)}"
        raise ShapeError(f"{model} needs pictures (C, H, W), but the input is {what}.", "Use model.name=mlp.")
    channels, height, width = inputs
    if min(height, width) < least:
        raise ShapeError(
            f"{model} needs pictures of at least {least}×{least} pixels, but these have {height}×{width}.",
            "Enlarge the pictures, or use model.name=mlp.",
        )
    return channels, height, width


def known(model: str, setting: str, value: object, choices: list) -> None:
    """FrameError where `value` is none of the choices that a model has for a setting."""
    if value not in choices:
        offered = ", ".join(map(str, choices))
        raise FrameError(f"{model} has no {setting}={value}.", f"There are: {offered}.")


def cells(side: int, most: int) -> int:
    """The stride that brings a map of `side` cells under 2·most of them, so that a head after it stays bounded."""
    return max(1, side // most)


def he_initialised(model: nn.Module, output: nn.Linear) -> None:
    """Weights by He et al. 2015 (arXiv:1502.01852, eq. 10: normal, variance 2 / fan-in), biases 0.

    `output`, after which no ReLU comes, starts near 0: all classes equally likely.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.normal_(module.weight, std=math.sqrt(2 / module.weight[0].numel()))
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    nn.init.normal_(output.weight, std=0.01)
