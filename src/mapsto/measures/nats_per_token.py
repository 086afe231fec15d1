"""How surprised a language model is by each token, in nats."""

from __future__ import annotations

import torch
from torch import Tensor

from mapsto.core.nouns import Measure
from mapsto.measures.precise import precise
from mapsto.measures.surprise import surprise


class NatsPerToken(Measure):
    """The mean of −log p over all tokens: what is called the loss of a language model.

    prediction: log-probabilities [B, T, V]; target: int64 [B, T], −1 where no token came.
    """

    better = -1

    def keep(self, prediction: Tensor, target: Tensor) -> Tensor:
        nats, here = surprise("NatsPerToken", prediction, target)
        return torch.stack([nats.sum(1), precise(here.sum(1))], dim=1)

    def formula(self, kept: Tensor, weight: Tensor) -> Tensor:
        nats, tokens = precise(weight) @ precise(kept)
        return nats / tokens
