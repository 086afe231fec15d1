"""The variational autoencoder (Kingma and Welling 2014, arXiv:1312.6114)."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.core.batch import Field, size
from mapsto.core.nouns import Shape
from mapsto.layers.coders import PictureDrawer, PictureReader, of_pictures
from mapsto.layers.given import Given


class VAE(nn.Module):
    """A picture y is drawn from a code z of N(0, 1), `latent` numbers, as p(y | z) has it; q(z | y) says which codes it may have
    been. Both are networks, and both are told what is given of the picture.

    inputs: the shape of what is given (layers/given.py). outputs: (C, H, W).
    width, convolutions, maps: see layers/coders.py.
    forward: what is given, of B pictures [B, …] → [B, C, H, W] in [−1, 1], drawn from random codes.
    """

    exempt: ClassVar[dict[str, str]] = {"one-answer": "it draws pictures"}

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
        of_pictures("VAE", outputs, convolutions, latent=latent, width=width, maps=maps)
        self.inputs, self.outputs, self.latent, self.width = inputs, outputs, latent, width
        self.convolutions, self.maps = convolutions, maps
        self.reader = PictureReader(outputs, width, convolutions, maps)
        self.read = Given(inputs, width)
        self.coding = nn.Linear(width, 2 * latent)
        self.opening = nn.Linear(latent, width)
        self.told = Given(inputs, width)
        self.drawer = PictureDrawer(outputs, width, convolutions, maps)

    def forward(self, input: Field) -> Tensor:
        code = torch.randn(size({"input": input}), self.latent, device=self.opening.weight.device)
        return self.drawn(code, input)

    def posterior(self, picture: Tensor, input: Field) -> tuple[Tensor, Tensor]:
        """Mean and log variance of q(z | y), [B, latent] each; pictures are [B, C, H, W] in [−1, 1]."""
        mean, log_variance = self.coding(F.relu(self.reader(picture) + self.read(input))).chunk(2, dim=1)
        return mean, log_variance

    def logits(self, code: Tensor, input: Field) -> Tensor:
        """[B, C, H, W]: the logarithm of the odds of white against black, for each pixel of p(y | z)."""
        return self.drawer(F.relu(self.opening(code) + self.told(input)))

    def code(self, picture: Tensor, input: Field) -> Tensor:
        mean, _ = self.posterior(picture, input)
        return mean

    def drawn(self, code: Tensor, input: Field) -> Tensor:
        """The mean of p(y | z): a grey pixel is one that may be black or white."""
        return torch.tanh(self.logits(code, input) / 2)  # 2 σ − 1
