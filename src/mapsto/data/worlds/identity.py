"""A world in which what is seen is what is to be done: an algorithm that cannot learn this one learns none."""

from __future__ import annotations

import torch
from torch import Tensor

from mapsto.core import seeds
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Learner, Scores, Turn, World
from mapsto.data.episodes import examined, splits
from mapsto.domains.box import Box
from mapsto.domains.discrete import Discrete


class Identity(World):
    """What is seen, one of `kinds` at random, is what is to be done: 1 for the same, 0 for anything else.

    With `continuous` it is a number from −1 to 1, and what is got is 1 less the distance from it. An episode has `limit` moves.

    After Stable-Baselines3's IdentityEnv (Raffin et al. 2021).
    """

    remembers = ("moves",)

    def __init__(
        self,
        copies: int = 8,
        limit: int = 10,
        valid: int = 20,
        test: int = 100,
        seed: int = 0,
        device: str = "cpu",
        kinds: int = 4,
        continuous: bool = False,
    ):
        if min(copies, limit, kinds) < 1:
            raise FrameError(f"Identity needs at least one copy, move and kind, but came {copies}, {limit}, {kinds}.")
        self.copies, self.limit, self.seed, self.kinds, self.continuous = copies, limit, seed, kinds, continuous
        self.device = torch.device(device)
        self.input, self.target = (
            Box([-1.0], [1.0], [1]) if continuous else Discrete(kinds),
            Box([-1.0], [1.0], [1]) if continuous else Discrete(kinds),
        )
        self.train, self.valid, self.test = splits(self, valid, test, seed)
        self.reset(0)

    def reset(self, seed: int) -> Tensor:
        self.begun, self.moves = seed, 0
        return self._look()

    def step(self, action: Tensor) -> Turn:
        reward = 1 - (action - self.asked).abs()[:, 0] if self.continuous else (action == self.asked).float()
        self.moves += 1
        last = self.moves % self.limit == 0
        seen = self._look()
        over = torch.full((self.copies,), last, device=self.device)
        return Turn(seen, reward, over, torch.zeros_like(over), seen)

    def twin(self, copies: int) -> Identity:
        return Identity(copies, self.limit, 0, 0, self.seed, str(self.device), self.kinds, self.continuous)

    def load_state_dict(self, state: dict) -> None:
        super().load_state_dict(state)
        self._look()

    def exam(self, learner: Learner, split: str, intervals: bool = True, at_most: int = 0) -> Scores:
        return examined(self, learner, split, intervals, at_most)

    def _look(self) -> Tensor:
        """What is shown at this move, a function of it alone."""
        generator = seeds.generator("cpu", self.begun, self.moves)
        drawn = self.target.draw(self.copies, generator)
        self.asked = drawn.to(self.device)
        self.observation = self.input.ready(self.asked)
        return self.observation
