"""Among how many words a language model is as undecided as among equally likely ones."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from mapsto.core.nouns import Measure
from mapsto.measures.precise import precise
from mapsto.measures.surprise import surprise, told_of

OPENS, CLOSES, WITHIN = (
    1,
    2,
    4,
)  # a mark: begins with a sign of a word; ends with one; and times, how many words begin inside


class WordPerplexity(Measure):
    """exp(Σ −log p / words), where words are what blanks set apart, however they are cut into tokens (Jelinek et al. 1977).

    marks: of each token, how words lie in it (see `marks_of`); None takes every token for a word.
    prediction: log-probabilities [B, T, V]; target: int64 [B, T], −1 where no token came. Rows are the windows of one text, in
    order: whether a word begins with a row is told by the end of the row before.
    """

    better = -1
    perfect = 1.0

    def __init__(self, marks: list[int] | None = None):
        super().__init__()
        self.marks = marks

    def keep(self, prediction: Tensor, target: Tensor) -> Tensor:
        """[B, 4]: nats; words that begin within the row; whether it opens with a sign of a word, and ends with one."""
        nats, here = surprise("WordPerplexity", prediction, target)
        if self.marks is None:
            words, opens, closes = here.sum(1), torch.zeros_like(here[:, 0]), torch.zeros_like(here[:, 0])
        else:
            mark = told_of(self.marks, target)
            opening, closing = mark & OPENS > 0, mark & CLOSES > 0
            last = (here.sum(1, keepdim=True) - 1).clamp(min=0)
            between = opening[:, 1:] & ~closing[:, :-1] & here[:, 1:]
            words = (mark // WITHIN).sum(1) + between.sum(1)
            opens, closes = opening[:, 0], closing.gather(1, last)[:, 0]
        return torch.stack([nats.sum(1), *map(precise, (words, opens, closes))], dim=1)

    def formula(self, kept: Tensor, weight: Tensor) -> Tensor:
        nats, words, opens, closes = precise(kept).unbind(1)
        before = torch.cat([closes.new_zeros(1), closes[:-1]])  # a text begins with a word
        words = words + opens * (1 - before)
        weight = precise(weight)
        return ((weight * nats).sum() / (weight * words).sum()).exp()


def marks_of(spelled: list[bytes]) -> list[int]:
    """The marks of tokens, from what each adds to a text."""
    return [_mark(token.decode("latin-1")) for token in spelled]


def _mark(token: str) -> int:
    blank = [c in " \t\n\r\v\f" for c in token]
    within = sum(a and not b for a, b in pairwise(blank))
    return (OPENS * (not blank[0]) + CLOSES * (not blank[-1]) if blank else 0) + WITHIN * within
