"""Pictures to vectors and vectors to pictures: what autoencoders, VAEs and GANs are put together from."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.core.batch import Field, size
from mapsto.core.errors import FrameError, ShapeError
from mapsto.core.nouns import Shape
from mapsto.layers.batch_norm import BatchNorm
from mapsto.layers.convolution import NORMS, Norm, group_of_all
from mapsto.layers.given import Given

KERNEL, STRIDE, PADDING = 4, 2, 1  # a kernel that its stride divides leaves no chequered pattern
FLAT = {"batch": BatchNorm, "layer": group_of_all, "none": nn.Identity}  # norms of vectors


class PictureReader(nn.Module):
    """Pictures [B, C, H, W] → [B, width], with no bend after the last map.

    convolutions: 0 looks at all pixels, by two linear maps. Else so many, at stride 2, the first with `maps` maps and each with
        twice as many as the one before; then a linear map (Radford et al. 2015, arXiv:1511.06434, §3).
    slope: of the bends below 0; 0 is ReLU.
    """

    def __init__(self, shape: Shape, width: int, convolutions: int = 0, maps: int = 32, slope: float = 0.0):
        super().__init__()
        before, sides = shape[0], halved(shape, convolutions)
        layers: list[nn.Module] = []
        for k in range(convolutions):
            layers += [nn.Conv2d(before, maps * 2**k, KERNEL, STRIDE, PADDING), nn.LeakyReLU(slope)]
            before = maps * 2**k
        layers.append(nn.Flatten())
        before *= math.prod(sides[-1])
        if not convolutions:
            layers += [nn.Linear(before, width), nn.LeakyReLU(slope)]
            before = width
        self.layers = nn.Sequential(*layers, nn.Linear(before, width))

    def forward(self, picture: Tensor) -> Tensor:
        return self.layers(picture)


class PictureDrawer(nn.Module):
    """[B, width], bent already → [B, C, H, W], any numbers: the way back through a `PictureReader` of the same settings.

    norm: after each map but the last. That after the linear map is of each cell of the smallest picture by itself, so that no cell
        can be the same in all pictures (Chen et al. 2016, arXiv:1606.03657, appendix C.1).
    """

    def __init__(self, shape: Shape, width: int, convolutions: int = 0, maps: int = 32, norm: Norm = "none"):
        super().__init__()
        sides = halved(shape, convolutions)
        after = [shape[0], *(maps * 2**k for k in range(convolutions))]  # maps at each size, the largest first
        cells = after[-1] * math.prod(sides[-1])
        hidden = cells if convolutions else width
        normed = [] if norm == "none" else [FLAT[norm](hidden)]
        layers: list[nn.Module] = [nn.Linear(width, hidden, bias=not normed), *normed, nn.ReLU()]
        layers += [] if convolutions else [nn.Linear(hidden, cells)]
        layers.append(nn.Unflatten(1, (after[-1], *sides[-1])))
        for k in reversed(range(convolutions)):
            odd = tuple(large - 2 * small for large, small in zip(sides[k], sides[k + 1], strict=True))
            layers.append(nn.ConvTranspose2d(after[k + 1], after[k], KERNEL, STRIDE, PADDING, output_padding=odd))
            layers += [NORMS[norm](after[k]), nn.ReLU()] if k else []
        self.layers = nn.Sequential(*layers)

    def forward(self, vector: Tensor) -> Tensor:
        return self.layers(vector)


class PictureCoder(nn.Module):
    """A picture to a code of `latent` numbers and back, both told what is given of it: what autoencoders and VAEs have alike.

    told_of_each: how many numbers the reader says for each of the code. Whoever is one has `drawn(code, input)`.
    """

    exempt: ClassVar[dict[str, str]] = {"one-answer": "it draws pictures"}
    told_of_each: ClassVar[int] = 1

    def __init__(
        self,
        inputs: Shape,
        outputs: Shape,
        latent: int = 32,
        width: int = 256,
        convolutions: int = 0,
        maps: int = 32,
    ):
        super().__init__()
        of_pictures(type(self).__name__, outputs, convolutions, latent=latent, width=width, maps=maps)
        self.inputs, self.outputs, self.latent, self.width = inputs, outputs, latent, width
        self.convolutions, self.maps = convolutions, maps
        self.reader = PictureReader(outputs, width, convolutions, maps)
        self.read = Given(inputs, width)
        self.coding = nn.Linear(width, self.told_of_each * latent)
        self.opening = nn.Linear(latent, width)
        self.told = Given(inputs, width)
        self.drawer = PictureDrawer(outputs, width, convolutions, maps)

    def forward(self, input: Field) -> Tensor:
        code = torch.randn(size({"input": input}), self.latent, device=self.opening.weight.device)
        return self.drawn(code, input)

    def coded(self, picture: Tensor, input: Field) -> Tensor:
        """[B, told_of_each · latent]; pictures are [B, C, H, W] in [−1, 1]."""
        return self.coding(F.relu(self.reader(picture) + self.read(input)))

    def opened(self, code: Tensor, input: Field) -> Tensor:
        """[B, C, H, W], any numbers."""
        return self.drawer(F.relu(self.opening(code) + self.told(input)))


def of_pictures(model: str, outputs: Shape, convolutions: int, **counts: int) -> None:
    """ShapeError where what `model` is to give is no picture, or one too small to be halved so often; FrameError where one of
    `counts` is no count."""
    if isinstance(outputs, dict) or len(outputs) != 3:
        raise ShapeError(
            f"{model} draws pictures (C, H, W), but what is to be given is of shape {outputs}.",
            "It learns to draw where the objective is one of generation: --objective variational",
        )
    if min(halved(outputs, convolutions)[-1]) < 1:
        raise ShapeError(
            f"{model} cannot halve pictures of {outputs[1]}×{outputs[2]} pixels {convolutions} times.",
            "Make model.convolutions smaller.",
        )
    if low := [word for word, count in counts.items() if count < 1]:
        raise FrameError(f"{model} needs {' and '.join(low)} of at least 1, but came {[counts[word] for word in low]}.")


def halved(shape: Shape, times: int) -> list[tuple[int, int]]:
    """Height and width of a picture (C, H, W), and of what is left of it each time it is halved: [times + 1]."""
    _, height, width = shape
    return [(height >> k, width >> k) for k in range(times + 1)]
