"""BERT: a reader for whom every token sees all others, to its left and to its right."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.core.batch import Field
from mapsto.core.errors import FrameError, ShapeError
from mapsto.core.nouns import Shape
from mapsto.layers.answer import Answer
from mapsto.layers.block import Block, first_weights
from mapsto.layers.tokens import Tokens, mean_over, real


class BERT(nn.Module):
    """A stack of blocks over the vectors of tokens and of their places (Devlin et al. 2019, arXiv:1810.04805), segment 0 of
    the paper's two; and an answer for the text, or for each of its tokens.

    inputs: {"tokens": [V]}, perhaps with columns beside (see `Answer`). width: D, divisible by heads. depth: blocks.
    context: tokens that a text may have. dropout: of attention, of what each block adds, and before the answer.
    epsilon: of the norms.
    pool: what the answer for a text is read from: the mean of its tokens' states, or the state of the first.
    each: answers for every token. tied: the answers are tokens: the paper's head for masked words (§A.1), whose matrix is the
        table of the tokens' vectors.
    forward: tokens [B, T] → [B, outputs], or [B, T, outputs] where `each`. Where the input also says "asked", places [B, M], only
        they are answered: [B, M, outputs].
    """

    def __init__(
        self,
        inputs: Shape,
        outputs: int,
        width: int = 128,
        depth: int = 4,
        heads: int = 4,
        context: int = 512,
        dropout: float = 0.1,
        epsilon: float = 1e-12,
        pool: Literal["mean", "first"] = "mean",
        each: bool = False,
        tied: bool = False,
    ):
        super().__init__()
        if min(depth, context) < 1 or pool not in ("mean", "first"):
            raise FrameError(
                "BERT needs a depth and a context of at least 1, and pools by mean or first, but came "
                f"{depth}, {context} and {pool!r}."
            )
        self.inputs, self.outputs, self.width, self.depth, self.heads = inputs, outputs, width, depth, heads
        self.context, self.dropout, self.epsilon = context, dropout, epsilon
        self.pool, self.each, self.tied = pool, each, tied
        self.tokens = Tokens(inputs, width)
        if tied and (not each or outputs != self.tokens.vocabulary):
            raise FrameError(
                f"tied answers are one of the {self.tokens.vocabulary:,} tokens at each place, but came each={each} and "
                f"outputs={outputs:,}.",
                "Leave out tied, or learn the text's own words: --objective masked-words",
            )
        self.places = nn.Embedding(context, width)
        self.norm, self.drop = nn.LayerNorm(width, epsilon), nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(width, heads, dropout, "after", epsilon=epsilon) for _ in range(depth))
        self.head = WordHead(width, outputs, epsilon) if tied else Answer(inputs, width, outputs, dropout)
        first_weights(self)

    def features(self, input: Field) -> Tensor:
        """What each token comes to in its text: tokens [B, T] → [B, T, D]."""
        length = input["tokens"].shape[1]
        if length > self.context:
            raise ShapeError(
                f"this BERT has places for {self.context} tokens, but a text has {length}.",
                f"Give it more (--set model.context={length}), or cut texts (--set data.text.longest={self.context}).",
            )
        states, here = self.drop(self.norm(self.tokens(input) + self.places.weight[:length])), real(input)
        for block in self.blocks:
            states = block(states, here)
        return states

    def forward(self, input: Field) -> Tensor:
        states = self.features(input)
        if not self.each:
            return self.head(mean_over(states, real(input)) if self.pool == "mean" else states[:, 0], input)
        if "asked" in input:
            states = states.gather(1, input["asked"][:, :, None].expand(-1, -1, self.width))
        return self.head(states, self.tokens.table.weight) if self.tied else self.head(states, input)

    def parts(self) -> list[nn.Module]:
        """From the input to the answer (see `Layered`): what embeds, each block, the head."""
        return [nn.ModuleList([self.tokens, self.places, self.norm]), *self.blocks, self.head]


class WordHead(nn.Module):
    """States [B, M, D] → for each token how well it fits there, [B, M, V]; table: the tokens' vectors, [V, D]."""

    def __init__(self, width: int, vocabulary: int, epsilon: float):
        super().__init__()
        self.change, self.norm = nn.Linear(width, width), nn.LayerNorm(width, epsilon)
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def forward(self, states: Tensor, table: Tensor) -> Tensor:
        return F.linear(self.norm(F.gelu(self.change(states))), table, self.bias)
