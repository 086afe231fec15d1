"""One player's parameters, gradients and moments as a few long vectors, of which the model's tensors are views."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from mapsto.core.nouns import Optimizer


class Flat:
    """The trainable parameters of `module`, tied ones once and frozen ones left out, in one vector a group.

    There are two groups: matrices, which decay, and vectors (biases, gains of norms), which do not. numbers [2P]: all values
    and all gradients, one after the other, so that one look can be at all of them.
    """

    def __init__(self, module: nn.Module, optimizer: Optimizer):
        self.optimizer, self.count = optimizer, 0
        trainable = [p for p in module.parameters() if p.requires_grad]
        groups = [
            ([p for p in trainable if p.ndim > 1], optimizer.weight_decay),
            ([p for p in trainable if p.ndim <= 1], 0.0),
        ]
        groups = [(parameters, decay) for parameters, decay in groups if parameters]
        self.parameters = [p for parameters, _ in groups for p in parameters]
        self.decays = [decay for _, decay in groups]
        self.numbers = _lay(self.parameters)
        values, self.gradient = self.numbers.chunk(2) if self.parameters else (self.numbers, self.numbers)
        sizes = [sum(p.numel() for p in parameters) for parameters, _ in groups]
        self.values, self.gradients = list(values.split(sizes)), list(self.gradient.split(sizes))
        self.moments = [optimizer.moments(v) for v in self.values]

    def forget(self) -> None:
        self.gradient.zero_()

    def backward(self, loss: Tensor) -> None:
        loss.backward(inputs=self.parameters)  # the other players stay still

    def squares(self) -> Tensor:
        """The sum of the squares of all values and gradients, finite only if each of them is."""
        return self.numbers.dot(self.numbers)

    def clip(self, largest: float) -> None:
        """Shrink the whole gradient to a norm of at most `largest`; no look at the device."""
        norm = torch.stack([g.norm() for g in self.gradients]).norm()
        factor = (largest / (norm + 1e-6)).clamp(max=1.0)
        for gradient in self.gradients:
            gradient.mul_(factor)

    def changing(self) -> list[Tensor]:
        """What a step changes: values and moments."""
        return [*self.values, *(tensor for moments in self.moments for tensor in moments.values())]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        self.count += 1
        for value, gradient, moments, decay in zip(self.values, self.gradients, self.moments, self.decays, strict=True):
            self.optimizer.step(value, gradient, moments, rate, decay, self.count)

    def together(self, vectors: list[Tensor]) -> list[Tensor]:
        """A vector for each group, as it is saved: see `Sharded`."""
        return vectors

    def apart(self, vectors: list[Tensor]) -> list[Tensor]:
        return vectors

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count, "moments": self.moments}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.count = state["count"]
        for mine, saved in zip(self.moments, state["moments"], strict=True):
            for name, tensor in mine.items():
                tensor.copy_(saved[name])


def _lay(parameters: list[nn.Parameter]) -> Tensor:
    """[2P]: the parameters' values, of which they become views, and after them their gradients."""
    if not parameters:
        return torch.empty(0)
    sizes = [p.numel() for p in parameters]
    vector = torch.zeros(2 * sum(sizes), dtype=parameters[0].dtype, device=parameters[0].device)
    values, gradients = vector.chunk(2)
    for p, value, gradient in zip(parameters, values.split(sizes), gradients.split(sizes), strict=True):
        value.copy_(p.detach().reshape(-1))
        p.data, p.grad = value.view(p.shape), gradient.view(p.shape)
    return vector
