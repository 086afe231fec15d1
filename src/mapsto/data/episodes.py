"""Episodes that are played for an exam: in a twin of the world, so that the one that is learned in hears nothing of it."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mapsto.core import seeds
from mapsto.core.batch import Batch
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Learner, Scores, View, World
from mapsto.measures.interval import estimate

AT_ONCE = 100  # episodes that are played side by side
VALID, TEST, RANDOM = 14, 15, 16  # what a seed is for: the episodes of a split, and what is done in them at random
Choose = Callable[[Tensor], Tensor]  # observations [E, …] → actions, as the target encodes them


class Episodes(View):
    """`count` episodes of a world: those that begin under the words of `seed`."""

    def __init__(self, world: World, count: int, *seed: int):
        self._world = weakref.ref(world)  # whose own these are: in a circle, neither would go with its last reference
        self.count, self.seed = count, seed
        self._twin: World | None = None

    def __len__(self) -> int:
        return self.count

    def gather(self, index: Tensor, pad_to: Sequence[int] = ()) -> Batch:
        """What is observed first in each."""
        place = index % AT_ONCE
        begun = torch.stack([self._begun(int(i) // AT_ONCE)[p] for i, p in zip(index, place, strict=True)])
        return {"input": begun, "index": index}

    def order(self, seed: tuple[int, ...], then: tuple[int, ...] = ()) -> Tensor:
        return seeds.shuffled(len(self), *seed)

    @torch.inference_mode()
    def returns(self, choose: Choose, at_most: int = 0) -> Tensor:
        """The sum of the rewards of each episode, [N] float64, on the CPU; of `at_most` > 0 of them, the first."""
        count = min(self.count, at_most or self.count)
        found = [self._played(block, choose) for block in range(-(-count // AT_ONCE))]
        return torch.cat(found)[:count].cpu()

    def _played(self, block: int, choose: Choose) -> Tensor:
        """A block of episodes, from their beginning until the last of them is over."""
        seen, world = self._begun(block), self._twin
        total = torch.zeros(world.copies, dtype=torch.float64, device=world.device)
        going = torch.ones(world.copies, dtype=torch.bool, device=world.device)
        while bool(going.any()):
            turn = world.step(choose(seen))
            total = total + torch.where(going, turn.reward, 0.0)
            going = going & ~(turn.ended | turn.cut)
            seen = turn.observation
        return total

    def _begun(self, block: int) -> Tensor:
        if self._twin is None:
            self._twin = self._world().twin(min(self.count, AT_ONCE))
        return self._twin.reset(seeds.mix(*self.seed, block))


def splits(world: World, valid: int, test: int, seed: int) -> tuple[Episodes, Episodes, Episodes]:
    """The views of a world: none to train on, for they are made by acting, and so many to choose by and to be examined on."""
    if min(valid, test) < 0:
        raise FrameError(f"an exam has 0 episodes or more, but came valid {valid} and test {test}.", code="F003")
    return Episodes(world, 0), Episodes(world, valid, seed, VALID), Episodes(world, test, seed, TEST)


def examined(world: World, learner: Learner, split: str, intervals: bool = True, at_most: int = 0) -> Scores:
    """`World.exam`: the learner plays the episodes of a split, and does what it takes for best."""

    def choose(seen: Tensor) -> Tensor:
        return world.target.choose(learner.predict({"input": seen}))

    return scored(world, learner, split, choose, intervals, at_most)


def at_random(world: World, learner: Learner, split: str) -> Scores:
    """The same exam for somebody who does anything whatever."""
    generator = seeds.generator(world.device, learner.seed, RANDOM)

    def choose(seen: Tensor) -> Tensor:
        return world.target.draw(len(seen), generator)

    return scored(world, learner, split, choose)


def scored(
    world: World, learner: Learner, split: str, choose: Choose, intervals: bool = True, at_most: int = 0
) -> Scores:
    view: Episodes = getattr(world, split)
    if not len(view):
        return {}
    returns = view.returns(choose, at_most)
    measures = learner.objective.measures(world.target)
    for measure in measures.values():
        measure.update(returns, returns)
    return {name: estimate(measure, replicates=200 if intervals else 0) for name, measure in measures.items()}
