"""Several labels a row: which were predicted and which are true, in one small number a label."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from mapsto.measures.precise import precise
from mapsto.measures.shapes import need_labels


class Counts(NamedTuple):
    """Weighted counts of each label, [L]: truly predicted, predicted, true."""

    hits: Tensor
    predicted: Tensor
    true: Tensor


def marks(measure: str, prediction: Tensor, target: Tensor, thresholds: float | list[float]) -> Tensor:
    """Probabilities [B, L] and zeros and ones [B, L] → uint8 [B, L]: 1 where predicted plus 2 where true."""
    need_labels(measure, prediction, target)
    predicted = prediction >= torch.as_tensor(thresholds, dtype=prediction.dtype, device=prediction.device)
    return predicted.to(torch.uint8) + 2 * (target > 0.5).to(torch.uint8)


def counts(kept: Tensor, weight: Tensor) -> Counts:
    """marks [N, L], weight [N] → what F1 is made of."""
    weight = precise(weight)
    return Counts(
        weight @ precise(kept == 3),
        weight @ precise((kept == 1) | (kept == 3)),
        weight @ precise(kept >= 2),
    )
