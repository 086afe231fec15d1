"""Pairs of nodes, all that are joined at every step, beside others that are drawn anew each time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mapsto.algorithms.experience.whole import Whole
from mapsto.core import seeds, world
from mapsto.core.batch import Batch
from mapsto.core.graph import Graph, Nodes
from mapsto.core.nouns import Experience, Learner

DRAWN = 9  # what a seed is for: pairs that are not joined
APART = 0  # the class of pairs that are not


@dataclass
class NodePairs(Experience):
    """The whole training set in one batch, as `Whole` has it, but pairs that are not joined are other ones at every step: there are
    far more of them than were put into it (Kipf and Welling 2016, arXiv:1611.07308, §2, weigh all of them instead).

    Examples that are no pairs of nodes come as they are.
    """

    ahead = True

    def start(self, learner: Learner) -> None:
        super().start(learner)
        self._whole = Whole()
        self._whole.start(learner)

    @property
    def batches(self) -> int:
        return 1

    def batch(self, step: int) -> Batch:
        batch = self._whole.batch(step)
        input = batch["input"]
        if isinstance(input, Nodes) and input.paired:
            generator = seeds.generator(input.device, self.seed, step, DRAWN, *world.words())
            drawn = torch.randint(len(input.graph), input.shape, generator=generator, device=input.device)
            other = (batch["target"] == APART) & ~joined(input.graph, drawn)
            batch["input"] = Nodes(input.graph, torch.where(other[:, None], drawn, input.places))
        return batch


def joined(graph: Graph, pairs: Tensor) -> Tensor:
    """[P] whether the two nodes of each pair [P, 2] are joined, or one."""
    pattern, count = graph.edges.pattern, len(graph)
    there = pattern.rows * count + pattern.columns  # ascending
    asked = pairs[:, 0] * count + pairs[:, 1]
    place = torch.searchsorted(there, asked).clamp(max=max(len(there) - 1, 0))
    return (there[place] == asked) | (pairs[:, 0] == pairs[:, 1])
