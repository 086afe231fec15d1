"""A batch: named tensors whose first dimension, B, runs over examples. This is the one glossary of field names.

input        what the model sees: a tensor [B, …], or a dict of tensors where there are several kinds of input column
target       what the model should give, encoded by the output domain
weight       [B] how much an example counts; absent means 1
count        [B] how many entries of a ragged field are real
index        [B] int64, the example's row in its view: how losses find their way back to examples
stand_in     [B] there where these rows only keep a process in step with others: they count nothing (core/world.py)
observation, action, reward …   experience of a world acted in
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

Field = Tensor | dict[str, Tensor]
Batch = dict[str, Field]


@dataclass(frozen=True)
class Mean:
    """A loss that is not one per example: `total` [] over `count` [] entries (matched boxes, tokens)."""

    total: Tensor
    count: Tensor


Losses = dict[str, Tensor | Mean]  # term → one loss per example, [B], or Mean(total, count)


def over(batch: Batch, change: Callable[[Tensor], Tensor]) -> Batch:
    """The batch with `change` applied to every tensor in it."""
    return {
        name: {k: change(v) for k, v in field.items()} if isinstance(field, dict) else change(field)
        for name, field in batch.items()
    }


def size(batch: Batch) -> int:
    """B, the number of examples."""
    field = next(iter(batch.values()))
    return len(next(iter(field.values())) if isinstance(field, dict) else field)


def pieces(batch: Batch, count: int) -> list[Batch]:
    """`count` micro-batches, as equal as can be; together they are the batch."""
    total = size(batch)
    edges = [total * i // count for i in range(count + 1)]
    return [over(batch, lambda t, a=a, b=b: t[a:b]) for a, b in pairwise(edges) if b > a]


def total_and_count(loss: Tensor | Mean, weight: Tensor | None) -> tuple[Tensor, Tensor]:
    """What a term adds up to and over how many: means of unequal batches are not the mean, sums and counts are."""
    if isinstance(loss, Mean):
        return loss.total, loss.count
    if weight is None:
        return loss.sum(), loss.new_tensor(float(len(loss)))
    return (loss * weight).sum(), weight.sum()


def detached(losses: Losses) -> Losses:
    return {
        term: Mean(loss.total.detach(), loss.count.detach()) if isinstance(loss, Mean) else loss.detach()
        for term, loss in losses.items()
    }


def joined(parts: list[Losses]) -> Losses:
    """The losses of micro-batches, as those of the whole batch."""
    together: Losses = {}
    for term, first in parts[0].items():
        mine = [part[term] for part in parts]
        if isinstance(first, Mean):
            together[term] = Mean(sum(m.total for m in mine), sum(m.count for m in mine))
        else:
            together[term] = torch.cat(mine)
    return together
