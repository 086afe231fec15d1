"""Shuffled passes over the nodes of a graph that is too large to be learned from whole: a batch brings its surroundings along."""

from __future__ import annotations

from dataclasses import dataclass, field

from mapsto.algorithms.experience.passes import Passes
from mapsto.core import seeds, world
from mapsto.core.batch import Batch
from mapsto.core.errors import FrameError
from mapsto.core.graph import Nodes
from mapsto.core.nouns import Experience, Learner
from mapsto.core.sampling import around

SAMPLE = 8  # what a seed is for: which neighbours


@dataclass
class Neighbours(Experience):
    """Every node that has an answer once an epoch, as `Passes` has it, each batch in a graph of its own: the asked nodes, at most
    `fanout[0]` neighbours of each, `fanout[1]` of each of those … (Hamilton et al. 2017, arXiv:1706.02216, alg. 2). One number a
    layer of the model; examples that are no nodes come as they are.
    """

    batch_size: int = 512
    fanout: list[int] = field(default_factory=lambda: [10, 10])

    ahead = True

    def __post_init__(self) -> None:
        self._passes = Passes(self.batch_size)
        if not self.fanout or min(self.fanout) < 1:
            raise FrameError(
                f"fanout says how many neighbours of each node are heard, layer by layer, but came {self.fanout}."
            )

    def start(self, learner: Learner) -> None:
        super().start(learner)
        self._passes.start(learner)

    @property
    def batches(self) -> int:
        return self._passes.batches

    @property
    def padding(self) -> str:
        return self._passes.padding

    def batch(self, step: int) -> Batch:
        batch = self._passes.batch(step)
        input = batch["input"]
        if isinstance(input, Nodes):
            generator = seeds.generator(input.device, self.seed, step, SAMPLE, *world.words())
            batch["input"] = around(input, self.fanout, generator)
        return batch
