"""The autoencoder: a picture through a few numbers, and back (Hinton and Salakhutdinov 2006, doi:10.1126/science.1127647)."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.core.batch import Field, size
from mapsto.core.nouns import Shape
from mapsto.layers.batch_norm import BatchNorm
from mapsto.layers.coders import PictureDrawer, PictureReader, of_pictures
from mapsto.layers.given import Given


class Autoencoder(nn.Module):
    """A picture as `latent` numbers, its code, and the picture that is drawn from it.

    Codes are standardised over the batch, so that random ones of N(0, 1) lie where those of pictures do, more or less: what is
    drawn from them shows what an autoencoder does not know of its codes, and a VAE does.
    inputs: the shape of what is given of a picture (layers/given.py). outputs: (C, H, W).
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
        of_pictures("Autoencoder", outputs, convolutions, latent=latent, width=width, maps=maps)
        self.inputs, self.outputs, self.latent, self.width = inputs, outputs, latent, width
        self.convolutions, self.maps = convolutions, maps
        self.reader = PictureReader(outputs, width, convolutions, maps)
        self.read = Given(inputs, width)
        self.coding = nn.Linear(width, latent)
        self.standard = BatchNorm(latent, affine=False)
        self.opening = nn.Linear(latent, width)
        self.told = Given(inputs, width)
        self.drawer = PictureDrawer(outputs, width, convolutions, maps)

    def forward(self, input: Field) -> Tensor:
        code = torch.randn(size({"input": input}), self.latent, device=self.opening.weight.device)
        return self.drawn(code, input)

    def code(self, picture: Tensor, input: Field) -> Tensor:
        return self.standard(self.coding(F.relu(self.reader(picture) + self.read(input))))

    def drawn(self, code: Tensor, input: Field) -> Tensor:
        return torch.tanh(self.drawer(F.relu(self.opening(code) + self.told(input))))
