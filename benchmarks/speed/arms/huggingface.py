"""Hugging Face's Trainer on a plain module."""

from __future__ import annotations

import tempfile
import warnings
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from transformers import Trainer, TrainerCallback, TrainingArguments

from benchmarks.speed.arms.loops import answers, criterion
from benchmarks.speed.arms.rows import Blocks, as_it_is
from benchmarks.speed.networks import built, weights
from benchmarks.speed.task import Fitted, Task, Watch, clocked

warnings.filterwarnings("ignore")


class WithLoss(nn.Module):
    """What Trainer asks of a model: named inputs, and a loss where labels are among them."""

    def __init__(self, network: nn.Module, task: Task):
        super().__init__()
        self.network, self.loss_of = network, criterion(task)

    def forward(self, x: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        logits = self.network(x)
        return {"logits": logits} if labels is None else {"loss": self.loss_of(logits, labels), "logits": logits}


class Rows(Blocks):
    """Rows as the dictionaries that Trainer's collator stacks; or, asked for several at once, the batch itself."""

    def __getitem__(self, index: int | Tensor) -> dict[str, Tensor]:
        return {"x": self.x[index], "labels": self.y[index]}


class RowByRow(Rows):
    __getitems__ = None  # as a dataset of one's own usually is


class _Look(TrainerCallback):
    def __init__(self, watch: Watch, network: nn.Module):
        self.watch, self.network = watch, network

    def on_epoch_end(self, args, state, control, **kwargs):
        self.watch(lambda x: answers(self.network, x))
        self.network.train()


@dataclass(frozen=True)
class HFTrainer:
    """tuned: nothing saved, logged or drawn, batches gathered at once, the fused optimizer.

    Gradients are not clipped in either: nobody's are.
    bfloat16: its `bf16`.
    """

    tuned: bool = False
    bfloat16: bool = False

    def fit(self, task: Task, seed: int) -> Fitted:
        network = built(task, seed)
        model = WithLoss(network, task)
        optim = "sgd" if task.optimizer == "sgd" else "adamw_torch_fused" if self.tuned else "adamw_torch"
        rows = (Rows if self.tuned else RowByRow)(task.x, task.y)
        quiet = (
            {"save_strategy": "no", "logging_strategy": "no", "disable_tqdm": True, "remove_unused_columns": False}
            if self.tuned
            else {}
        )
        with tempfile.TemporaryDirectory() as folder, clocked(task) as clock:
            how = arguments(task, folder, seed, optim=optim, bf16=self.bfloat16, **quiet)
            trainer = Trainer(model=model, args=how, train_dataset=rows, data_collator=as_it_is if self.tuned else None)
            if task.watch:
                trainer.add_callback(_Look(task.watch, network))
            trainer.train()
        return Fitted(clock, trainer.state.global_step, weights(network), lambda x: answers(network, x))


def arguments(task: Task, folder: str, seed: int, **more: Any) -> TrainingArguments:
    """The task's work, as a Trainer is told of it."""
    return TrainingArguments(
        folder,
        per_device_train_batch_size=task.batch,
        num_train_epochs=task.epochs,
        learning_rate=task.rate,
        weight_decay=task.decay,
        lr_scheduler_type="constant",
        max_grad_norm=0.0,
        seed=seed,
        report_to="none",
        use_cpu=True,
        **more,
    )
