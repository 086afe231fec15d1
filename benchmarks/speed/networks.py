"""The networks as plain PyTorch modules; every arm on PyTorch gets the same weights from the same seed."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from benchmarks.speed.task import Task


def built(task: Task, seed: int) -> nn.Module:
    """The task's network with weights that are a function of the seed; tells `task.started` when the first step is over."""
    torch.manual_seed(seed)
    network = NETWORKS[task.network]()
    if task.started:
        _tell_at_second_pass(network, task.started)
    return network


def _digits_mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))


def _mnist_cnn() -> nn.Module:
    """421,642 weights."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * 7 * 7, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


def _table_mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(50, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1), nn.Flatten(0))


NETWORKS = {"digits-mlp": _digits_mlp, "mnist-cnn": _mnist_cnn, "table-mlp": _table_mlp}


def weights(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def _tell_at_second_pass(network: nn.Module, started) -> None:
    """Call `started` when the second training pass begins, and never look again."""
    passes = 0

    def count(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        nonlocal passes
        passes += module.training and torch.is_grad_enabled()
        if passes == 2:
            hook.remove()
            started()

    hook = network.register_forward_pre_hook(count)
