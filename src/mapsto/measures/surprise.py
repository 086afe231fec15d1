"""How surprised log-probabilities are by the tokens that came: what the measures of language models are made of."""

from __future__ import annotations

import torch
from torch import Tensor

from mapsto.core.errors import ShapeError
from mapsto.measures.precise import precise


def surprise(measure: str, prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Log-probabilities [B, T, V] and the tokens that came, int64 [B, T], −1 where none did → −log p of each in nats, 0 where
    none came, and whether one did, [B, T] both."""
    if prediction.ndim != 3 or target.shape != prediction.shape[:2] or target.is_floating_point():
        raise ShapeError(
            f"{measure} needs log-probabilities [B, T, V] and tokens, int64 [B, T], but was given "
            f"{list(prediction.shape)} and {target.dtype} {list(target.shape)}.",
            "For one class a row use LogLoss.",
        )
    here = target >= 0
    told = prediction.gather(2, target.clamp(min=0)[:, :, None])[:, :, 0]
    return torch.where(here, -precise(told), 0), here


def told_of(table: list[int], target: Tensor) -> Tensor:
    """What a table [V] says of the tokens [B, T]; 0 where there is none."""
    told = torch.tensor(table, device=target.device)[target.clamp(min=0)]
    return told.masked_fill(target < 0, 0)
