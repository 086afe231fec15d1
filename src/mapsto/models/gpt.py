"""GPT: what comes next, from all that has come so far."""

from __future__ import annotations

import math
from functools import partial
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.core.batch import Field
from mapsto.core.errors import ShapeError
from mapsto.core.nouns import Shape
from mapsto.layers.attention import Cache
from mapsto.layers.block import SPREAD, Block, first_weights
from mapsto.layers.one_place import OnePlace, of_norm, plain
from mapsto.layers.tokens import Tokens, tokens_of


class GPT(nn.Module):
    """A stack of blocks in which each place sees those before it, on tokens with a learned vector a place: GPT-2 (Radford et al.
    2019, "Language models are unsupervised multitask learners").

    inputs: {"tokens": [V]}; outputs: V. width: of a place's vector, divisible by heads. depth: blocks. context: the most tokens
        that are seen at once. dropout: of vectors, of attention's weights, and of what each part of a block adds.
        tied: the vectors that tokens are read by are those that they are written by (Press and Wolf 2017, arXiv:1608.05859).
    forward: {"tokens": [B, T], "count": [B]} → logits [B, T, outputs] of the token after each.
    """

    exempt: ClassVar[dict[str, str]] = {"one-answer": "it answers at every place of a text"}

    def __init__(
        self,
        inputs: Shape,
        outputs: int,
        width: int = 128,
        depth: int = 4,
        heads: int = 4,
        context: int = 128,
        dropout: float = 0.0,
        tied: bool = True,
    ):
        super().__init__()
        self.inputs, self.outputs, self.width, self.depth = inputs, outputs, width, depth
        self.heads, self.context, self.dropout, self.tied = heads, context, dropout, tied
        vocabulary = tokens_of(inputs, "GPT")
        if tied and outputs != vocabulary:
            raise ShapeError(
                f"a tied GPT writes the tokens that it reads, but reads {vocabulary:,} and should write {outputs:,}.",
                "Leave the two alike, or build it with tied=False.",
            )
        self.tokens, self.places = Tokens(inputs, width), nn.Embedding(context, width)
        self.drop = nn.Dropout(dropout)
        gelu = partial(F.gelu, approximate="tanh")  # as GPT-2 has it
        self.blocks = nn.ModuleList(Block(width, heads, dropout, causal=True, activation=gelu) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.head = None if tied else nn.Linear(width, outputs, bias=False)
        self._begin()

    def forward(self, input: Field) -> Tensor:
        length = input["tokens"].shape[1]
        if length > self.context:
            raise ShapeError(
                f"this GPT sees at most {self.context} tokens at once, but came {length}.",
                f"Cut texts into windows of {self.context} (data.window), or build it with context={length}.",
            )
        x = self.drop(self.tokens(input) + self.places.weight[:length])
        for block in self.blocks:
            x = block(x)
        return self._logits(x)

    def step(self, tokens: Tensor, caches: list[Cache]) -> Tensor:
        """Logits [B, outputs] of what follows `tokens` [B, T], which follow those in the caches: one a block, new ones at first."""
        seen = len(caches[0])
        x = self.tokens.table(tokens) + self.places.weight[seen : seen + tokens.shape[1]]
        for block, cache in zip(self.blocks, caches, strict=True):
            x = block(x, cache=cache)
        return self._logits(x[:, -1])

    def parts(self) -> list[nn.Module]:
        """From the input to the answer (see `Layered`): what embeds, each block, the head."""
        head = [self.norm] if self.head is None else [self.norm, self.head]
        return [nn.ModuleList([self.tokens, self.places]), *self.blocks, nn.ModuleList(head)]

    def reading(self) -> Reading:
        return Reading(self)

    def _logits(self, x: Tensor) -> Tensor:
        return F.linear(self.norm(x), self.tokens.table.weight if self.head is None else self.head.weight)

    def _begin(self) -> None:
        """First weights as published: what adds to the way around is the smaller, the more blocks there are."""
        first_weights(self)
        for block in self.blocks:
            for last in (block.attention.join, block.narrow):
                nn.init.normal_(last.weight, std=SPREAD / math.sqrt(2 * self.depth))


class Reading:
    """A text as a GPT reads it on: a step function (layers/decoding.py) that asks about each token once.

    Where a text grows longer than the context, the last half of what fits is read again, from the first place on: so a token
    costs the same however long the text is, and sees at least half a context.
    """

    def __init__(self, model: GPT):
        self.model, self.plain = model, plain(model)
        self._begin_again()

    @torch.inference_mode()
    def __call__(self, tokens: Tensor) -> Tensor:
        one = self.plain and tokens.numel() == 1 and self.length > 0
        if self.length + tokens.shape[1] > self.model.context:
            tokens, one = torch.cat([*self.seen, tokens], dim=1)[:, -max(1, self.model.context // 2) :], False
            self._begin_again()
        elif self.going_on and not one:  # what was read since the first single token is in no cache
            tokens = torch.cat([*self.seen, tokens], dim=1)
            self._begin_again()
        self.seen.append(tokens)
        self.length += tokens.shape[1]
        if not one:
            return self.model.step(tokens, self.caches)
        self.going_on = self.going_on or OneText(self.model, self.caches)
        return self.going_on(tokens)

    def _begin_again(self) -> None:
        self.caches, self.seen, self.length = [Cache() for _ in self.model.blocks], [], 0
        self.going_on: OneText | None = None


class OneText:
    """`GPT.step` for one token [1, 1] after the other, of one text whose beginning is in the caches: the same logits, without what
    modules cost."""

    def __init__(self, model: GPT, caches: list[Cache]):
        self.table, self.places, self.norm = model.tokens.table.weight, model.places.weight, of_norm(model.norm)
        self.head = self.table if model.head is None else model.head.weight
        self.blocks = [OnePlace(b, cache, model.context) for b, cache in zip(model.blocks, caches, strict=True)]

    def __call__(self, token: Tensor) -> Tensor:
        x = F.embedding(token[0], self.table)[0] + self.places[self.blocks[0].length]
        for block in self.blocks:
            x = block(x)
        return torch.mv(self.head, torch.layer_norm(x, *self.norm))[None]
