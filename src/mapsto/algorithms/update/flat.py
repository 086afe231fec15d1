"""One player's parameters, gradients and moments as a few long vectors, of which the model's tensors are views."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from mapsto.core.nouns import Optimizer


class Flat:
    """The trainable parameters of `module`, tied ones once and frozen ones left out, in one vector a group.

    There are two groups: matrices, which decay, and vectors (biases, gains of norms), which do not.
    """

    def __init__(self, module: nn.Module, optimizer: Optimizer):
        self.optimizer, self.count = optimizer, 0
        trainable = [p for p in module.parameters() if p.requires_grad]
        groups = [
            ([p for p in trainable if p.ndim > 1], optimizer.weight_decay),
            ([p for p in trainable if p.ndim <= 1], 0.0),
        ]
        self.parameters, self.both, self.decays = [], [], []
        for parameters, decay in groups:
            if parameters:
                self.parameters += parameters
                self.both.append(_lay(parameters))
                self.decays.append(decay)
        self.values, self.gradients = [b[0] for b in self.both], [b[1] for b in self.both]
        self.moments = [optimizer.moments(v) for v in self.values]

    def forget(self) -> None:
        for gradient in self.gradients:
            gradient.zero_()

    def clip(self, largest: float) -> None:
        """Shrink the whole gradient to a norm of at most `largest`; no look at the device."""
        norm = torch.stack([g.norm() for g in self.gradients]).norm()
        factor = (largest / (norm + 1e-6)).clamp(max=1.0)
        for gradient in self.gradients:
            gradient.mul_(factor)

    def squares(self) -> list[Tensor]:
        """The sum of squares of each group's values and gradients, []: finite only if all of them are."""
        return [b.view(-1).dot(b.view(-1)) for b in self.both]

    def changing(self) -> list[Tensor]:
        """What a step changes: values and moments."""
        return [*self.values, *(tensor for moments in self.moments for tensor in moments.values())]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        self.count += 1
        for value, gradient, moments, decay in zip(self.values, self.gradients, self.moments, self.decays, strict=True):
            self.optimizer.step(value, gradient, moments, rate, decay, self.count)

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count, "moments": self.moments}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.count = state["count"]
        for mine, saved in zip(self.moments, state["moments"], strict=True):
            for name, tensor in mine.items():
                tensor.copy_(saved[name])


def _lay(parameters: list[nn.Parameter]) -> Tensor:
    """[2, P]: the parameters' values in one row, of which they become views, and beside it their gradients."""
    sizes = [p.numel() for p in parameters]
    both = torch.zeros(2, sum(sizes), dtype=parameters[0].dtype, device=parameters[0].device)
    torch.cat([p.detach().reshape(-1) for p in parameters], out=both[0])
    for p, value, gradient in zip(parameters, both[0].split(sizes), both[1].split(sizes), strict=True):
        p.data, p.grad = value.view(p.shape), gradient.view(p.shape)
    return both
