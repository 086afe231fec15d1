"""The autoencoder: a picture through a few numbers, and back (Hinton and Salakhutdinov 2006, doi:10.1126/science.1127647)."""

from __future__ import annotations

import torch
from torch import Tensor

from mapsto.core.batch import Field
from mapsto.core.nouns import Shape
from mapsto.layers.batch_norm import BatchNorm
from mapsto.layers.coders import PictureCoder


class Autoencoder(PictureCoder):
    """A picture as `latent` numbers, its code, and the picture that is drawn from it.

    Codes are standardised over the batch, so that random ones of N(0, 1) lie where those of pictures do, more or less: what is
    drawn from them shows what an autoencoder does not know of its codes, and a VAE does.
    inputs: the shape of what is given of a picture (layers/given.py). outputs: (C, H, W).
    width, convolutions, maps: see layers/coders.py.
    forward: what is given, of B pictures [B, …] → [B, C, H, W] in [−1, 1], drawn from random codes.
    """

    def __init__(
        self,
        inputs: Shape,
        outputs: Shape,
        latent: int = 32,
        width: int = 256,
        convolutions: int = 0,
        maps: int = 32,
    ):
        super().__init__(inputs, outputs, latent, width, convolutions, maps)
        self.standard = BatchNorm(latent, affine=False)

    def code(self, picture: Tensor, input: Field) -> Tensor:
        return self.standard(self.coded(picture, input))

    def drawn(self, code: Tensor, input: Field) -> Tensor:
        return torch.tanh(self.opened(code, input))
