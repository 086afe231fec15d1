"""Sequence to sequence by recurrent networks: one reads a text, another says what it has understood, token by token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from mapsto.core.batch import Field
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Shape
from mapsto.domains.tokenizer import PAD, START
from mapsto.layers.additive_attention import AdditiveAttention
from mapsto.layers.reading import CELLS, Reading
from mapsto.layers.tokens import Tokens, real


@dataclass
class Memory:
    """What has been read: `states` [B, S, M] at each place, those that are `here` [B, S], what they offer to attention,
    `offered` [B, S, A] where there is any; `summary` [B, M], all in one; and what the decoder begins with, each [L, B, W]."""

    states: Tensor
    here: Tensor
    offered: Tensor | None
    summary: Tensor
    hidden: tuple[Tensor, ...]


@dataclass
class Saying:
    """How far an answer has got; see layers/beam.py."""

    memory: Memory

    def select(self, rows: Tensor) -> None:
        old = self.memory
        self.memory = Memory(
            old.states[rows],
            old.here[rows],
            None if old.offered is None else old.offered[rows],
            old.summary[rows],
            tuple(part.index_select(1, rows) for part in old.hidden),
        )


class Seq2Seq(nn.Module):
    """A recurrent encoder that reads both ways, and a recurrent decoder that begins with what it made of the text.

    inputs: {"tokens": [V]}. outputs: tokens that an answer is made of. cell: "gru" (Cho et al. 2014, arXiv:1406.1078) or
        "lstm" (Sutskever et al. 2014, arXiv:1409.3215). width: of a state, of each direction where it reads. depth: layers.
    embedding: width of a token's vector. attention: with "none", the decoder is told the same summary at every step (Cho et
        al. 2014, §2.2); with "additive" it asks at each step what to look at (Bahdanau et al. 2015, arXiv:1409.0473).
    dropout: of the tokens' vectors, between layers, and before what is said.
    forward: tokens said so far, [B, U] → logits of what comes after each of them, [B, U, outputs], given the input
        {"tokens": [B, S], "count": [B]}; of the first token, [B, outputs], where none are given.
    """

    def __init__(
        self,
        inputs: Shape,
        outputs: int,
        cell: Literal["gru", "lstm"] = "gru",
        width: int = 256,
        depth: int = 1,
        embedding: int = 256,
        attention: Literal["none", "additive"] = "additive",
        dropout: float = 0.3,
    ):
        super().__init__()
        if cell not in ("gru", "lstm") or attention not in ("none", "additive") or min(width, depth, embedding) < 1:
            raise FrameError(
                "Seq2Seq needs the cell gru or lstm, attention none or additive, and width, depth and embedding of at least 1, "
                f"but came {cell!r}, {attention!r}, {width}, {depth} and {embedding}."
            )
        self.inputs, self.outputs, self.cell, self.width, self.depth = inputs, outputs, cell, width, depth
        self.embedding, self.dropout = embedding, dropout
        self.attention = attention
        kind, known = CELLS[cell], 2 * width
        self.heard = Tokens(inputs, embedding, dropout)
        self.encoder = Reading(embedding, width, cell, depth, dropout=dropout)
        parts = 2 if cell == "lstm" else 1  # of a state: an LSTM's has its cells beside it
        self.bridge = nn.Linear(known, depth * parts * width)
        self.look = AdditiveAttention(width, known, width) if attention == "additive" else None
        self.said = nn.Embedding(outputs, embedding, padding_idx=PAD)
        between = dropout if depth > 1 else 0.0
        self.decoder = kind(embedding + known, width, depth, batch_first=True, dropout=between)
        self.join = nn.Linear(width + known + embedding, 2 * embedding)
        self.output = nn.Linear(embedding, outputs)
        self.drop = nn.Dropout(dropout)

    def forward(self, input: Field, tokens: Tensor | None = None) -> Tensor:
        if tokens is not None:
            return self.decode(self.encode(input), tokens)
        return self.decode(self.encode(input), input["tokens"].new_full((len(input["tokens"]), 1), START))[:, 0]

    def encode(self, input: Field) -> Memory:
        """{"tokens": [B, S], "count": [B]} → what decoding needs of it."""
        count = input["count"].clamp(min=1)
        states = self.encoder(self.heard(input), count)
        last = (count - 1)[:, None, None].expand(-1, 1, self.width)
        ahead, back = states.split(self.width, dim=2)
        summary = torch.cat([ahead.gather(1, last)[:, 0], back[:, 0]], dim=1)  # each way when it has read all
        begun = self.bridge(summary).view(len(summary), self.depth, -1).transpose(0, 1)
        hidden, *cells = (part.contiguous() for part in begun.split(self.width, dim=2))
        offered = None if self.look is None else self.look.offer(states)
        return Memory(states, real(input), offered, summary, (hidden.tanh(), *cells))

    def decode(self, memory: Memory, tokens: Tensor) -> Tensor:
        """What was read and the tokens said [B, U] → logits of the token after each, [B, U, outputs], all at once where no
        attention hangs on the state before."""
        vectors = self.drop(self.said(tokens))
        if self.look is None:
            context = memory.summary[:, None].expand(-1, vectors.shape[1], -1)
            states, _ = self.decoder(torch.cat([vectors, context], dim=2), self._hidden(memory))
            return self._logits(states, context, vectors)
        saying, found = Saying(memory), []
        for vector in vectors.split(1, dim=1):
            found.append(self._advanced(saying, vector))
        states, contexts = (torch.cat(parts, dim=1) for parts in zip(*found, strict=True))
        return self._logits(states, contexts, vectors)

    def begin(self, memory: Memory) -> Saying:
        """Nothing said yet."""
        return Saying(memory)

    def step(self, tokens: Tensor, saying: Saying) -> tuple[Tensor, Saying]:
        """The tokens said last, [N] → logits of the next, [N, outputs], and how far the answers are."""
        saying, vectors = Saying(saying.memory), self.drop(self.said(tokens[:, None]))
        state, context = self._advanced(saying, vectors)
        return self._logits(state, context, vectors)[:, 0], saying

    def _advanced(self, saying: Saying, vector: Tensor) -> tuple[Tensor, Tensor]:
        """One token on, its vector [B, 1, E]: the decoder's new state [B, 1, W], and what it looked at, [B, 1, M]."""
        now = saying.memory
        context = now.summary if self.look is None else self.look(now.hidden[0][-1], now.offered, now.states, now.here)
        state, hidden = self.decoder(torch.cat([vector, context[:, None]], dim=2), self._hidden(now))
        saying.memory = Memory(
            now.states, now.here, now.offered, now.summary, hidden if self.cell == "lstm" else (hidden,)
        )
        return state, context[:, None]

    def _hidden(self, memory: Memory) -> Tensor | tuple[Tensor, ...]:
        """As the decoder takes it."""
        return memory.hidden if self.cell == "lstm" else memory.hidden[0]

    def _logits(self, states: Tensor, context: Tensor, vectors: Tensor) -> Tensor:
        """From the state, what was looked at and the token before, by a maxout layer (Bahdanau et al. 2015, §A.2.2)."""
        joined = self.join(torch.cat([states, context, vectors], dim=2))
        return self.output(self.drop(joined.unflatten(2, (-1, 2)).amax(dim=3)))
