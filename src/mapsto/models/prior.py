"""The answer that knows nothing of the input: the usual class, the mean."""

from __future__ import annotations

import torch
from torch import Tensor

from mapsto.core.batch import Batch, Field
from mapsto.core.nouns import Problem, Shape, Solvable
from mapsto.models.shallow import FLOOR


class Prior(Solvable):
    """The same answer for every input: the shares of the classes or labels in training, or the mean.

    What any other model has to beat. forward: input [B, …] → [B, outputs]: logits, or the mean.
    """

    def __init__(self, inputs: Shape, outputs: int):
        super().__init__()
        self.inputs, self.outputs = inputs, outputs
        self.register_buffer("answer", torch.zeros(outputs))

    def solve(self, batch: Batch, problem: Problem, seed: int) -> None:
        target = batch["target"]
        if problem == "classification":
            share = torch.bincount(target, minlength=self.outputs) / len(target)
            self.answer = (share + FLOOR).log()
        elif problem == "multi-label":
            self.answer = target.mean(dim=0).clamp(FLOOR, 1 - 1e-6).logit()
        else:
            self.answer = target.mean()[None]

    def forward(self, input: Field) -> Tensor:
        rows = len(next(iter(input.values())) if isinstance(input, dict) else input)
        return self.answer.expand(rows, -1)
