"""Sums over examples are taken in float64, so that a measure does not depend on how batches were cut."""

from __future__ import annotations

import torch
from torch import Tensor


def precise(values: Tensor) -> Tensor:
    """The values as float64; as float32 on Apple's devices, which have nothing wider."""
    return values.to(torch.float32 if values.device.type == "mps" else torch.float64)


def mean(values: Tensor, weight: Tensor) -> Tensor:
    """values [N], weight [N] → their weighted mean, []. NaN where the weights add up to nothing."""
    weight = precise(weight)
    return (precise(values) * weight).sum() / weight.sum()
