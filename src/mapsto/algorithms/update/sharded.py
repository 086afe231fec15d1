"""Fully sharded learning by PyTorch's FSDP2: each process keeps a part of every weight, gradient and moment.

A block's weights come together for its forward and its backward pass, and part again. Zhao et al. 2023, arXiv:2304.11277;
`torch.distributed.fsdp.fully_shard`. All that the house knows of DTensors is in this file: outside of it, a checkpoint of a
model in shards is that of any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from mapsto.algorithms.update.diagnosis import Diagnosis, given
from mapsto.algorithms.update.flat import Held, grouped
from mapsto.algorithms.update.parts import Distances
from mapsto.core import world
from mapsto.core.batch import Batch
from mapsto.core.nouns import Optimizer


def shard(model: nn.Module, players: Iterable[str], device: torch.device) -> None:
    """Divide the weights of each player among the processes: block by block, where a block is a child that holds weights.

    Blocks that share a weight stay together. A block has to be called, not reached into: its weights are there only then.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    for p in model.parameters():
        p.data = p.data.contiguous()  # FSDP2 takes no other layout of a weight
    mesh = init_device_mesh(device.type, (world.size(),))
    for player in players:
        whole = model.get_submodule(player)
        for part in (*_blocks(whole), whole):
            fully_shard(part, mesh=mesh, reshard_after_forward=True)  # the root too: exams change weights under it
            part.set_gradient_divide_factor(1.0)  # a sum: the mean is taken by the count of all processes
            part.set_force_sum_reduction_for_comms(True)  # which gloo needs


def is_sharded(model: nn.Module) -> bool:
    return world.started() > 1 and any(map(_parted, model.parameters()))


def whole(tensor: Tensor) -> Tensor:
    """The whole of a tensor in shards, on the CPU of the first process; elsewhere its shape alone. Others as they are."""
    return _gathered(tensor.to_local(), tensor) if _parted(tensor) else tensor


def fill(model: nn.Module, weights: dict[str, Tensor]) -> None:
    """Put weights, whole or in shards, into a model in shards."""
    for name, mine in model.state_dict().items():
        came = weights[name]
        if not _parted(mine):
            mine.copy_(came)
        else:
            mine.to_local().copy_(came.to_local() if _parted(came) else _part(came, mine))


class Sharded(Held):
    """What `Flat` is, for a player in shards: its tensors stay apart, and the optimizer's formula is taken on each part.

    Its state is that of a `Flat`: moments of all matrices one after the other, then of all vectors.
    """

    def __init__(self, model: nn.Module, module: nn.Module, optimizer: Optimizer, distances: Distances | None = None):
        self.optimizer, self.count, self.model = optimizer, 0, model
        groups = grouped(module, optimizer, distances)
        self.groups = [group.parameters for group in groups]
        self.distances, self.shares = [group.distance for group in groups], [1.0] * len(groups)
        self.parameters = [p for group in self.groups for p in group]
        self.moments = [optimizer.moments(value) for value in self.values]

    @property
    def values(self) -> list[Tensor]:
        """This process's part of each parameter."""
        return [p.detach().to_local() for p in self.parameters]

    @property
    def gradients(self) -> list[Tensor]:
        return [
            torch.zeros_like(v) if p.grad is None else p.grad.to_local()
            for p, v in zip(self.parameters, self.values, strict=True)
        ]

    def forget(self) -> None:
        for p in self.model.parameters():  # those of the other players too: see `backward`
            p.grad = None

    def backward(self, loss: Tensor, more: bool = False) -> None:
        """The gradients of all players, of which this one's are used: FSDP2 brings weights anew, and none can be named."""
        if not more:
            self.forget()
        loss.backward()

    def squares(self) -> Tensor:
        """The sum of the squares of all values and gradients."""
        return self._squares([*self.values, *self.gradients])

    def clip(self, largest: float) -> None:
        factor = (largest / (self._squares(self.gradients).sqrt() + 1e-6)).clamp(max=1.0)
        for gradient in self.gradients:
            gradient.mul_(factor)

    @torch.no_grad()
    def step(self, rate: float, allowed: Tensor | None = None) -> None:
        self.count += 1
        shares = [share for group, share in zip(self.groups, self.shares, strict=True) for _ in group]
        for p, value, gradient, moments, share in zip(
            self.parameters, self.values, self.gradients, self.moments, shares, strict=True
        ):
            decay = self.optimizer.weight_decay if p.ndim > 1 else 0.0
            self.optimizer.quick(value, gradient, moments, rate * share, decay, self.count, allowed)

    def together(self, parts: list[Tensor]) -> list[Tensor]:
        """A part for each parameter → a vector for each group, as a `Flat` has them."""
        left = iter(parts)
        return [torch.cat([_gathered(next(left), p).flatten() for p in group]) for group in self.groups]

    def apart(self, vectors: list[Tensor]) -> list[Tensor]:
        """Undo `together`."""
        return [
            _part(piece.view(p.shape), p)
            for group, vector in zip(self.groups, vectors, strict=True)
            for p, piece in zip(group, vector.split([p.numel() for p in group]), strict=True)
        ]

    def diagnose(self, parts: list[Batch]) -> Diagnosis:
        """Why an update was not sound, as far as one process can tell by itself: a layer is asked by all or by none."""
        if not all(torch.isfinite(value).all() for value in self.values):
            return Diagnosis("a weight is not finite", [], lasting=True)
        return next(filter(None, map(given, parts)), Diagnosis("a loss or a gradient is not finite", []))

    def _squares(self, tensors: list[Tensor]) -> Tensor:
        return world.total(torch.stack([t.square().sum() for t in tensors]).sum())


def _blocks(module: nn.Module) -> Iterator[nn.Module]:
    holders: dict[nn.Parameter, int] = {}
    blocks = list(_called(module))
    for block in blocks:
        for p in set(block.parameters()):
            holders[p] = holders.get(p, 0) + 1
    for p in module.parameters(recurse=False):
        holders[p] = holders.get(p, 0) + 1
    yield from (block for block in blocks if all(holders[p] == 1 for p in block.parameters()))


def _called(module: nn.Module) -> Iterator[nn.Module]:
    """The children that hold weights; of a list of modules, which nobody calls, its members."""
    for child in module.children():
        if isinstance(child, nn.ModuleList | nn.ModuleDict):
            yield from _called(child)
        elif any(True for _ in child.parameters()):
            yield child


def _parted(tensor: Tensor) -> bool:
    if world.started() == 1:  # then nothing is, and nothing need be imported to see it
        return False
    from torch.distributed.tensor import DTensor

    return isinstance(tensor, DTensor)


def _gathered(part: Tensor, like: Any) -> Tensor:
    from torch.distributed.tensor import DTensor

    parted = DTensor.from_local(
        part, like.device_mesh, like.placements, run_check=False, shape=like.shape, stride=like.stride()
    )
    found = parted.full_tensor()
    return found.cpu() if world.rank() == 0 else found.to("meta")


def _part(tensor: Tensor, like: Any) -> Tensor:
    """This process's part of a whole tensor that everybody has."""
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(tensor.to(like.device), like.device_mesh, like.placements, src_data_rank=None).to_local()
