"""Rows as PyTorch's DataLoader reads them: one by one, as every tutorial has it, or a batch at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, TensorDataset

from benchmarks.speed.task import Task


class Blocks(Dataset):
    """Batches by one gather each: `__getitems__` is what the DataLoader's fetcher asks first. Collate with `as_it_is`."""

    def __init__(self, x: np.ndarray, y: np.ndarray):
        self.x, self.y = torch.from_numpy(x), torch.from_numpy(y)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.x[index], self.y[index]

    def __getitems__(self, index: list[int]) -> tuple[Tensor, Tensor]:
        return self[torch.tensor(index)]


def as_it_is(batch: Any) -> Any:
    return batch


def loader(task: Task, tuned: bool) -> DataLoader:
    """Shuffled batches of the training rows, the last short one kept."""
    if tuned:
        return DataLoader(Blocks(task.x, task.y), task.batch, shuffle=True, collate_fn=as_it_is)
    return DataLoader(TensorDataset(torch.from_numpy(task.x), torch.from_numpy(task.y)), task.batch, shuffle=True)
