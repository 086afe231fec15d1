"""Length buckets: which ragged examples are batched together, so that batches are of few shapes and little of them is padding.

Examples are parted by length into a few buckets, so that little padding is left. A batch is drawn at random from one
bucket and padded to the longest in it. Buckets follow from the lengths alone: so do the number of batches and their
shapes, epoch after epoch; who is in which batch follows from the order that is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

SHAPES = 32  # buckets at most: each is a shape to be captured, compiled and tuned for
ENOUGH = 0.02  # of padding: below it, further buckets are not worth their shapes
CANDIDATES = (
    256  # lengths that examples are parted at: so many evenly over the examples, and as many over the logarithm
)
JOINED = (
    0.25  # of what is there: so much padding may the rest of a bucket bring to the next one's batch, to be none alone
)
FEW = 128  # entries of padding that always cost less than one batch more


@dataclass(frozen=True)
class Block:
    """What one batch is made of: the rows at `index` [B], each ragged column padded to its number of entries in `pad_to`
    (one a column, in the order of the view's `lengths`; empty where nothing is ragged)."""

    index: Tensor
    pad_to: tuple[int, ...] = ()


@dataclass(frozen=True)
class Padding:
    """What batches hold in all: `real` entries of `padded`, in batches padded to so many different lengths."""

    real: int
    padded: int
    shapes: int

    @property
    def share(self) -> float:
        return 1 - self.real / self.padded if self.padded else 0.0

    def __str__(self) -> str:
        return (
            f"padding {100 * self.share:.1f} % of {self.padded:,} tokens, {self.shapes} shape{'s' * (self.shapes != 1)}"
        )


class Buckets:
    """How N examples with these `lengths` [N, R] (of R ragged columns, on the CPU) are batched.

    batch_size: examples of a batch, at most. tokens: entries of its longest column, padding counted, at most; a single
    example may be longer.
    """

    def __init__(self, lengths: Tensor, batch_size: int, tokens: int | None = None):
        rows = lengths.clamp(min=1)  # a batch of empty ones is of one entry: models are not made for none
        most = rows.max(dim=1).values
        batches = len(rows) / batch_size
        if tokens:
            batches = max(batches, float(most.sum()) / tokens)
        self.batch_size, self.tokens = batch_size, tokens
        self.bucket, edges = _parted(rows.numpy(), min(SHAPES, 2 + int(batches)))  # no more edges than batches need
        sizes = np.bincount(self.bucket, minlength=len(edges)).tolist()
        cuts = list(self._cuts(sizes, edges))
        self.sizes, self.edges = [size for size, _ in cuts], [edge for _, edge in cuts]  # of each batch
        apart = _apart(lengths)
        padded = sum(size * sum(edge[k] for k in apart) for size, edge in cuts)
        self.padding = Padding(int(lengths[:, apart].sum()), padded, len(set(self.edges)))

    def __len__(self) -> int:
        """How many batches there are."""
        return len(self.sizes)

    def blocks(self, order: Tensor, device: torch.device | str) -> list[Block]:
        """The batches of one pass, shorter ones first. order: a permutation of the examples, [N]: who is drawn first."""
        of = torch.from_numpy(self.bucket)[order]
        ordered = order[of.sort(stable=True).indices].to(device)
        return [Block(index, edge) for index, edge in zip(ordered.split(self.sizes), self.edges, strict=True)]

    def _cuts(self, sizes: list[int], edges: list[tuple[int, ...]]) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Examples and padded lengths of each batch: full ones of one bucket after the other. What a bucket leaves over
        begins the next bucket's first batch where that costs little padding, else it is a short batch."""
        left, at = 0, edges[0] if edges else ()
        for size, edge in zip(sizes, edges, strict=True):
            if left:
                joint = tuple(map(max, at, edge))
                there = min(size, self._rows(joint) - left)
                brought = left * (sum(joint) - sum(at)) + there * (sum(joint) - sum(edge))
                if there < 0 or brought > max(JOINED * there * sum(edge), FEW):
                    yield left, at
                    left = 0
                elif size > there:
                    yield left + there, joint
                    left, size = 0, size - there
                else:
                    left, size, edge = left + size, 0, joint
            full = self._rows(edge)
            yield from [(full, edge)] * (size // full)
            left, at = left + size % full, edge
        if left:
            yield left, at

    def _rows(self, edge: tuple[int, ...]) -> int:
        return min(self.batch_size, max(1, self.tokens // max(edge))) if self.tokens else self.batch_size


def _apart(lengths: Tensor) -> list[int]:
    """Of columns that are of the same length throughout, as words and their tags are, the first: padding is counted once."""
    columns = lengths.unbind(dim=1)
    return [k for k, column in enumerate(columns) if not any(torch.equal(column, before) for before in columns[:k])]


def _parted(lengths: np.ndarray, at_most: int) -> tuple[np.ndarray, list[tuple[int, ...]]]:
    """[N, R] lengths → the bucket of each example, [N], and of each bucket the length that its columns are padded to.

    Grown as a regression tree is (Breiman et al. 1984): of all cuts of a bucket in two, the one that spares most padding.
    """
    if not len(lengths):
        return np.zeros(0, np.uint8), []
    rows, which, weight = _alike(lengths)
    members = [np.arange(len(rows))]  # of each bucket, in the order of length
    cuts = [_best_cut(rows, weight)]
    while len(members) < at_most and max(cut.spared for cut in cuts) > 0:
        padded = sum(weight[mine].sum() * rows[mine].max(axis=0).sum() for mine in members)
        if (weight[:, None] * rows).sum() >= (1 - ENOUGH) * padded:
            break
        number = max(range(len(cuts)), key=lambda i: cuts[i].spared)
        mine, cut = members[number], cuts[number]
        short = rows[mine, cut.column] <= cut.at
        members[number : number + 1] = halves = [mine[short], mine[~short]]
        cuts[number : number + 1] = [_best_cut(rows[half], weight[half]) for half in halves]
    bucket = np.zeros(len(rows), np.uint8)
    for number, mine in enumerate(members):
        bucket[mine] = number
    return bucket[which], [tuple(rows[mine].max(axis=0).tolist()) for mine in members]


@dataclass(frozen=True)
class _Cut:
    """Examples of at most `at` entries in this column apart from longer ones: how many entries of padding it spares."""

    spared: int
    column: int = 0
    at: int = 0


def _best_cut(rows: np.ndarray, weight: np.ndarray) -> _Cut:
    """rows [M, R] lengths, each of `weight` [M] examples."""
    best, whole = _Cut(0), weight.sum() * rows.max(axis=0).sum()
    for column in range(rows.shape[1]):
        order = rows[:, column].argsort(kind="stable")
        row, count = rows[order], weight[order].cumsum()
        short = np.maximum.accumulate(row).sum(axis=1)[:-1]  # what those up to here are padded to, columns together
        long = np.maximum.accumulate(row[::-1])[::-1].sum(axis=1)[1:]  # and those beyond
        spared = whole - count[:-1] * short - (count[-1] - count[:-1]) * long
        spared[row[:-1, column] == row[1:, column]] = 0
        if len(spared) and spared.max() > best.spared:
            best = _Cut(int(spared.max()), column, int(row[spared.argmax(), column]))
    return best


def _alike(lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Examples of the same lengths taken together: their lengths [M, R], which of them each example is, [N], and how many
    are each, [M]. Where there are very many lengths, near ones count as the longest of them."""
    code = np.zeros(len(lengths), np.int64)
    columns = []
    for column in lengths.T:
        candidates = _candidates(column)
        code = code * len(candidates) + np.searchsorted(candidates, column)
        columns.append(candidates)
    found, which, weight = np.unique(code, return_inverse=True, return_counts=True)
    rows = np.empty((len(found), len(columns)), np.int64)
    for number, candidates in reversed(list(enumerate(columns))):
        found, place = np.divmod(found, len(candidates))
        rows[:, number] = candidates[place]
    return rows, which, weight


def _candidates(lengths: np.ndarray) -> np.ndarray:
    """Lengths that may be an edge, ascending, the longest among them: all there are, or an even choice of many, by examples
    and, for the few long ones, by size."""
    found, count = np.unique(lengths, return_counts=True)
    if len(found) <= 2 * CANDIDATES:
        return found
    evenly = np.searchsorted(count.cumsum(), np.linspace(0, len(lengths), CANDIDATES))
    by_size = np.searchsorted(found, np.geomspace(found[0], found[-1], CANDIDATES), side="right") - 1
    return found[np.unique(np.concatenate([evenly, by_size, [len(found) - 1]]))]
