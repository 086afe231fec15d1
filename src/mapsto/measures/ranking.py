"""Scores against truths, one question a column; and the same sorted into runs of equal scores."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from mapsto.measures.precise import precise
from mapsto.measures.shapes import need_classes, need_labels


class Runs(NamedTuple):
    """Weights of equal scores together, [N, K]: row g is the g-th score from the top, rows left over are zero."""

    positive: Tensor
    negative: Tensor


def questions(measure: str, prediction: Tensor, target: Tensor) -> Tensor:
    """What is scored and what is true, [B, 2K]: first K columns of scores, then K of truths.

    Two classes are one question (is it the second?), C > 2 classes are C questions (this one against the rest), and
    L labels are L.
    """
    if target.dim() == 2:
        need_labels(measure, prediction, target)
        return torch.cat([prediction, (target > 0.5).to(prediction.dtype)], 1)
    need_classes(measure, prediction, target)
    classes = torch.arange(prediction.shape[1], device=target.device)
    true = (target[:, None] == classes).to(prediction.dtype)
    first = 1 if prediction.shape[1] == 2 else 0
    return torch.cat([prediction[:, first:], true[:, first:]], 1)


class Ranking:
    """questions [N, 2K] in the order of their scores. A bootstrap weighs the same rows again and again: they are sorted once."""

    def __init__(self) -> None:
        self.kept: Tensor | None = None

    def runs(self, kept: Tensor, weight: Tensor) -> Runs:
        """questions [N, 2K], weight [N] → what lies at each distinct score, from the top."""
        if self.kept is not kept:
            self._sort(kept)
        weight = precise(weight)[self.order]
        positive = weight * self.true
        none = torch.zeros_like(weight)
        return Runs(none.scatter_add(0, self.run, positive), none.scatter_add(0, self.run, weight - positive))

    def _sort(self, kept: Tensor) -> None:
        scores, true = kept.chunk(2, 1)
        scores, self.order = scores.sort(0, descending=True)
        self.true = precise(true.gather(0, self.order))  # [N, K]
        new = torch.zeros_like(self.order)
        new[1:] = scores[1:] != scores[:-1]
        self.run = new.cumsum(0)  # [N, K] the number of each score's run
        self.kept = kept
