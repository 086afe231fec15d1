"""Lightning: a LightningModule and its Trainer."""

from __future__ import annotations

import logging
import tempfile
import warnings
from dataclasses import dataclass

import lightning as L
import torch

from benchmarks.speed.arms.loops import answers, criterion, fastest_optimizer, optimizer_of
from benchmarks.speed.arms.rows import loader
from benchmarks.speed.networks import built, weights
from benchmarks.speed.task import Fitted, Task, clocked

warnings.filterwarnings("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


class Module(L.LightningModule):
    """As the documentation's first page writes it; the loss is logged, which barebones does not allow."""

    def __init__(self, network: torch.nn.Module, task: Task, tuned: bool):
        super().__init__()
        self.network, self.task, self.tuned, self.loss_of = network, task, tuned, criterion(task)

    def training_step(self, batch, batch_index):
        x, y = batch
        loss = self.loss_of(self.network(x), y)
        if not self.tuned:
            self.log("train_loss", loss)
        return loss

    def on_train_epoch_end(self):
        if self.task.watch:
            self.task.watch(lambda x: answers(self.network, x))
            self.network.train()

    def configure_optimizers(self):
        parameters = self.network.parameters()
        return fastest_optimizer(self.task, parameters) if self.tuned else optimizer_of(self.task, parameters)


@dataclass(frozen=True)
class Lightning:
    """tuned: `barebones`, Lightning's own setting for measuring overhead (no bar, logger, checkpoint or checks), batches
    gathered at once, and torch.optim's fastest. bfloat16: "bf16-mixed", with channels last."""

    tuned: bool = False
    bfloat16: bool = False

    def fit(self, task: Task, seed: int) -> Fitted:
        network = built(task, seed)
        if self.bfloat16:
            network.to(memory_format=torch.channels_last)
        with tempfile.TemporaryDirectory() as folder, clocked(task) as clock:
            trainer = L.Trainer(
                max_epochs=task.epochs,
                accelerator="cpu",
                devices=1,
                precision="bf16-mixed" if self.bfloat16 else "32-true",
                **({"barebones": True} if self.tuned else {"default_root_dir": folder}),
            )
            trainer.fit(Module(network, task, self.tuned), loader(task, self.tuned))
        return Fitted(clock, trainer.global_step, weights(network), lambda x: answers(network, x))
