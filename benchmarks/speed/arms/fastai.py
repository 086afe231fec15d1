"""fastai's Learner, from its `basics`: its vision part needs torchvision."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from fastai.basics import Callback, DataLoaders, Learner, OptimWrapper, noop
from fastai.callback import progress  # noqa: F401  as fastai's `all` does: it adds the bar, and the ways to be without
from fastai.data.load import DataLoader
from fastai.losses import CrossEntropyLossFlat
from fastai.optimizer import SGD, Adam

from benchmarks.speed.arms.loops import answers
from benchmarks.speed.arms.rows import Blocks
from benchmarks.speed.networks import built, weights
from benchmarks.speed.task import Fitted, Task, Watch, clocked


class _Look(Callback):
    def __init__(self, watch: Watch):
        self.watch = watch

    def after_epoch(self):
        self.watch(lambda x: answers(self.learn.model, x))


@dataclass(frozen=True)
class Fastai:
    """tuned: no bar and no table, batches gathered at once, and torch.optim's fastest in fastai's wrapper for it. Its
    mixed precision is for CUDA; channels_last is the layout."""

    tuned: bool = False
    channels_last: bool = False

    def fit(self, task: Task, seed: int) -> Fitted:
        network = built(task, seed)
        if self.channels_last:
            network.to(memory_format=torch.channels_last)
        with clocked(task) as clock:
            train, nobody = Blocks(task.x, task.y), Blocks(task.x[:0], task.y[:0])
            at_once = (
                {"create_item": noop, "create_batch": lambda index: train.__getitems__(index)} if self.tuned else {}
            )
            batches = DataLoader(train, bs=task.batch, shuffle=True, **at_once)
            loaders = DataLoaders(batches, DataLoader(nobody, bs=task.batch), device="cpu")
            learner = Learner(
                loaders,
                network,
                loss_func=CrossEntropyLossFlat(),
                opt_func=_optimizer(task, self.tuned),
                cbs=[_Look(task.watch)] if task.watch else [],
            )
            if self.tuned:
                with learner.no_bar(), learner.no_logging():
                    learner.fit(task.epochs, task.rate, wd=task.decay)
            else:
                learner.fit(task.epochs, task.rate, wd=task.decay)
        return Fitted(clock, learner.train_iter, weights(network), lambda x: answers(network, x))


def _optimizer(task: Task, tuned: bool):
    """fastai's own Adam decays apart from the gradient, as AdamW does; its defaults differ from the task's moments."""
    if tuned:
        kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[task.optimizer]
        return partial(OptimWrapper, opt=partial(kind, fused=task.optimizer != "sgd"))
    return SGD if task.optimizer == "sgd" else partial(Adam, mom=0.9, sqr_mom=0.999, eps=1e-8)
