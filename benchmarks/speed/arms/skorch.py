"""skorch: scikit-learn's face on PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import nn

from benchmarks.speed.arms.rows import Blocks, as_it_is
from benchmarks.speed.networks import built, weights
from benchmarks.speed.task import Fitted, Task, Watch, clocked


@dataclass(frozen=True)
class Skorch:
    """tuned: callbacks disabled, as its performance page says, and batches gathered at once instead of row by row."""

    tuned: bool = False

    def fit(self, task: Task, seed: int) -> Fitted:
        network = built(task, seed)
        with clocked(task) as clock:
            net = NeuralNet(
                network,
                criterion=nn.CrossEntropyLoss,
                max_epochs=task.epochs,
                batch_size=task.batch,
                train_split=None,
                **_optimizer(task, self.tuned),
                iterator_train__shuffle=True,
                **(FAST if self.tuned else {}),
                **({"callbacks": [_Look(task.watch)]} if task.watch else {}),
            )
            if self.tuned:
                net.fit(Blocks(task.x, task.y), None)
            else:
                net.fit(task.x, task.y)
        steps = sum(len(epoch["batches"]) for epoch in net.history)
        return Fitted(clock, steps, weights(net.module_), lambda x: net.forward(x).numpy())


class _Look(Callback):
    def __init__(self, watch: Watch):
        self.watch = watch

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        self.watch(lambda x: net.forward(x).numpy())


FAST = {"callbacks": "disable", "verbose": 0, "iterator_train__collate_fn": as_it_is}


def _optimizer(task: Task, tuned: bool) -> dict[str, Any]:
    """skorch takes a class, and its arguments by prefix."""
    kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[task.optimizer]
    named = {"optimizer": kind, "lr": task.rate, "optimizer__fused": tuned and task.optimizer != "sgd"}
    return named | ({"optimizer__weight_decay": task.decay} if task.decay else {})
