"""PyTorch by hand: as its quickstart tutorial writes it, and as its tuning guide and an expert would.

Source: docs.pytorch.org/tutorials/beginner/basics/quickstart_tutorial, …/recipes/recipes/tuning_guide.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.speed.arms.rows import loader
from benchmarks.speed.networks import built, weights
from benchmarks.speed.task import Fitted, Task, clocked


@dataclass(frozen=True)
class Tutorial:
    """DataLoader, TensorDataset, one `.item()` a step."""

    def fit(self, task: Task, seed: int) -> Fitted:
        network = built(task, seed)
        loss_of = criterion(task)
        steps = 0
        with clocked(task) as clock:
            batches = loader(task, tuned=False)
            optimizer = optimizer_of(task, network.parameters())
            for _ in range(task.epochs):
                network.train()
                total = 0.0
                for x, y in batches:
                    loss = loss_of(network(x), y)
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    total += loss.item()
                    steps += 1
                if task.watch:
                    task.watch(lambda x: answers(network, x))
        return Fitted(clock, steps, weights(network), lambda x: answers(network, x))


@dataclass(frozen=True)
class Tuned:
    """Tensors resident, one gather an epoch, blocks of it as views, torch.optim's fastest, and the loss never looked at.

    channels_last: the layout that convolutions are fastest in. bfloat16: autocast, in the exam too. compiled: forward and
    backward pass by torch.compile. heap: memory that a step frees is kept for the next (glibc's mallopt).
    """

    channels_last: bool = False
    bfloat16: bool = False
    compiled: bool = False
    heap: bool = False

    def fit(self, task: Task, seed: int) -> Fitted:
        network = built(replace(task, started=None) if self.compiled else task, seed)  # a hook would be compiled too
        step = loss = lossy(task, network)
        steps = 0
        with clocked(task) as clock:
            if self.heap:
                keep_heap()
            if self.channels_last:
                network.to(memory_format=torch.channels_last)
            if self.bfloat16:
                step = torch.autocast("cpu", torch.bfloat16)(loss)
            if self.compiled:
                step = torch.compile(step, dynamic=False)
            x, y = torch.from_numpy(task.x), torch.from_numpy(task.y)
            optimizer = fastest_optimizer(task, network.parameters())
            for _ in range(task.epochs):
                network.train()
                order = torch.randperm(len(x))
                for xs, ys in zip(x[order].split(task.batch), y[order].split(task.batch), strict=True):
                    step(xs, ys).backward()
                    optimizer.step()
                    optimizer.zero_grad()
                    steps += 1
                    if self.compiled and steps == 1 and task.started:
                        task.started()
                if task.watch:
                    task.watch(lambda x: answers(network, x, self.bfloat16))
        return Fitted(clock, steps, weights(network), lambda x: answers(network, x, self.bfloat16))


@dataclass(frozen=True)
class Flat:
    """Beyond the tuning guide: weights and gradients in one vector each, updated without torch.optim where that is a line."""

    def fit(self, task: Task, seed: int) -> Fitted:
        network = built(task, seed)
        loss = lossy(task, network)
        steps = 0
        with clocked(task) as clock:
            x, y = torch.from_numpy(task.x), torch.from_numpy(task.y)
            values, gradients = flattened(network)
            optimizer = None if task.optimizer == "sgd" else fastest_optimizer(task, [values])
            for _ in range(task.epochs):
                network.train()
                order = torch.randperm(len(x))
                for xs, ys in zip(x[order].split(task.batch), y[order].split(task.batch), strict=True):
                    loss(xs, ys).backward()
                    if optimizer is None:
                        values.data.add_(gradients, alpha=-task.rate)
                    else:
                        optimizer.step()
                    gradients.zero_()
                    steps += 1
                if task.watch:
                    task.watch(lambda x: answers(network, x))
        return Fitted(clock, steps, weights(network), lambda x: answers(network, x))


def lossy(task: Task, network: nn.Module) -> Callable[[Tensor, Tensor], Tensor]:
    loss_of = criterion(task)
    return lambda x, y: loss_of(network(x), y)


def criterion(task: Task) -> Callable[[Tensor, Tensor], Tensor]:
    if task.loss == "next-token":
        return lambda logits, y: F.cross_entropy(logits.flatten(0, 1), y.flatten())  # [B, T, V], [B, T]
    if task.loss == "squared":
        return lambda output, y: F.mse_loss(output.squeeze(1), y)  # [B, 1], [B]
    return F.cross_entropy


def optimizer_of(task: Task, parameters, **how: bool) -> torch.optim.Optimizer:
    """how: `fused` or `foreach`; without, torch.optim goes tensor by tensor on a CPU."""
    if task.optimizer == "sgd":
        return torch.optim.SGD(parameters, task.rate, **how)
    if task.optimizer == "adam":
        return torch.optim.Adam(parameters, task.rate, **how)
    return torch.optim.AdamW(parameters, task.rate, weight_decay=task.decay, **how)


def fastest_optimizer(task: Task, parameters) -> torch.optim.Optimizer:
    """Measured on the digits MLP, µs a step of the whole loop: SGD alone 221, fused 235, foreach 240; AdamW 371, 275, 380."""
    return optimizer_of(task, parameters, fused=task.optimizer != "sgd")


def flattened(network: nn.Module) -> tuple[nn.Parameter, Tensor]:
    """All weights as one parameter, and their gradient [P]; the network's own tensors become views of both."""
    parameters = list(network.parameters())
    values = nn.Parameter(torch.cat([p.detach().reshape(-1) for p in parameters]))
    values.grad = torch.zeros_like(values)
    sizes = [p.numel() for p in parameters]
    for p, value, gradient in zip(parameters, values.data.split(sizes), values.grad.split(sizes), strict=True):
        p.data, p.grad = value.view(p.shape), gradient.view(p.shape)
    return values, values.grad


@torch.no_grad()
def answers(network: nn.Module, x: np.ndarray, bfloat16: bool = False) -> np.ndarray:
    network.eval()
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        return torch.cat([network(rows).float() for rows in torch.from_numpy(x).split(1024)]).numpy()


def keep_heap() -> None:
    """glibc hands memory back to the kernel between steps; told not to, it need not be asked for again."""
    libc = ctypes.CDLL(None)
    for option, value in ((-1, 2**31 - 1), (-2, 64 << 20), (-4, 0)):  # trim threshold, top pad, mmap max
        libc.mallopt(option, value)
