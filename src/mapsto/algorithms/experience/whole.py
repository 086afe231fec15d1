"""All training examples at every step: what an exact solution looks at, and a graph learned in full."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from mapsto.core import seeds
from mapsto.core.batch import Batch
from mapsto.core.nouns import Experience

SUBSAMPLE = 3


@dataclass
class Whole(Experience):
    """The whole training set in one batch; `at_most` > 0 takes a fixed random part of it where it is larger."""

    at_most: int = 0

    ahead = True

    @property
    def batches(self) -> int:
        return 1

    def batch(self, step: int) -> Batch:
        count = len(self.data.train)
        index = torch.arange(count)
        if 0 < self.at_most < count:
            index = seeds.shuffled(count, self.seed, SUBSAMPLE)[: self.at_most].sort().values
        index = index.to(self.data.device)
        return self.data.ready({**self.data.train.gather(index), "index": index})
