"""The answer that knows nothing of the input: the usual class, the mean."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from mapsto.core.batch import Batch, Field
from mapsto.core.nouns import Problem, Shape, Solvable
from mapsto.models.shallow import FLOOR


class Prior(Solvable):
    """The same answer for every input: the shares of the classes or labels in training, or the mean.

    What any other model has to beat. forward: input [B, …] → [B, outputs]: logits, or the mean.
    """

    exempt: ClassVar[dict[str, str]] = {
        "by-heart": "it looks at no input"
    }  # what tests/contracts need not ask, and why

    def __init__(self, inputs: Shape, outputs: int):
        super().__init__()
        self.inputs, self.outputs = inputs, outputs
        self.register_buffer("answer", torch.zeros(outputs))

    def solve(self, batch: Batch, problem: Problem, seed: int) -> None:
        target = batch["target"]
        weight = batch.get("weight", torch.ones(len(target), device=target.device)).double()
        weight = weight / weight.sum()
        if problem == "classification":
            share = torch.bincount(target, weight, minlength=self.outputs)
            self.answer = (share + FLOOR).log().float()
        elif problem == "multi-label":
            self.answer = (weight @ target.double()).clamp(FLOOR, 1 - 1e-6).logit().float()
        else:
            self.answer = (weight @ target.double()).float()[None]

    def forward(self, input: Field) -> Tensor:
        rows = len(next(iter(input.values())) if isinstance(input, dict) else input)
        return self.answer.expand(rows, -1)
