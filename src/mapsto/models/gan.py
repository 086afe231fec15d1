"""The generator and the critic of a generative adversarial network (Goodfellow et al. 2014, arXiv:1406.2661)."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.core.batch import Field, size
from mapsto.core.nouns import Shape
from mapsto.layers.coders import FLAT, PictureDrawer, PictureReader, of_pictures
from mapsto.layers.convolution import Norm
from mapsto.layers.given import Given

SLOPE = 0.2  # of the critic's bends below 0 (Radford et al. 2015, arXiv:1511.06434, §3)


class GAN(nn.Module):
    """A generator that draws pictures from `latent` numbers of N(0, 1), and a critic that says how real a picture looks, as in a
    small DCGAN (Radford et al. 2015, arXiv:1511.06434), but that the critic has no norm: a penalty on its gradient is each
    example's own.

    inputs: the shape of what is given of a picture (layers/given.py). outputs: (C, H, W).
    width, convolutions, maps: of either; see layers/coders.py. norm: in the generator.
    forward: what is given, of B pictures [B, …] → [B, C, H, W] in [−1, 1], drawn from random codes.
    """

    exempt: ClassVar[dict[str, str]] = {"one-answer": "it draws pictures"}

    def __init__(
        self,
        inputs: Shape,
        outputs: Shape,
        latent: int = 64,
        width: int = 256,
        convolutions: int = 2,
        maps: int = 32,
        norm: Norm = "batch",
    ):
        super().__init__()
        of_pictures("GAN", outputs, convolutions, latent=latent, width=width, maps=maps)
        self.inputs, self.outputs, self.latent, self.width = inputs, outputs, latent, width
        self.convolutions, self.maps, self.norm = convolutions, maps, norm
        self.critic = Critic(inputs, outputs, width, convolutions, maps)
        self.generator = Generator(inputs, outputs, latent, width, convolutions, maps, norm)

    def forward(self, input: Field) -> Tensor:
        code = torch.randn(size({"input": input}), self.latent, device=self.generator.opening.weight.device)
        return self.generator(code, input)


class Generator(nn.Module):
    """Codes [B, latent] and what is given → pictures [B, C, H, W] in [−1, 1]."""

    def __init__(
        self, inputs: Shape, outputs: Shape, latent: int, width: int, convolutions: int, maps: int, norm: Norm
    ):
        super().__init__()
        self.opening = nn.Linear(latent, width)
        self.told = Given(inputs, width)
        self.norm = FLAT[norm](width)
        self.drawer = PictureDrawer(outputs, width, convolutions, maps, norm)

    def forward(self, code: Tensor, input: Field) -> Tensor:
        return torch.tanh(self.drawer(F.relu(self.norm(self.opening(code) + self.told(input)))))


class Critic(nn.Module):
    """Pictures [B, C, H, W] in [−1, 1] and what is given → [B], the more the realer each looks.

    That it is of what is given is a product of two vectors (Miyato and Koyama 2018, arXiv:1802.05637, eq. 3).
    """

    def __init__(self, inputs: Shape, outputs: Shape, width: int, convolutions: int, maps: int):
        super().__init__()
        self.reader = PictureReader(outputs, width, convolutions, maps, SLOPE)
        self.told = Given(inputs, width)
        self.opinion = nn.Linear(width, 1)

    def forward(self, picture: Tensor, input: Field) -> Tensor:
        seen = F.leaky_relu(self.reader(picture), SLOPE)
        return self.opinion(seen)[:, 0] + (self.told(input) * seen).sum(dim=1)
