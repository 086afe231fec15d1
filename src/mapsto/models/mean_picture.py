"""The mean of all pictures, whatever is asked for."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from mapsto.core.batch import Batch, Field, size
from mapsto.core.nouns import Problem, Shape, Solvable
from mapsto.models.shallow import FLOOR


class MeanPicture(Solvable):
    """Always the same picture, the mean of those it has seen: each pixel by itself, and a code that says nothing. What any other
    model that draws from codes has to beat.

    inputs: the shape of what is given. outputs: (C, H, W).
    forward: what is given, of B pictures [B, …] → [B, C, H, W] in [−1, 1].
    """

    exempt: ClassVar[dict[str, str]] = {"one-answer": "it draws pictures"}
    latent = 1

    def __init__(self, inputs: Shape, outputs: Shape):
        super().__init__()
        self.inputs, self.outputs = inputs, outputs
        self.register_buffer("answer", torch.zeros(*outputs))  # in [0, 1]

    def solve(self, batch: Batch, problem: Problem, seed: int) -> None:
        picture = batch["target"]
        weight = batch.get("weight", torch.ones(len(picture), device=picture.device)).double()
        total = sum(
            w @ some.flatten(1).double() for w, some in zip(weight.split(1000), picture.split(1000), strict=True)
        )
        self.answer = (total / (255 * weight.sum())).float().view(*self.outputs)

    def forward(self, input: Field) -> Tensor:
        return (2 * self.answer - 1).expand(size({"input": input}), *self.outputs)

    def code(self, picture: Tensor, input: Field) -> Tensor:
        return torch.zeros(len(picture), 1, device=picture.device)

    def posterior(self, picture: Tensor, input: Field) -> tuple[Tensor, Tensor]:
        return self.code(picture, input), self.code(picture, input)

    def logits(self, code: Tensor, input: Field) -> Tensor:
        return self.answer.clamp(FLOOR, 1 - 1e-6).logit().expand(len(code), *self.outputs)

    def drawn(self, code: Tensor, input: Field) -> Tensor:
        return self(input)
