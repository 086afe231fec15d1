"""Stochastic gradient descent, with momentum (Polyak 1964) and Nesterov's look ahead (Sutskever et al. 2013)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mapsto.core.nouns import Optimizer


@dataclass
class SGD(Optimizer):
    """A step against the gradient, with momentum; weight decay as an L2 penalty."""

    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 0.0

    def moments(self, parameter: Tensor) -> dict[str, Tensor]:
        return {"velocity": torch.zeros_like(parameter)} if self.momentum else {}

    def step(
        self,
        parameter: Tensor,
        gradient: Tensor,
        moments: dict[str, Tensor],
        rate: float | Tensor,
        decay: float,
        count: int | Tensor,
    ) -> None:
        gradient = gradient.add(parameter, alpha=decay) if decay else gradient
        if self.momentum:
            velocity = moments["velocity"].mul_(self.momentum).add_(gradient)
            gradient = gradient.add(velocity, alpha=self.momentum) if self.nesterov else velocity
        parameter.sub_(gradient * rate)

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
        if not (self.momentum or decay) and allowed is None:
            parameter.add_(gradient, alpha=-rate)
            return
        torch._fused_sgd_(
            [parameter],
            [gradient],
            list(moments.values()),
            weight_decay=decay,
            momentum=self.momentum,
            lr=rate,
            dampening=0.0,
            nesterov=bool(self.momentum) and self.nesterov,
            maximize=False,
            is_first_step=False,
            found_inf=None if allowed is None else (~allowed).float(),
        )
