"""What the most similar sentence of the training texts was translated by: the translator that has to be beaten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from mapsto.core.batch import Batch, Field
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Problem, Shape, Solvable
from mapsto.domains.tokenizer import END, SPECIAL, START
from mapsto.layers.rareness import once, rareness, shares
from mapsto.layers.tokens import tokens_of
from mapsto.layers.trees import within
from mapsto.models.shallow import ABSENT, require_solved

AT_ONCE = 1 << 24  # similarities that are held at a time: 64 MB
ALIKE = 1 << 20  # similarities that differ by less than 1 / ALIKE are one, so that rounding does not choose


@dataclass
class Saying:
    """How far an answer has got: all of it, `answers` [N, L], and the place that comes next; see layers/beam.py."""

    answers: Tensor
    place: int = 0

    def select(self, rows: Tensor) -> None:
        self.answers = self.answers[rows]


class NearestSentence(Solvable):
    """Says what the training sentence nearest to the one asked about was answered by, word for word: an example-based translation
    without the adapting (Nagao 1984, "A framework of a mechanical translation …").

    Nearest is the largest cosine between sentences as layers/rareness.py counts them, that is, the rarest words in common; of
    several, the first.

    inputs: {"tokens": [V]}; outputs: tokens that an answer is made of.
    forward: tokens said so far, [B, U] → logits of what comes after each of them, [B, U, outputs], given the input
        {"tokens": [B, S], "count": [B]}; of the first token, [B, outputs], where none are given. See `Translator`.
    Cost: solving only stores. Each answer compares with all sentences, token by token.
    """

    exempt: ClassVar[dict[str, str]] = {"one-answer": "it says a sentence"}

    def __init__(self, inputs: Shape, outputs: int):
        super().__init__()
        self.inputs, self.outputs = inputs, outputs
        self.register_buffer("rareness", torch.ones(tokens_of(inputs, "NearestSentence")))
        self.register_buffer("read", torch.empty(0, dtype=torch.long))  # the tokens of all sentences, each once
        self.register_buffer("share", torch.empty(0))  # x of each
        self.register_buffer("reads", torch.empty(0, dtype=torch.long))  # [N + 1], where each sentence begins
        self.register_buffer("said", torch.empty(0, dtype=torch.long))  # the tokens of all answers, each up to its END
        self.register_buffer("says", torch.empty(0, dtype=torch.long))  # [N + 1], where each answer begins

    def solve(self, batch: Batch, problem: Problem, seed: int) -> None:
        if problem != "translation":
            raise FrameError(
                f"NearestSentence solves translation, but this is {problem}.", "Choose another model.", "F004"
            )
        said = batch["target"]["tokens"]
        counts = batch.get("weight", torch.ones(len(said), device=said.device)) > 0
        tokens, first = (part[counts] for part in once(batch["input"]))
        self.rareness = rareness(tokens, first, len(self.rareness))
        self.read, self.share = tokens[first], shares(self.rareness, tokens, first)[first]
        self.reads = _edges(first)
        said = said[counts]
        words = (said >= len(SPECIAL)) | (said == END)
        self.said, self.says = said[words], _edges(words)

    def forward(self, input: Field, tokens: Tensor | None = None) -> Tensor:
        if tokens is not None:
            return self.decode(self.encode(input), tokens)
        return self.decode(self.encode(input), input["tokens"].new_full((len(input["tokens"]), 1), START))[:, 0]

    def encode(self, input: Field) -> Tensor:
        """{"tokens": [B, S], "count": [B]} → the answer to each, [B, L], END from its end on."""
        require_solved(self, self.says)
        row = self.nearest(input)
        start, count = self.says[row], self.says[row + 1] - self.says[row]
        place = torch.arange(max(1, int(count.max())), device=row.device)
        answers = self.said[(start[:, None] + place).clamp(max=max(0, len(self.said) - 1))]
        return answers.masked_fill(place >= count[:, None], END)

    def nearest(self, input: Field) -> Tensor:
        """Which training sentence is nearest to each, [B]."""
        tokens, first = once(input)
        share, found = shares(self.rareness, tokens, first), []
        for rows in torch.arange(len(tokens), device=tokens.device).split(max(1, AT_ONCE // len(self.reads))):
            here = first[rows]
            column = torch.arange(len(rows), device=tokens.device)[:, None].expand_as(here)
            asked = share.new_zeros(len(self.rareness), len(rows))
            asked[tokens[rows][here], column[here]] = share[rows][here]
            cosine = F.embedding_bag(
                self.read, asked, self.reads, mode="sum", per_sample_weights=self.share, include_last_offset=True
            )  # [N, rows]: sums over the tokens of each sentence
            found.append((cosine * ALIKE).round().argmax(dim=0))
        return torch.cat(found)

    def decode(self, memory: Tensor, tokens: Tensor) -> Tensor:
        """The answers [B, L] and the tokens said [B, U] → logits of the token after each, [B, U, outputs]: which tokens came
        before says nothing but how many."""
        place = torch.arange(tokens.shape[1], device=tokens.device).clamp(max=memory.shape[1] - 1)
        return self._logits(memory[:, place])

    def begin(self, memory: Tensor) -> Saying:
        """Nothing said yet."""
        return Saying(memory)

    def step(self, tokens: Tensor, saying: Saying) -> tuple[Tensor, Saying]:
        """The tokens said last, [N] → logits of the next, [N, outputs], and how far the answers are."""
        last = saying.answers.shape[1] - 1
        return self._logits(saying.answers[:, min(saying.place, last)]), Saying(saying.answers, saying.place + 1)

    def odd(self) -> str:
        for edges, inside in ((self.reads, self.read), (self.says, self.said)):
            ascending = len(edges) > 1 and edges[0] == 0 and edges[-1] == len(inside) and (edges.diff() >= 0).all()
            if not ascending:
                return "its sentences are not where it says"
        if len(self.reads) != len(self.says) or len(self.share) != len(self.read):
            return "there is not one answer to each sentence"
        inside = within(self.read, len(self.rareness)) and within(self.said, self.outputs)
        return "" if inside else "a sentence has a token that is none"

    def _logits(self, next: Tensor) -> Tensor:
        """Tokens [...] → logits [..., outputs], all but certain of them."""
        sure = self.rareness.new_full((*next.shape, self.outputs), ABSENT)
        return sure.scatter_(-1, next[..., None], 0.0)


def _edges(counts: Tensor) -> Tensor:
    """Which places of each row count, [N, T] → where each row begins among those that do, and where the last ends, [N + 1]."""
    return F.pad(counts.sum(dim=1).cumsum(0), (1, 0))
