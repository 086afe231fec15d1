"""All arms of the contest over sentences: what differs between them is how rows of unequal length become batches."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

import mapsto
from benchmarks.speed import sentences
from benchmarks.speed.arms.loops import keep_heap, optimizer_of
from benchmarks.speed.networks import told_at_second_pass, weights
from benchmarks.speed.task import Clock, Fitted, Task, clocked

POOL = 50  # batches that are sorted together


@dataclass(frozen=True)
class Mapsto:
    """Ragged rows, of which it makes length buckets by itself. precision: in which products are taken."""

    precision: str = "float32"

    def fit(self, task: Task, seed: int) -> Fitted:
        network = built(task, seed)
        with clocked(task) as clock:
            rows = [row[:n].tolist() for row, n in zip(task.x, (task.x != sentences.PADDING).sum(1), strict=True)]
            train = {"input": {"tokens": mapsto.Ragged.of(rows, dtype=torch.long)}, "target": torch.from_numpy(task.y)}
            nobody = {"input": {"tokens": mapsto.Ragged.of([[0]], dtype=torch.long)[:0]}, "target": train["target"][:0]}
            target = mapsto.domains.Category().fit([0, 1])
            learner = mapsto.Learner(
                mapsto.Dataset(train, nobody, nobody, sentences.words(), target),
                sentences.Mapped(network),
                mapsto.objectives.CrossEntropy(),
                mapsto.Algorithm(
                    mapsto.experience.Passes(task.batch),
                    mapsto.update.Descend(
                        task.rate,
                        mapsto.optimizers.AdamW(weight_decay=task.decay),
                        mapsto.schedules.Constant(),
                        precision=self.precision,
                    ),
                    mapsto.until.Epochs(task.epochs),
                ),
                seed=seed,
            )
            if task.started:
                learner.fit(1)
                task.started()
            learner.fit()

        def answer(x: np.ndarray) -> np.ndarray:
            rows = torch.from_numpy(x).split(256)
            said = [learner.predict({"input": {"tokens": few, "count": counts(few)}}) for few in rows]
            return torch.cat(said).log().numpy()

        return Fitted(clock, learner.step, weights(network), answer)


@dataclass(frozen=True)
class Tutorial:
    """A DataLoader whose collate function pads to the longest of the batch."""

    def fit(self, task: Task, seed: int) -> Fitted:
        network = built(task, seed)
        steps = 0
        with clocked(task) as clock:
            batches = DataLoader(Rows(task), task.batch, shuffle=True, collate_fn=padded)
            optimizer = optimizer_of(task, network.parameters())
            for _ in range(task.epochs):
                network.train()
                total = 0.0
                for batch in batches:
                    loss = F.cross_entropy(network(batch["input_ids"], batch["count"]), batch["labels"])
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    total += loss.item()
                    steps += 1
        return fitted(clock, steps, network)


@dataclass(frozen=True)
class Tuned:
    """Tensors resident; batches of similar length, cut to their longest, in random order; fused optimizer, heap kept."""

    bfloat16: bool = False

    def fit(self, task: Task, seed: int) -> Fitted:
        network = built(task, seed)
        steps = 0
        with clocked(task) as clock:
            keep_heap()
            x, y = torch.from_numpy(task.x), torch.from_numpy(task.y)
            count = counts(x)
            optimizer = optimizer_of(task, network.parameters(), fused=True)
            network.train()
            for _ in range(task.epochs):
                for index in by_length(count, task.batch):
                    few = count[index]
                    with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
                        loss = F.cross_entropy(network(x[index, : int(few.max())], few), y[index])
                    loss.backward()
                    optimizer.step()
                    optimizer.zero_grad()
                    steps += 1
        return fitted(clock, steps, network, self.bfloat16)


@dataclass(frozen=True)
class HFTrainer:
    """tuned: `group_by_length`, the fused optimizer, nothing saved, logged or drawn."""

    tuned: bool = False

    def fit(self, task: Task, seed: int) -> Fitted:
        from transformers import Trainer

        from benchmarks.speed.arms.huggingface import arguments

        network = built(task, seed)
        quiet = {"save_strategy": "no", "logging_strategy": "no", "disable_tqdm": True}
        fast = {**quiet, "train_sampling_strategy": "group_by_length"}
        with tempfile.TemporaryDirectory() as folder, clocked(task) as clock:
            optim, how = "adamw_torch_fused" if self.tuned else "adamw_torch", fast if self.tuned else {}
            told = arguments(task, folder, seed, optim=optim, remove_unused_columns=False, **how)
            trainer = Trainer(model=WithLoss(network), args=told, train_dataset=Rows(task), data_collator=padded)
            trainer.train()
        return fitted(clock, trainer.state.global_step, network)


@dataclass(frozen=True)
class Fastai:
    """fastai's text recipe sorts by length already (SortedDL). tuned: no bar and no table, and torch.optim's fused AdamW."""

    tuned: bool = False

    def fit(self, task: Task, seed: int) -> Fitted:
        from functools import partial

        from fastai.basics import DataLoaders, Learner, OptimWrapper
        from fastai.callback import progress  # noqa: F401  it adds the bar, and the ways to be without
        from fastai.losses import CrossEntropyLossFlat
        from fastai.optimizer import Adam
        from fastai.text.data import SortedDL

        network = built(task, seed)
        with clocked(task) as clock:
            rows, nobody = Rows(task), Rows(replace(task, x=task.x[:0], y=task.y[:0]))
            sorting = {"sort_func": lambda row: row["count"], "create_batch": inputs_and_labels}
            train = SortedDL(rows, bs=task.batch, shuffle=True, res=rows.lengths, **sorting)
            none = SortedDL(nobody, bs=task.batch, res=[], **sorting)
            fused = partial(OptimWrapper, opt=partial(torch.optim.AdamW, fused=True))
            learner = Learner(
                DataLoaders(train, none, device="cpu"),
                network,
                loss_func=CrossEntropyLossFlat(),
                opt_func=fused if self.tuned else partial(Adam, mom=0.9, sqr_mom=0.999, eps=1e-8),
            )
            if self.tuned:
                with learner.no_bar(), learner.no_logging():
                    learner.fit(task.epochs, task.rate, wd=task.decay)
            else:
                learner.fit(task.epochs, task.rate, wd=task.decay)
        return fitted(clock, learner.train_iter, network)


class Rows(Dataset):
    """A sentence at a time, without its padding; under the names that Trainer groups and calls by."""

    def __init__(self, task: Task):
        self.lengths = (task.x != sentences.PADDING).sum(1).tolist()
        self.tokens = [torch.from_numpy(row[:n]) for row, n in zip(task.x, self.lengths, strict=True)]
        self.labels = task.y.tolist()

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"input_ids": self.tokens[index], "count": self.lengths[index], "labels": self.labels[index]}


class WithLoss(nn.Module):
    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, input_ids: Tensor, count: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        logits = self.network(input_ids, count)
        return {"logits": logits} if labels is None else {"loss": F.cross_entropy(logits, labels), "logits": logits}


def padded(rows: list[dict[str, Any]]) -> dict[str, Tensor]:
    """Rows as one batch, as long as its longest."""
    return {
        "input_ids": nn.utils.rnn.pad_sequence([row["input_ids"] for row in rows], batch_first=True),
        "count": torch.tensor([row["count"] for row in rows]),
        "labels": torch.tensor([row["labels"] for row in rows]),
    }


def inputs_and_labels(rows: list[dict[str, Any]]) -> tuple[Tensor, Tensor, Tensor]:
    """What fastai's Learner takes apart: all but the last is the input."""
    batch = padded(rows)
    return batch["input_ids"], batch["count"], batch["labels"]


def built(task: Task, seed: int) -> sentences.Classifier:
    torch.manual_seed(seed)
    network = sentences.Classifier(*sentences.words().shape["tokens"])
    if task.started:
        told_at_second_pass(network, task.started)
    return network


def counts(tokens: Tensor) -> Tensor:
    return (tokens != sentences.PADDING).sum(1)


def by_length(count: Tensor, batch: int) -> Iterator[Tensor]:
    """Shuffled rows, sorted by length within a pool of batches; the batches in random order."""
    batches = []
    for pool in torch.randperm(len(count)).split(POOL * batch):
        batches += pool[count[pool].argsort()].split(batch)
    for place in torch.randperm(len(batches)).tolist():
        yield batches[place]


def fitted(clock: Clock, steps: int, network: nn.Module, bfloat16: bool = False) -> Fitted:
    @torch.no_grad()
    def answer(x: np.ndarray) -> np.ndarray:
        network.eval()
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            rows = torch.from_numpy(x).split(256)
            return torch.cat([network(few, counts(few)).float() for few in rows]).numpy()

    return Fitted(clock, steps, weights(network), answer)
