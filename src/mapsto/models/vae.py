"""The variational autoencoder (Kingma and Welling 2014, arXiv:1312.6114)."""

from __future__ import annotations

import torch
from torch import Tensor

from mapsto.core.batch import Field
from mapsto.layers.coders import PictureCoder


class VAE(PictureCoder):
    """A picture y is drawn from a code z of N(0, 1), `latent` numbers, as p(y | z) has it; q(z | y) says which codes it may have
    been. Both are networks, and both are told what is given of the picture.

    inputs: the shape of what is given (layers/given.py). outputs: (C, H, W).
    width, convolutions, maps: see layers/coders.py.
    forward: what is given, of B pictures [B, …] → [B, C, H, W] in [−1, 1], drawn from random codes.
    """

    told_of_each = 2  # the mean of each number of a code, and its log variance

    def posterior(self, picture: Tensor, input: Field) -> tuple[Tensor, Tensor]:
        """Mean and log variance of q(z | y), [B, latent] each; pictures are [B, C, H, W] in [−1, 1]."""
        mean, log_variance = self.coded(picture, input).chunk(2, dim=1)
        return mean, log_variance

    def logits(self, code: Tensor, input: Field) -> Tensor:
        """[B, C, H, W]: the logarithm of the odds of white against black, for each pixel of p(y | z)."""
        return self.opened(code, input)

    def code(self, picture: Tensor, input: Field) -> Tensor:
        mean, _ = self.posterior(picture, input)
        return mean

    def drawn(self, code: Tensor, input: Field) -> Tensor:
        """The mean of p(y | z): a grey pixel is one that may be black or white."""
        return torch.tanh(self.logits(code, input) / 2)  # 2 σ − 1
