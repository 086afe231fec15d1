"""A data set: three views of encoded examples that live on the device, and the exam over them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mapsto.core import seeds, world
from mapsto.core.batch import Batch, Columns, columns, gathered, over, size, stacked
from mapsto.core.buckets import Block, Buckets
from mapsto.core.errors import ShapeError
from mapsto.core.graph import Nodes
from mapsto.core.nouns import Augmentation, Data, Domain, Estimate, Learner, Scores, View
from mapsto.core.ragged import Ragged
from mapsto.core.windows import Windows
from mapsto.measures.interval import estimate

EXAM_BATCH = 1024
EXAM_TOKENS = 1 << 15  # entries of a ragged batch, or of one of windows, in an exam
EXAM_NUMBERS = 1 << 26  # that a model may give for all entries of a batch: 256 MB
FIRST = 7  # what a seed is for: where the first window of a pass begins


class Examples(View):
    """Encoded examples, resident on the device: columns of N rows each, tensors, ragged, or windows."""

    def __init__(self, fields: Columns, device: torch.device | str = "cpu"):
        _alike(fields)
        self.fields, self.device = over(fields, lambda column: column.to(device)), torch.device(device)
        self.indexed = self.device
        ragged = [column.lengths for _, column in columns(fields) if isinstance(column, Ragged)]
        self.lengths = torch.stack(ragged, dim=1) if ragged else None
        self.window = max((column.length for _, column in columns(fields) if isinstance(column, Windows)), default=1)
        self.whole = any(isinstance(column, Nodes) for _, column in columns(fields))

    def __len__(self) -> int:
        return size(self.fields)

    def gather(self, index: Tensor, pad_to: Sequence[int] = ()) -> Batch:
        return gathered(self.fields, index, iter(pad_to or self.longest(index)))

    def order(self, seed: tuple[int, ...], then: tuple[int, ...] = ()) -> Tensor:
        """Of windows: side by side, from a first place that each pass has of its own, so that it shows every entry once."""
        order = seeds.shuffled(self.epoch, *seed)
        if self.window > 1:
            room = len(self) - (self.epoch - 1) * self.window
            order = order * self.window + seeds.mix(*seed, FIRST) % room
        return order.to(self.device)


class Dataset(Data):
    """Training, validation and test examples with the two domains that encoded them.

    Each split is a batch of all its examples, which is then resident, or a view that holds them elsewhere.
    augment: changes made to training batches only, in this order, before the input domain makes them ready.
    """

    def __init__(
        self,
        train: Columns | View,
        valid: Columns | View,
        test: Columns | View,
        input: Domain,
        target: Domain,
        augment: Sequence[Augmentation] = (),
        device: torch.device | str = "cpu",
    ):
        self.device = torch.device(device)
        self.train, self.valid, self.test = (
            part if isinstance(part, View) else Examples(part, self.device) for part in (train, valid, test)
        )
        self.input, self.target, self.augment = input, target, list(augment)

    def ready(self, batch: Batch, generator: torch.Generator | None = None) -> Batch:
        for change in self.augment if generator is not None else ():
            batch = change(batch, generator)
        input = batch["input"]
        input = input if isinstance(input, Nodes) else self.input.ready(input)  # what is known of nodes is ready
        if self.layout == "channels-last" and isinstance(input, Tensor) and input.ndim == 4:
            input = input.contiguous(memory_format=torch.channels_last)  # 1.3 × for convolutions on a CPU, more in bf16
        return {**batch, "input": input}

    def blocks(self, split: str, at_most: int = 0) -> list[Block]:
        """Index blocks of one split, for looking at it; of `at_most` > 0 rows (of windows: entries) spread evenly over it.
        See `looked_at`."""
        view: View = getattr(self, split)
        count = min(view.epoch, max(1, at_most // view.window) if at_most else view.epoch)
        tokens = EXAM_NUMBERS // max(1, self.target.numbers)
        return looked_at(view, torch.arange(count) * len(view) // max(count, 1), self.device, tokens)

    def exam(self, learner: Learner, split: str, intervals: bool = True, at_most: int = 0) -> Scores:
        view: View = getattr(self, split)
        if not len(view):
            return {}
        measures = learner.objective.measures(self.target)
        blocks = self.blocks(split, at_most)
        totals: list[Tensor] = []  # of each block, [T, 2]: total and count of each term
        for block, counts in world.turns(blocks):
            batch = self.ready({**view.gather(block.index, block.pad_to), "index": block.index})
            prediction, judged = learner.judge(batch)
            if not counts:
                continue
            totals.append(torch.stack(list(judged.values())))
            prediction, target = self.target.units(prediction), self.target.units(batch["target"])
            for measure in measures.values():
                measure.update(prediction, target)
        for measure in measures.values():
            measure.kept = world.dealt(measure.kept)
            if view.lengths is not None:
                measure.kept = [in_order(measure.rows(), blocks)]
        mean = sum(float(total / count) for total, count in sum(world.dealt(totals)))
        seen = sum(len(block.index) for block in blocks)
        scores = {name: estimate(measure, replicates=200 if intervals else 0) for name, measure in measures.items()}
        return {**scores, "loss": Estimate(mean, mean, mean, seen)}

    def predictions(self, learner: Learner, split: str, rows: Tensor | None = None) -> Tensor:
        """What the learner says about every example of a split, or those in `rows`, in the target domain's encoding; nothing
        where that would be too much to keep."""
        if learner.objective.large:
            return torch.empty(0)
        view: View = getattr(self, split)
        if rows is None:
            blocks = self.blocks(split)
        else:
            blocks = [Block(index) for index in rows.to(self.device).split(EXAM_BATCH) if len(index)]
        parts = []
        for block, counts in world.turns(blocks):
            prediction = learner.predict(self.ready({**view.gather(block.index, block.pad_to), "index": block.index}))
            parts += [prediction] if counts else []
        parts = world.dealt(parts)
        if not parts:
            return torch.empty(0)
        return in_order(stacked(parts), blocks) if rows is None else stacked(parts)


def looked_at(view: View, index: Tensor, device: torch.device | str = "cpu", tokens: int = EXAM_NUMBERS) -> list[Block]:
    """These rows of a view, [N] on the CPU, as blocks for looking at them: in order, but for ragged ones, which come by length.

    tokens: entries of a block at most, where EXAM_TOKENS are not fewer.
    """
    tokens = max(1, min(tokens, EXAM_TOKENS))
    if view.lengths is None:
        size = max(1, len(index) if view.whole else min(EXAM_BATCH, tokens // view.window))
        return [Block(part) for part in index.to(device).split(size) if len(part)]
    blocks = Buckets(view.lengths[index], EXAM_BATCH, tokens).blocks(torch.arange(len(index)), "cpu")
    return [Block(index[block.index].to(device), block.pad_to) for block in blocks]


def in_order(rows: Tensor, blocks: list[Block]) -> Tensor:
    """What was found out block by block, [N, …], in the order of the view."""
    return rows[torch.cat([block.index for block in blocks]).argsort()]


def _alike(fields: Columns) -> None:
    """Refuse columns that are not of as many examples each, and ragged ones that one count cannot speak of."""
    sizes = {name: len(column) for name, column in columns(fields)}
    if len(set(sizes.values())) > 1:
        raise ShapeError(
            f"the columns of one split have a row an example each, but {', '.join(f'{n} has {s:,}' for n, s in sizes.items())}."
        )
    for held in (fields, *(field for field in fields.values() if isinstance(field, dict))):
        counts: dict[str, Ragged] = {}
        for name, column in held.items():
            if not isinstance(column, Ragged):
                continue
            same = counts.setdefault(column.count, column)
            if column.count in held or not torch.equal(same.lengths, column.lengths):
                raise ShapeError(
                    f"'{name}' is ragged, and its lengths would be '{column.count}' in a batch, but "
                    + (
                        "another column has that name."
                        if column.count in held
                        else "another column says its own there."
                    ),
                    f"Name them apart: Ragged(…, count='{name}_count').",
                )
