"""AdamW: Adam with weight decay apart from the gradient (Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from mapsto.core.nouns import Optimizer


@dataclass
class AdamW(Optimizer):
    """Steps of about one learning rate a parameter, whatever its gradient's size; weights shrink on their own."""

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.01

    kernel: ClassVar[Callable] = staticmethod(
        torch._fused_adamw_
    )  # torch.optim.AdamW(fused=True)'s, without its second of imports

    def moments(self, parameter: Tensor) -> dict[str, Tensor]:
        return {"mean": torch.zeros_like(parameter), "square": torch.zeros_like(parameter)}

    def step(
        self,
        parameter: Tensor,
        gradient: Tensor,
        moments: dict[str, Tensor],
        rate: float | Tensor,
        decay: float,
        count: int | Tensor,
    ) -> None:
        mean = moments["mean"].lerp_(gradient, 1 - self.beta1)
        square = moments["square"].mul_(self.beta2).addcmul_(gradient, gradient, value=1 - self.beta2)
        unbias1, unbias2 = 1 - self.beta1**count, 1 - self.beta2**count
        parameter.mul_(1 - rate * decay)
        parameter.sub_(mean / (square.sqrt() / unbias2**0.5 + self.epsilon) * (rate / unbias1))

    def quick(
        self,
        parameter: Tensor,
        gradient: Tensor,
        moments: dict[str, Tensor],
        rate: float,
        decay: float,
        count: int,
        allowed: Tensor | None = None,
    ) -> None:
        self.kernel(
            [parameter],
            [gradient],
            [moments["mean"]],
            [moments["square"]],
            [],
            [torch.full((), count, dtype=torch.float32, device=parameter.device)],
            lr=rate,
            beta1=self.beta1,
            beta2=self.beta2,
            weight_decay=decay,
            eps=self.epsilon,
            amsgrad=False,
            maximize=False,
            found_inf=None if allowed is None else (~allowed).float(),
        )
