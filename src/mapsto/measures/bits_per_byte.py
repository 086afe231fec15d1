"""How many bits a language model needs for a byte of text: what models of different tokens are compared by."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mapsto.core.nouns import Measure
from mapsto.measures.precise import precise
from mapsto.measures.surprise import surprise, told_of


class BitsPerByte(Measure):
    """The sum of −log₂ p over all tokens, over the bytes of the text in UTF-8 (Gao et al. 2020, arXiv:2101.00027, §3.1).

    sizes: the bytes of each token; None takes every token for one.
    prediction: log-probabilities [B, T, V]; target: int64 [B, T], −1 where no token came.
    """

    better = -1

    def __init__(self, sizes: list[int] | None = None):
        super().__init__()
        self.sizes = sizes

    def keep(self, prediction: Tensor, target: Tensor) -> Tensor:
        nats, here = surprise("BitsPerByte", prediction, target)
        size = here if self.sizes is None else told_of(self.sizes, target)
        return torch.stack([nats.sum(1), precise(size.sum(1))], dim=1)

    def formula(self, kept: Tensor, weight: Tensor) -> Tensor:
        nats, size = precise(weight) @ precise(kept)
        return nats / math.log(2) / size
