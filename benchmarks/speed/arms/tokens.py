"""What mapsto has not yet of its own, written as any user would: a domain of tokens, and the objective of the next one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.core.batch import Batch, Losses
from mapsto.core.nouns import Domain, Measure, Objective
from mapsto.measures import Accuracy


class Tokens(Domain):
    """Sequences [T] of whole numbers below `vocabulary`."""

    def __init__(self, vocabulary: int):
        self.vocabulary = vocabulary

    def fit(self, values: Sequence) -> Tokens:
        return self

    def encode(self, values: Sequence) -> Tensor:
        return torch.as_tensor(values, dtype=torch.int64)

    def decode(self, encoded: Tensor) -> list:
        return encoded.argmax(-1).tolist() if encoded.is_floating_point() else encoded.tolist()

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.vocabulary,)


class NextToken(Objective):
    """−log p(token t + 1 | tokens to t), its mean over a window."""

    def losses(self, model: nn.Module, batch: Batch, player: str) -> Losses:
        logits = model(batch["input"]).float()  # [B, T, V]
        surprise = F.cross_entropy(logits.flatten(0, 1), batch["target"].flatten(), reduction="none")
        return {"next-token": surprise.view_as(batch["target"]).mean(1)}

    def predict(self, model: nn.Module, batch: Batch) -> Tensor:
        """Probabilities [B, T, V]."""
        return model(batch["input"]).float().softmax(-1)

    def measures(self, target: Domain) -> dict[str, Measure]:
        return {"accuracy": Accuracy()}
