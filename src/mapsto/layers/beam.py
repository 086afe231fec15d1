"""Beam search: the likeliest answer that is found by following a few beginnings at a time, for many questions at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from torch import Tensor

NOTHING = -1  # what stands behind an answer's end
THINNED = 0.75  # of the answers looked for: with no more of them left, the others are looked at no longer


class State(Protocol):
    """What a decoder knows of the answers it has begun."""

    def select(self, rows: Tensor) -> None:
        """Go on with these of them, [N'], some several times."""


S = TypeVar("S", bound=State)
Step = Callable[[Tensor, S], tuple[Tensor, S]]


@dataclass(frozen=True)
class Found:
    """tokens: [B, U] int64, an answer up to its end, the end itself, then −1. scores: [B], log p / length_term."""

    tokens: Tensor
    scores: Tensor


def beam(
    step: Step,
    state: S,
    first: Tensor,
    end: int,
    longest: Tensor,
    width: int = 1,
    penalty: float = 1.0,
    never: Sequence[int] = (),
) -> Found:
    """For each of B questions the best answer y by log p(y) / length_term(|y|), of those that `width` beginnings lead to.

    step: the tokens said last, [N], and the state of these N answers → logits [N, V] of what comes next, and the state that
        has read them. state: of B answers, of which nothing is said.
    first: [B], what answers begin with, and no part of them. end: the token that ends one. longest: [B], tokens of an answer
        at most, 1 or more: cut there, it counts as one that has ended. never: tokens that are not said.
    With width 1 it is greedy: the likeliest token each time. An answer hangs on no other of the batch.
    Graves 2012, arXiv:1211.3711, §3.2; normalised for length as in Wu et al. 2016, arXiv:1609.08144, §7.
    """
    questions, room = len(first), int(longest.max())
    said = first.new_full((questions, room), NOTHING)
    best = torch.full((questions,), -torch.inf, device=first.device)
    rows = torch.arange(questions, device=first.device)  # the questions that are still looked at, M of them
    on = torch.ones_like(rows, dtype=torch.bool)  # of these, those that may still find a better answer
    ended = torch.zeros_like(rows)  # how many answers to each have ended
    begun = first.new_empty(questions, 1, 0)  # [M, K, t]: what has been said in each beginning
    scores = torch.zeros(questions, 1, device=first.device)  # [M, K]: log p of each
    last, never = first, torch.tensor(list(never), dtype=torch.long, device=first.device)
    for length in range(1, room + 1):
        logits, state = step(last, state)
        log_p = logits.float().index_fill(1, never, -torch.inf).log_softmax(dim=1)
        M, K, V = *scores.shape, log_p.shape[1]
        # the best ways on of each question, best first; at most K of them end, so that `width` are left to go on with
        found, place = (scores[:, :, None] + log_p.view(M, K, V)).flatten(1).topk(min(2 * width, K * V), dim=1)
        parent, token = place // V, place % V
        ends = token == end
        cut = longest[rows] == length
        answers = (ends | cut[:, None]) & on[:, None] & found.isfinite()
        answers[:, width:] = False
        top, which = (found / length_term(length, penalty)).masked_fill(~answers, -torch.inf).max(dim=1)
        i = (top > best[rows]).nonzero()[:, 0]
        best[rows[i]] = top[i]
        said[rows[i], : length - 1] = begun[i, parent[i, which[i]]]
        said[rows[i], length - 1] = token[i, which[i]]
        ended = ended + answers.sum(dim=1)
        scores, kept = found.masked_fill(ends, -torch.inf).topk(min(width, K * (V - 1)), dim=1)
        hoped = scores[:, 0] / length_term(
            longest[rows], penalty
        )  # log p falls with every token, the term grows to this
        on = on & ~cut & (ended < width) & (hoped > best[rows])
        left = int(on.sum())
        if not left:
            break
        stay = on.nonzero()[:, 0] if left <= THINNED * M else torch.arange(M, device=first.device)
        parent, token = parent.gather(1, kept)[stay], token.gather(1, kept)[stay]
        if width > 1 or len(stay) < M:
            state.select((stay[:, None] * K + parent).flatten())
        begun = torch.cat([begun[stay[:, None], parent], token[:, :, None]], dim=2)
        rows, on, ended, scores, last = rows[stay], on[stay], ended[stay], scores[stay], token.flatten()
    return Found(said[:, : max(1, int((said != NOTHING).any(dim=0).sum()))], best)


def length_term(length: int | Tensor, penalty: float) -> float | Tensor:
    """((5 + |y|) / 6)^penalty: by what log p of longer answers is divided, since each token makes it smaller (Wu et al. 2016,
    arXiv:1609.08144, eq. 14)."""
    return ((5 + length) / 6) ** penalty
