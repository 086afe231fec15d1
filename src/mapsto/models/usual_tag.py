"""What a word usually is, wherever it stands: the tagger that reading has to beat."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from mapsto.core.batch import Batch, Field
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Problem, Shape, Solvable
from mapsto.layers.tokens import UNKNOWN, tokens_of


class UsualTag(Solvable):
    """The shares of tags that each word has in training (Charniak et al. 1993, "Equations for part-of-speech tagging").

    inputs: {"tokens": [V]}; outputs: tags. at_least: times that a word has to come for shares of its own; rarer ones, and those
        never seen, have those of all rare ones together.
    forward: {"tokens": [B, T], "count": [B]} → logarithms of shares [B, T, outputs].
    """

    exempt: ClassVar[dict[str, str]] = {
        "one-answer": "it answers for each token"
    }  # what tests/contracts need not ask, and why

    def __init__(self, inputs: Shape, outputs: int, at_least: int = 1):
        super().__init__()
        self.inputs, self.outputs, self.at_least = inputs, outputs, at_least
        self.register_buffer("answer", torch.zeros(tokens_of(inputs, "UsualTag"), outputs))

    def solve(self, batch: Batch, problem: Problem, seed: int) -> None:
        if problem != "tagging":
            raise FrameError(f"UsualTag solves tagging, but this is {problem}.", "Choose another model.", "F004")
        tokens, tag = batch["input"]["tokens"], batch["target"]
        weight = batch.get("weight", torch.ones(len(tag), device=tag.device)).double()
        known = tag >= 0
        pair = tokens[known] * self.outputs + tag[known]
        times = torch.bincount(pair, weight[:, None].expand_as(tag)[known], self.answer.numel()).view(self.answer.shape)
        overall = times.sum(dim=0) / times.sum()
        rare = times.sum(dim=1) < self.at_least
        rare[UNKNOWN] = True
        times[rare] = times[rare].sum(dim=0)
        self.answer = ((times + overall) / (times.sum(dim=1, keepdim=True) + 1)).log().clamp(min=-30.0).float()

    def forward(self, input: Field) -> Tensor:
        return self.answer[input["tokens"]]
