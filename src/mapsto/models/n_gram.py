"""How often a token comes, and how often after the one before it: the language model that has to be beaten."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from mapsto.core.batch import Batch, Field
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Problem, Shape, Solvable
from mapsto.domains.tokenizer import SPECIAL
from mapsto.layers.tokens import tokens_of


class NGram(Solvable):
    """Counts of tokens, or of pairs of them, smoothed: p(b) = (c(b) + 1) / (N + V), and
    p(b | a) = (c(ab) + k p(b)) / (c(a) + k) (MacKay and Peto 1995, "A hierarchical Dirichlet language model", eq. 11).

    inputs: {"tokens": [V]}; outputs: V. order: 1 looks at no token, 2 at the one before. strength: k; the rarer a is, the more
        the frequency of b alone counts.
    forward: {"tokens": [B, T], "count": [B]} → log-probabilities [B, T, outputs] of the token after each. Of order 1 it also says
        hidden words by their frequency: at the places "asked" [B, M], [B, M, outputs].
    """

    exempt: ClassVar[dict[str, str]] = {"one-answer": "it answers at every place of a text"}

    def __init__(self, inputs: Shape, outputs: int, order: int = 2, strength: float = 5.0):
        super().__init__()
        self.inputs, self.outputs, self.order, self.strength = inputs, outputs, order, strength
        if order not in (1, 2) or not strength > 0:
            raise FrameError(f"NGram is of order 1 or 2, with a strength above 0, but came {order} and {strength}.")
        vocabulary = tokens_of(inputs, "NGram")
        self.register_buffer("frequency", torch.zeros(outputs))  # log p(b)
        self.register_buffer("rest", torch.zeros(vocabulary))  # log k / (c(a) + k): what is left for pairs never seen
        self.register_buffer("start", torch.zeros(vocabulary + 1, dtype=torch.long))  # of a's pairs among those seen
        self.register_buffer("follower", torch.zeros(0, dtype=torch.long))  # b of each pair that was seen
        self.register_buffer("share", torch.zeros(0))  # log p(b | a) of each

    def solve(self, batch: Batch, problem: Problem, seed: int) -> None:
        if problem != "language-model" and (problem, self.order) != ("fill-in", 1):
            raise FrameError(
                f"NGram solves language-model, but this is {problem}.",
                "Choose another model; of order 1 it also solves fill-in.",
            )
        before, after = batch["input"]["tokens"], batch["target"]
        here = after >= (len(SPECIAL) if problem == "fill-in" else 0)  # what is special is never hidden
        if "weight" in batch:
            here &= (batch["weight"] > 0)[:, None]
        before, after = before[here], after[here]
        count = torch.bincount(after, minlength=self.outputs).double()
        frequency = (count + 1) / (count.sum() + self.outputs)
        self.frequency = frequency.log().float()
        if self.order == 1:
            return
        pair, times = torch.unique(before * self.outputs + after, return_counts=True)
        first, self.follower = pair // self.outputs, pair % self.outputs
        seen = torch.bincount(before, minlength=len(self.rest)).double() + self.strength
        self.rest = (self.strength / seen).log().float()
        self.start = torch.cat([self.start[:1], torch.bincount(first, minlength=len(self.rest)).cumsum(0)])
        self.share = ((times + self.strength * frequency[self.follower]) / seen[first]).log().float()

    def forward(self, input: Field) -> Tensor:
        tokens = input["tokens"].gather(1, input["asked"]) if "asked" in input else input["tokens"]
        before = tokens.flatten()
        told = self.frequency + self.rest[before][:, None]
        begin, count = self.start[before], self.start[before + 1] - self.start[before]
        row = torch.repeat_interleave(torch.arange(len(before), device=before.device), count)
        pair = begin[row] + torch.arange(len(row), device=row.device) - (count.cumsum(0) - count)[row]
        told[row, self.follower[pair]] = self.share[pair]
        return told.view(*tokens.shape, self.outputs)

    def reading(self) -> Callable[[Tensor], Tensor]:
        return lambda tokens: self({"tokens": tokens[:, -1:]})[:, 0]

    def odd(self) -> str:
        ascending = self.start[0] == 0 and self.start[-1] == len(self.follower) and (self.start.diff() >= 0).all()
        if not ascending or len(self.share) != len(self.follower):
            return "its pairs are not where it says"
        inside = (self.follower >= 0) & (self.follower < self.outputs)
        return "" if inside.all() else "a pair has a token that is none"
