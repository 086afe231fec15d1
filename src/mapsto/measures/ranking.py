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


def runs(kept: Tensor, weight: Tensor) -> Runs:
    """questions [N, 2K], weight [N] → what lies at each distinct score, from the top."""
    scores, true = kept.chunk(2, 1)
    scores, order = scores.sort(0, descending=True)
    weight, true = precise(weight)[order], precise(true.gather(0, order))
    new = torch.zeros_like(order)
    new[1:] = scores[1:] != scores[:-1]
    run = new.cumsum(0)
    none = torch.zeros_like(weight)
    return Runs(none.scatter_add(0, run, weight * true), none.scatter_add(0, run, weight * (1 - true)))
