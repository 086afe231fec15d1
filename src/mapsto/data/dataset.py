"""A data set: three views of encoded examples that live on the device, and the exam over them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mapsto.core import world
from mapsto.core.batch import Batch, over, size
from mapsto.core.nouns import Augmentation, Data, Domain, Estimate, Learner, Scores, View
from mapsto.measures.interval import estimate

EXAM_BATCH = 1024


class Examples(View):
    """Encoded examples, resident: fields of N rows each."""

    def __init__(self, fields: Batch):
        self.fields = fields

    def __len__(self) -> int:
        return size(self.fields)

    def gather(self, index: Tensor) -> Batch:
        return over(self.fields, lambda tensor: tensor.index_select(0, index))


class Dataset(Data):
    """Training, validation and test examples with the two domains that encoded them.

    augment: changes made to training batches only, in this order, before the input domain makes them ready.
    """

    def __init__(
        self,
        train: Batch,
        valid: Batch,
        test: Batch,
        input: Domain,
        target: Domain,
        augment: Sequence[Augmentation] = (),
        device: torch.device | str = "cpu",
    ):
        self.device = torch.device(device)
        self.train, self.valid, self.test = (
            Examples(over(fields, lambda t: t.to(self.device))) for fields in (train, valid, test)
        )
        self.input, self.target, self.augment = input, target, list(augment)

    def ready(self, batch: Batch, generator: torch.Generator | None = None) -> Batch:
        for change in self.augment if generator is not None else ():
            batch = change(batch, generator)
        input = self.input.ready(batch["input"])
        if isinstance(input, Tensor) and input.ndim == 4:
            input = input.contiguous(memory_format=torch.channels_last)  # 1.3 × for convolutions on a CPU, more in bf16
        return {**batch, "input": input}

    def blocks(self, split: str, at_most: int = 0) -> list[Tensor]:
        """Index blocks of one split, for looking at it in order; of `at_most` > 0 rows spread evenly over it."""
        rows = len(getattr(self, split))
        count = min(rows, at_most or rows)
        index = torch.arange(count, device=self.device) * rows // max(count, 1)
        return list(index.split(EXAM_BATCH))

    def exam(self, learner: Learner, split: str, intervals: bool = True, at_most: int = 0) -> Scores:
        view: Examples = getattr(self, split)
        if not len(view):
            return {}
        measures = learner.objective.measures(self.target)
        blocks = self.blocks(split, at_most)
        totals: list[Tensor] = []  # of each block, [T, 2]: total and count of each term
        for index, counts in world.turns(blocks):
            batch = self.ready(view.gather(index))
            prediction, judged = learner.judge(batch)
            if not counts:
                continue
            totals.append(torch.stack(list(judged.values())))
            prediction, target = self.target.units(prediction), self.target.units(batch["target"])
            for measure in measures.values():
                measure.update(prediction, target)
        for measure in measures.values():
            measure.kept = world.dealt(measure.kept)
        mean = sum(float(total / count) for total, count in sum(world.dealt(totals)))
        seen = sum(map(len, blocks))
        scores = {name: estimate(measure, replicates=200 if intervals else 0) for name, measure in measures.items()}
        return {**scores, "loss": Estimate(mean, mean, mean, seen)}

    def predictions(self, learner: Learner, split: str) -> Tensor:
        """What the learner says about every example of a split, in order, in the target domain's encoding."""
        view: Examples = getattr(self, split)
        parts = []
        for index, counts in world.turns(self.blocks(split)):
            prediction = learner.predict(self.ready(view.gather(index)))
            parts += [prediction] if counts else []
        parts = world.dealt(parts)
        return torch.cat(parts) if parts else torch.empty(0)
