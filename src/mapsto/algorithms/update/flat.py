"""One player's parameters, gradients and moments as a few long vectors, of which the model's tensors are views."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mapsto.algorithms.update.parts import Distances
from mapsto.core.nouns import Optimizer


class Held(ABC):
    """One player's parameters, gradients and moments, in vectors (`Flat`) or in shards (`Sharded`): what both do alike."""

    count: int  # of updates so far
    groups: list[list[nn.Parameter]]
    distances: list[int]  # of each group from the answer
    shares: list[float]  # of the learning rate, that each group takes
    values: list[Tensor]
    moments: list[dict[str, Tensor]]  # one for each of the values

    @abstractmethod
    def together(self, vectors: list[Tensor]) -> list[Tensor]:
        """What is held for each of the values → a whole vector for each group, as it is saved."""

    @abstractmethod
    def apart(self, vectors: list[Tensor]) -> list[Tensor]:
        """Undo `together`."""

    def changing(self) -> list[Tensor]:
        """What a step changes: values and moments."""
        return [*self.values, *(tensor for moments in self.moments for tensor in moments.values())]

    def state_dict(self) -> dict[str, Any]:
        vectors = {name: self.together([m[name] for m in self.moments]) for name in self.moments[0]}
        return {
            "count": self.count,
            "moments": [{n: v[k] for n, v in vectors.items()} for k in range(len(self.groups))],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.count = state["count"]
        for name in self.moments[0]:
            saved = self.apart([vectors[name] for vectors in state["moments"]])
            for mine, vector in zip(self.moments, saved, strict=True):
                mine[name].copy_(vector)


class Flat(Held):
    """The trainable parameters of `module`, tied ones once and frozen ones left out, in one vector a group (see `grouped`).

    numbers [2P]: all values and all gradients, one after the other, so that one look can be at all of them.
    distances: of parameters from the answer, where rates differ by it.
    """

    def __init__(self, module: nn.Module, optimizer: Optimizer, distances: Distances | None = None):
        self.optimizer, self.count, self.layout = optimizer, 0, "contiguous"
        groups = grouped(module, optimizer, distances)
        self.groups = [group.parameters for group in groups]
        self.distances, self.shares = [group.distance for group in groups], [1.0] * len(groups)
        self.parameters = [p for parameters in self.groups for p in parameters]
        self.decays = [group.decay for group in groups]
        self.numbers = torch.cat([p.detach().reshape(-1) for p in self.parameters] * 2) if groups else torch.empty(0)
        values, self.gradient = self.numbers.chunk(2) if self.parameters else (self.numbers, self.numbers)
        sizes = [sum(p.numel() for p in parameters) for parameters in self.groups]
        self.values, self.gradients = list(values.split(sizes)), list(self.gradient.split(sizes))
        self.forget()
        self._point()
        self.moments = [optimizer.moments(v) for v in self.values]

    def arrange(self, layout: str) -> None:
        """Lay the weights of convolutions out like the pictures that come to them: channels last, or contiguous."""
        vectors = (
            [self.values, self.gradients, *([m[name] for m in self.moments] for name in self.moments[0])]
            if self.groups
            else []
        )
        before = [self.together(each) for each in vectors]
        self.layout = layout
        for each, whole in zip(vectors, before, strict=True):
            for vector, now in zip(each, self.apart(whole), strict=True):
                vector.copy_(now)
        self._point()

    def together(self, vectors: list[Tensor]) -> list[Tensor]:
        """A vector for each group in the order in which it is saved, whatever the layout."""
        return [
            torch.cat([viewed(piece, p.shape, self.layout).reshape(-1) for p, piece in _pieces(group, vector)])
            if self._turned(group)
            else vector
            for group, vector in zip(self.groups, vectors, strict=True)
        ]

    def apart(self, vectors: list[Tensor]) -> list[Tensor]:
        """Undo `together`."""
        return [
            torch.cat([laid(piece.view(p.shape), self.layout) for p, piece in _pieces(group, vector)])
            if self._turned(group)
            else vector
            for group, vector in zip(self.groups, vectors, strict=True)
        ]

    def formula(self, gradients: list[Tensor], rate: Tensor, count: Tensor, allowed: Tensor) -> None:
        """`step` as the optimizer's formula, told everything as tensors: for a graph or a compiler. `count` is the caller's."""
        for value, gradient, moments, decay, share in zip(
            self.values, gradients, self.moments, self.decays, self.shares, strict=True
        ):
            self.optimizer.masked(value, gradient, moments, rate * share, decay, count, allowed)

    def forget(self) -> None:
        self.gradient.zero_()

    def backward(self, loss: Tensor, more: bool = False) -> None:
        """Leave the gradient in the vector, or add it to what is there where there is `more` of the same loss; other players'
        parameters stay still. Gradients are copied when all are there: autograd would add each to a vector of zeros, which long
        vectors pay for with twice the way through memory."""
        found = torch.autograd.grad(loss, self.parameters, allow_unused=True)
        there = [(p.grad, g) for p, g in zip(self.parameters, found, strict=True) if g is not None]
        if len(there) < len(found) and not more:
            self.forget()  # what the loss does not hang on
        if there:
            (torch._foreach_add_ if more else torch._foreach_copy_)(*map(list, zip(*there, strict=True)))

    def squares(self) -> Tensor:
        """The sum of the squares of all values and gradients, finite only if each of them is."""
        return self.numbers.dot(self.numbers)

    def clip(self, largest: float) -> None:
        """Shrink the whole gradient to a norm of at most `largest`; no look at the device."""
        factor = shrinking(self.gradients, largest)
        for gradient in self.gradients:
            gradient.mul_(factor)

    def step(self, rate: float, allowed: Tensor | None = None) -> None:
        """One update by the optimizer's kernel. allowed: [] bool, a flag on the device without which nothing changes."""
        self.count += 1
        for value, gradient, moments, decay, share in zip(
            self.values, self.gradients, self.moments, self.decays, self.shares, strict=True
        ):
            self.optimizer.quick(value, gradient, moments, rate * share, decay, self.count, allowed)

    def _point(self) -> None:
        """Let parameters and their gradients be views of the vectors."""
        for group, values, gradients in zip(self.groups, self.values, self.gradients, strict=True):
            for (p, value), (_, gradient) in zip(_pieces(group, values), _pieces(group, gradients), strict=True):
                p.data, p.grad = viewed(value, p.shape, self.layout), viewed(gradient, p.shape, self.layout)

    def _turned(self, group: list[nn.Parameter]) -> bool:
        return self.layout == "channels-last" and any(p.ndim == 4 for p in group)


@dataclass(frozen=True)
class Group:
    """Parameters that are changed alike: by one weight decay, and at one distance from the model's answer."""

    parameters: list[nn.Parameter]
    decay: float
    distance: int = 0


def grouped(module: nn.Module, optimizer: Optimizer, distances: Distances | None = None) -> list[Group]:
    """Its trainable parameters, by their distance from the answer where that matters, and by weight decay: matrices decay, vectors
    (biases, gains of norms) do not; one group where nothing decays."""
    by_distance: dict[int, list[nn.Parameter]] = {}
    for p in module.parameters():
        if p.requires_grad:
            by_distance.setdefault(distances[p] if distances else 0, []).append(p)
    decay, groups = optimizer.weight_decay, []
    for distance, trainable in sorted(by_distance.items()):
        matrices, vectors = [p for p in trainable if p.ndim > 1], [p for p in trainable if p.ndim <= 1]
        pairs = [(matrices, decay), (vectors, 0.0)] if decay else [(matrices + vectors, 0.0)]
        groups += [Group(parameters, share, distance) for parameters, share in pairs if parameters]
    return groups


def shrinking(gradients: list[Tensor], largest: float) -> Tensor:
    """What to multiply gradients by, so that their norm together is at most `largest`."""
    norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in gradients]))
    return (largest / (norm + 1e-6)).clamp(max=1.0)


def _pieces(group: list[nn.Parameter], vector: Tensor) -> Iterable[tuple[nn.Parameter, Tensor]]:
    return zip(group, vector.split([p.numel() for p in group]), strict=True)


def viewed(piece: Tensor, shape: torch.Size, layout: str) -> Tensor:
    """A piece of a vector as the parameter it is."""
    if layout != "channels-last" or len(shape) != 4:
        return piece.view(shape)
    after, before, height, width = shape
    return piece.view(after, height, width, before).permute(0, 3, 1, 2)


def laid(parameter: Tensor, layout: str) -> Tensor:
    """Undo `viewed`: the parameter's numbers in the order of the layout."""
    turned = layout == "channels-last" and parameter.ndim == 4
    return (parameter.permute(0, 2, 3, 1) if turned else parameter).reshape(-1)
