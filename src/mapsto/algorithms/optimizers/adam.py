"""Adam: the gradient's running mean over the root of its running square (Kingma and Ba 2015, arXiv:1412.6980)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from mapsto.algorithms.optimizers.adamw import AdamW


@dataclass
class Adam(AdamW):
    """Adaptive steps; weight decay, if any, as an L2 penalty in the gradient."""

    weight_decay: float = 0.0

    kernel: ClassVar[Callable] = staticmethod(torch._fused_adam_)

    def step(
        self,
        parameter: Tensor,
        gradient: Tensor,
        moments: dict[str, Tensor],
        rate: float | Tensor,
        decay: float,
        count: int | Tensor,
    ) -> None:
        penalised = gradient.add(parameter, alpha=decay) if decay else gradient
        super().step(parameter, penalised, moments, rate, 0.0, count)
