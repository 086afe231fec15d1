"""CartPole-v1 as tensors: a pole on a cart that is pushed to the left or to the right, in thousands of copies at once.

The equations are those of Barto, Sutton and Anderson 1983 ("Neuronlike adaptive elements that can solve difficult learning
control problems"), without friction, taken in Euler steps of τ = 0.02 s, as gymnasium's CartPole-v1 has them:

    t = (F + mₚ l ω² sin θ) / (m + mₚ)      ω̇ = (g sin θ − t cos θ) / (l (4/3 − mₚ cos² θ / (m + mₚ)))
    v̇ = t − mₚ l ω̇ cos θ / (m + mₚ)
"""

from __future__ import annotations

import math
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from mapsto.core import seeds
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Learner, Scores, Turn, World
from mapsto.core.state import to_device
from mapsto.data.episodes import examined, splits
from mapsto.data.worlds.gym import SMALL
from mapsto.domains.box import Box
from mapsto.domains.discrete import Discrete

GRAVITY, CART, POLE, HALF, PUSH, TAU = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02  # m/s², kg, kg, metres of half the pole, N, s
MASS = CART + POLE
TRACK, FALLEN = 2.4, 12 * 2 * math.pi / 360  # metres and radians, beyond which an episode has ended
APART = 0.05  # an episode begins with four numbers between −0.05 and 0.05
COPIES = 1 << 20  # at most
BEGIN = 20  # what a seed is for: where episodes begin
Array = np.ndarray | Tensor


class CartPole(World):
    """What is seen: place (metres), speed, angle from upright (radians, to the right), angular speed, in the bounds of gymnasium's;
    what can be done: push to the left (0) or to the right (1). Reward 1 for every move, the last one too.

    state: [E, 4] float64, as gymnasium computes, where the device knows that.
    """

    remembers = ("begun", "made", "state", "due", "episodes")

    def __init__(
        self,
        copies: int = 16,
        limit: int = 500,
        valid: int = 20,
        test: int = 100,
        seed: int = 0,
        device: str = "cpu",
    ):
        if not 1 <= copies <= COPIES or limit < 1:
            raise FrameError(
                f"CartPole is acted in in 1 to {COPIES:,} copies, for at least one move an episode, but came {copies} and {limit}.",
                code="F003",
            )
        self.copies, self.limit, self.seed, self.device = copies, limit, seed, torch.device(device)
        self.looks = self.device.type == "cpu"  # whether the host may wait to be told what the device knows
        place, angle = (float(np.float32(2 * limit)) for limit in (TRACK, FALLEN))  # to the digit what gymnasium says
        self.input = Box([-place, None, -angle, None], [place, None, angle, None], [4], SMALL)
        self.target = Discrete(2)
        exact = torch.float32 if self.device.type == "mps" else torch.float64
        self._limits = torch.tensor([TRACK, math.inf, FALLEN, math.inf], dtype=exact, device=device)
        self._pushes = torch.tensor([-PUSH / MASS, PUSH / MASS], dtype=exact, device=device)
        self._numbers = (torch.arange(copies, device=device) << 34)[:, None] + torch.arange(4, device=device)
        self._one = torch.ones(copies, device=device)  # the reward
        self._nobody = torch.zeros(copies, dtype=torch.bool, device=device)
        self.train, self.valid, self.test = splits(self, valid, test, seed)
        self.reset(0)

    def reset(self, seed: int) -> Tensor:
        self.begun = seed % 2**53  # as JSON has whole numbers
        self.made = 0  # moves so far
        self.due = torch.full((self.copies,), self.limit, device=self.device)  # until which the present episode is cut
        self.episodes = torch.zeros_like(self.due)  # before it
        self.state, self._soonest = self._beginnings(), self._next_due()
        return self._look()

    def step(self, action: Tensor) -> Turn:
        self.made += 1
        if self.looks:  # as numpy: of a few copies, its calls take a third of the time of torch's
            state = moved(self.state.numpy(), self._pushes.numpy()[action.numpy()], np)
            self.state = torch.from_numpy(state)
            if self.made < self._soonest and not (np.abs(state) > self._limits.numpy()).any():
                then = self._look()
                return Turn(then, self._one, self._nobody, self._nobody, then)  # as most moves are
        else:
            self.state = moved(self.state, self._pushes[action], torch)
        then = self._look()
        ended = (self.state.abs() > self._limits).any(1)
        cut = (self.due <= self.made) & ~ended
        over = ended | cut
        self.episodes = self.episodes + over
        self.due = self.due.masked_fill(over, self.made + self.limit)
        self.state = torch.where(over[:, None], self._beginnings(), self.state)
        self._soonest = self._next_due()
        return Turn(self._look(), self._one, ended, cut, then)

    def twin(self, copies: int) -> CartPole:
        return CartPole(copies, self.limit, 0, 0, self.seed, str(self.device))

    def exam(self, learner: Learner, split: str, intervals: bool = True, at_most: int = 0) -> Scores:
        return examined(self, learner, split, intervals, at_most)

    def load_state_dict(self, state: dict) -> None:
        super().load_state_dict(to_device(state, self.device))
        self._soonest = self._next_due()
        self._look()

    def _look(self) -> Tensor:
        self.observation = self.state.float()
        return self.observation

    def _next_due(self) -> int:
        """Before which move no episode is cut, where the host may wait to be told."""
        return int(self.due.min()) if self.looks else 0

    def _beginnings(self) -> Tensor:
        """[E, 4] where the present episode of each copy begins, by its number."""
        share = seeds.scattered(self._numbers + (self.episodes << 2)[:, None], self.begun, BEGIN)
        return APART * (2 * share.to(self._limits.dtype) - 1)


def moved(state: Array, push: Array, of: ModuleType) -> Array:
    """The state [E, 4] after τ under F / (m + mₚ), [E]. of: the library whose arrays they are, numpy or torch."""
    _, speed, angle, turning = state.T
    sine, cosine = of.sin(angle), of.cos(angle)
    push = push + POLE * HALF / MASS * sine * turning * turning
    turned = (GRAVITY * sine - cosine * push) / (HALF * 4 / 3 - HALF * POLE / MASS * cosine * cosine)
    change = of.empty_like(state)
    change[:, 0], change[:, 1] = speed, push - POLE * HALF / MASS * turned * cosine
    change[:, 2], change[:, 3] = turning, turned
    change *= TAU
    change += state
    return change
