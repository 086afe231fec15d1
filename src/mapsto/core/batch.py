"""A batch: named tensors whose first dimension, B, runs over examples. This is the one glossary of field names.

input        what the model sees: a tensor [B, …], or a dict of tensors where there are several kinds of input column, or
             where some are ragged: {"tokens": [B, T], "count": [B]}, or Nodes of a graph, B of them (core/graph.py)
target       what the model should give, encoded by the output domain; of a ragged one [B, T], padded with what is no target;
             a picture to be drawn as bytes [B, C, H, W]
weight       [B] how much an example counts; absent means 1
count        [B] how many entries of a ragged column (or of windows) are real: beside it, so that whoever sees it sees its count
asked        [B, M] beside the tokens of an input: the places at which an answer is wanted; absent means at all
index        [B] int64, the example's row in its view: how losses find their way back to examples, and what a
             picture that is drawn for it follows from
stand_in     [B] there where these rows only keep a process in step with others: they count nothing (core/world.py)
observation, action, reward …   experience of a world acted in
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from mapsto.core.graph import Nodes
from mapsto.core.ragged import Ragged
from mapsto.core.windows import Windows

Field = Tensor | dict[str, Tensor] | Nodes
Batch = dict[str, Field]
Column = Tensor | Ragged | Windows | Nodes  # of N examples
Columns = dict[str, Column | dict[str, Column]]  # what is gathered from: a batch before it is one


@dataclass(frozen=True)
class Mean:
    """A loss that is not one per example: `total` [] over `count` [] entries (matched boxes, tokens)."""

    total: Tensor
    count: Tensor


Losses = dict[str, Tensor | Mean]  # term → one loss per example, [B], or Mean(total, count)


def over(batch: Batch | Columns, change: Callable[[Column], Column]) -> Batch | Columns:
    """The batch, or the columns of all examples, with `change` applied to every tensor, ragged column or windows in it."""
    return {
        name: {k: change(v) for k, v in field.items()} if isinstance(field, dict) else change(field)
        for name, field in batch.items()
    }


def columns(batch: Batch | Columns) -> Iterator[tuple[str, Column]]:
    """Each tensor, ragged column or windows, by its name for a person: input, or input/tokens."""
    for name, field in batch.items():
        if isinstance(field, dict):
            yield from ((f"{name}/{inner}", column) for inner, column in field.items())
        else:
            yield name, field


def gathered(held: Columns, index: Tensor, pad_to: Iterator[int]) -> Batch:
    """The examples at `index` [B]: one indexed copy a column. Of a ragged one, padded to the next of `pad_to`, and of
    windows, the count comes beside it."""
    batch: Batch = {}
    for name, column in held.items():
        if isinstance(column, dict):
            batch[name] = gathered(column, index, pad_to)
        elif isinstance(column, Ragged):
            batch[name], batch[column.count] = column.gather(index, next(pad_to))
        elif isinstance(column, Windows):
            batch[name], batch[column.count] = column.gather(index)
        elif isinstance(column, Nodes):
            batch[name] = column.gather(index)
        else:
            batch[name] = column.index_select(0, index)
    return batch


def size(batch: Batch | Columns) -> int:
    """B, the number of examples."""
    field = next(iter(batch.values()))
    return len(next(iter(field.values())) if isinstance(field, dict) else field)


def nbytes(batch: Batch | Columns) -> int:
    """Bytes that it holds."""
    return sum(column.nbytes for _, column in columns(batch))


def split(batch: Batch, sizes: list[int]) -> list[Batch]:
    """The batch cut into parts of so many examples each."""
    return [
        dict(zip(batch, parts, strict=True)) for parts in zip(*(_cut(f, sizes) for f in batch.values()), strict=True)
    ]


def pieces(batch: Batch, count: int) -> list[Batch]:
    """`count` micro-batches, as equal as can be; together they are the batch."""
    total = size(batch)
    edges = [total * i // count for i in range(count + 1)]
    return split(batch, [b - a for a, b in pairwise(edges) if b > a])


def total_and_count(loss: Tensor | Mean, weight: Tensor | None) -> tuple[Tensor, Tensor | int]:
    """What a term adds up to and over how many: means of unequal batches are not the mean, sums and counts are."""
    if isinstance(loss, Mean):
        return loss.total, loss.count
    if weight is None:
        return loss.sum(), loss.shape[0]
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


def stacked(parts: list[Tensor]) -> Tensor:
    """Tensors [B, …] one after the other. Where they are [B, T, …] of several T, shorter ones are filled up to the longest with
    what is no answer: −1, or NaN among floating-point numbers."""
    if len({part.shape[1:] for part in parts}) < 2:
        return torch.cat(parts)
    longest = max(part.shape[1] for part in parts)
    filled = []
    for part in parts:
        nothing = float("nan") if part.is_floating_point() else -1
        rest = part.new_full((len(part), longest - part.shape[1], *part.shape[2:]), nothing)
        filled.append(torch.cat([part, rest], dim=1))
    return torch.cat(filled)


def _cut(field: Field, sizes: list[int]) -> Sequence[Field]:
    if not isinstance(field, dict):
        return field.split(sizes)
    return [
        dict(zip(field, parts, strict=True)) for parts in zip(*(t.split(sizes) for t in field.values()), strict=True)
    ]
