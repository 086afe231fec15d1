"""F1 of the spans that tags mark: names of people, say, of which every word has to be right."""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from torch import Tensor

from mapsto.core.nouns import Measure
from mapsto.measures.precise import precise
from mapsto.measures.shapes import need_tags

MARKED = re.compile(r"([BIES])(?:-(.+))?", re.DOTALL)
OUTSIDE = 0


class SpanF1(Measure):
    """2 hits / (predicted + true) spans, of all kinds together; a hit begins, ends and is called as a true one.

    As conlleval (Tjong Kim Sang and Buchholz 2000) and seqeval at its defaults count: a word in a span begins a new one if it
    is tagged B or S, if the word before is in none or was tagged E or S, or if that was of another kind. So tags of the
    IOB1, IOB2, IOE and IOBES schemes are read alike, and a span that begins with I is one.

    tags: what each place stands for: O, or B-, I-, E- or S- and a kind; the default knows one kind without a name.
    prediction, target: places among the tags, int64 [B, T], −1 where there is none. In [0, 1]; NaN where no span is true and none
    predicted.
    """

    def __init__(self, tags: list[str] | None = None):
        super().__init__()
        self.tags = ["O", "B", "I"] if tags is None else tags
        read = [MARKED.fullmatch(tag) for tag in self.tags]
        kinds = sorted({(m[2] or "") for m in read if m})
        self._kind = [kinds.index(m[2] or "") + 1 if m else OUTSIDE for m in read]  # of each tag
        self._begins = [bool(m and m[1] in "BS") for m in read]
        self._ends = [not m or m[1] in "ES" for m in read]

    def keep(self, prediction: Tensor, target: Tensor) -> Tensor:
        need_tags("SpanF1", prediction, target)
        there = target >= 0
        guess, truth = (self._spans(tags.masked_fill(~there, -1)) for tags in (prediction, target))
        hits = (guess > 0) & (guess == truth)
        return torch.stack([hits.sum(dim=1), (guess > 0).sum(dim=1), (truth > 0).sum(dim=1)], dim=1)

    def formula(self, kept: Tensor, weight: Tensor) -> Tensor:
        hits, predicted, true = precise(weight) @ precise(kept)
        return 2 * hits / (predicted + true)

    def _spans(self, tags: Tensor) -> Tensor:
        """[B, T] places of tags → [B, T], where a span begins a number that says where it ends and of what kind it is; else 0."""
        width = tags.shape[1]
        kind, begins, ends = (
            torch.tensor([*table, none], device=tags.device)[tags]  # −1, the last, is outside
            for table, none in ((self._kind, OUTSIDE), (self._begins, False), (self._ends, True))
        )
        before = torch.nn.functional.pad(kind, (1, 0))[:, :-1]
        ended = torch.nn.functional.pad(ends, (1, 0), value=True)[:, :-1]
        start = (kind != OUTSIDE) & (begins | ended | (kind != before))
        outside_or_new = torch.nn.functional.pad(start | (kind == OUTSIDE), (0, 1), value=True)
        closes = outside_or_new[:, 1:]  # what comes next is not of it
        place = torch.arange(width, device=tags.device).expand_as(tags)
        end = torch.where(closes, place, width).flip(1).cummin(dim=1).values.flip(1)
        return start * (end * (max(self._kind) + 1) + kind)


def are_spans(tags: Sequence[str]) -> bool:
    """Whether tags mark spans: all are O or like B-PER, and some span begins."""
    return all(tag == "O" or MARKED.fullmatch(tag) for tag in tags) and any(
        tag[:2] in ("B-", "S-", "I-") for tag in tags
    )
