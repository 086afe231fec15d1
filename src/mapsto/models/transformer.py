"""The transformer: an encoder whose places ask each other, and a decoder that asks what it has said and what was read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.core.batch import Field
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Shape
from mapsto.domains.tokenizer import PAD, START
from mapsto.layers.attention import Cache
from mapsto.layers.block import Block
from mapsto.layers.sinusoids import sinusoids
from mapsto.layers.tokens import real, tokens_of


@dataclass
class Memory:
    """What has been read: `states` [B, S, D] at each place, and those that are `here`, [B, S]."""

    states: Tensor
    here: Tensor


class Saying:
    """How far an answer has got: what each block knows of it and of the input; see layers/beam.py."""

    def __init__(self, memory: Memory, depth: int):
        self.memory = memory
        self.said, self.heard = [Cache() for _ in range(depth)], [Cache() for _ in range(depth)]

    def select(self, rows: Tensor) -> None:
        self.memory = Memory(self.memory.states[rows], self.memory.here[rows])
        for cache in (*self.said, *self.heard):
            cache.select(rows)


class Transformer(nn.Module):
    """Encoder and decoder of blocks of attention (Vaswani et al. 2017, arXiv:1706.03762), places told by waves.

    inputs: {"tokens": [V]}. outputs: tokens that an answer is made of. width: of a place, divisible by heads. depth: blocks of
        the encoder, and as many of the decoder. dropout: of vectors, of attention's weights and of what each part adds.
    norms: "before" each part or "after" it; see layers/block.py. tied: the vectors of what is said are also the weights that
        say it (Press and Wolf 2017, arXiv:1608.05859).
    forward: tokens said so far, [B, U] → logits of what comes after each of them, [B, U, outputs], given the input
        {"tokens": [B, S], "count": [B]}; of the first token, [B, outputs], where none are given.
    """

    def __init__(
        self,
        inputs: Shape,
        outputs: int,
        width: int = 256,
        heads: int = 4,
        depth: int = 3,
        dropout: float = 0.1,
        norms: Literal["before", "after"] = "before",
        tied: bool = True,
    ):
        super().__init__()
        if min(width, depth) < 1:
            raise FrameError(f"Transformer needs width and depth of at least 1, but came {width} and {depth}.")
        self.inputs, self.outputs, self.width, self.heads, self.depth = inputs, outputs, width, heads, depth
        self.dropout, self.norms, self.tied = dropout, norms, tied
        self.heard = nn.Embedding(tokens_of(inputs, "Transformer"), width, padding_idx=PAD)
        self.said = nn.Embedding(outputs, width, padding_idx=PAD)
        self.drop = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(Block(width, heads, dropout, norms) for _ in range(depth))
        self.decoder = nn.ModuleList(Block(width, heads, dropout, norms, causal=True, cross=True) for _ in range(depth))
        self.read_norm, self.said_norm = (nn.LayerNorm(width) if norms == "before" else nn.Identity() for _ in range(2))
        self.output = None if tied else nn.Linear(width, outputs, bias=False)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
        for table in (self.heard, self.said):  # multiplied by √D on the way in, and as they are on the way out
            nn.init.normal_(table.weight, std=width**-0.5)
            nn.init.zeros_(table.weight[PAD])

    def forward(self, input: Field, tokens: Tensor | None = None) -> Tensor:
        if tokens is not None:
            return self.decode(self.encode(input), tokens)
        return self.decode(self.encode(input), input["tokens"].new_full((len(input["tokens"]), 1), START))[:, 0]

    def encode(self, input: Field) -> Memory:
        """{"tokens": [B, S], "count": [B]} → what decoding needs of it."""
        x, here = self._placed(self.heard(input["tokens"])), real(input)
        for block in self.encoder:
            x = block(x, here=here)
        return Memory(self.read_norm(x), here)

    def decode(self, memory: Memory, tokens: Tensor) -> Tensor:
        """What was read and the tokens said [B, U] → logits of the token after each, [B, U, outputs], all at once: nobody
        sees what comes behind it, so that padding behind an answer says nothing."""
        x = self._placed(self.said(tokens))
        for block in self.decoder:
            x = block(x, context=memory.states, context_here=memory.here)
        return self._logits(x)

    def begin(self, memory: Memory) -> Saying:
        """Nothing said yet."""
        return Saying(memory, self.depth)

    def step(self, tokens: Tensor, saying: Saying) -> tuple[Tensor, Saying]:
        """The tokens said last, [N] → logits of the next, [N, outputs], and how far the answers are."""
        x, known = self._placed(self.said(tokens[:, None]), begin=len(saying.said[0])), saying.memory
        for block, said, heard in zip(self.decoder, saying.said, saying.heard, strict=True):
            x = block(x, context=known.states, context_here=known.here, cache=said, context_cache=heard)
        saying.memory = Memory(known.states[:, :0], known.here)  # every block has its keys and values of it by now
        return self._logits(x)[:, 0], saying

    def _placed(self, vectors: Tensor, begin: int = 0) -> Tensor:
        """The vectors of tokens, [B, T, D], with where they stand, from place `begin` on."""
        waves = sinusoids(vectors.shape[1], self.width, vectors.device, begin)
        return self.drop(vectors * self.width**0.5 + waves)

    def _logits(self, x: Tensor) -> Tensor:
        x = self.said_norm(x)
        return F.linear(x, self.said.weight) if self.output is None else self.output(x)
