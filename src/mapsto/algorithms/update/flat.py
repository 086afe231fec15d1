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
        self.parameters, self.values, self.gradients, self.decays = [], [], [], []
        for parameters, decay in groups:
            if parameters:
                self.parameters += parameters
                self.values.append(_lay(parameters))
                self.gradients.append(_lay_gradients(parameters))
                self.decays.append(decay)
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
    """One vector with the parameters' values, and the parameters made views of it."""
    vector = torch.cat([p.detach().reshape(-1) for p in parameters])
    for p, part in zip(parameters, vector.split([p.numel() for p in parameters]), strict=True):
        p.data = part.view(p.shape)
    return vector


def _lay_gradients(parameters: list[nn.Parameter]) -> Tensor:
    vector = torch.zeros(sum(p.numel() for p in parameters), dtype=parameters[0].dtype, device=parameters[0].device)
    for p, part in zip(parameters, vector.split([p.numel() for p in parameters]), strict=True):
        p.grad = part.view(p.shape)
    return vector
