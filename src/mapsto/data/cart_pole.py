"""CartPole-v1 as tensors: a pole on a cart that is pushed to the left or to the right, in thousands of copies at once.

The equations are those of Barto, Sutton and Anderson 1983 ("Neuronlike adaptive elements that can solve difficult learning
control problems"), without friction, taken in Euler steps of τ = 0.02 s, as gymnasium's CartPole-v1 has them:

    t = (F + mₚ l ω² sin θ) / (m + mₚ)      ω̇ = (g sin θ − t cos θ) / (l (4/3 − mₚ cos² θ / (m + mₚ)))
    v̇ = t − mₚ l ω̇ cos θ / (m + mₚ)
"""

from __future__ import annotations

import math
from typing import Self

import torch
from torch import Tensor

from mapsto.core import seeds
from mapsto.core.nouns import Turn, World

GRAVITY, CART, POLE, HALF, PUSH, TAU = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02  # m/s², kg, kg, metres of half the pole, N, s
MASS = CART + POLE
LIMITS = (2.4, math.inf, 12 * 2 * math.pi / 360, math.inf)  # metres and radians, beyond which an episode has ended
MOVES = 500  # after which it is cut short
APART = 0.05  # an episode begins with four numbers between −0.05 and 0.05
BEGIN = 12  # what a seed is for: where episodes begin


class CartPole(World):
    """state [E, 4]: place (metres), speed, angle from upright (radians, to the right), angular speed; reward 1 for every move.

    It is kept in float64, as gymnasium has it, where the device knows that; what is observed is float32.
    """

    remembers = ("seed", "state", "moves", "episodes", "observation")

    def __init__(self, copies: int = 1, device: torch.device | str = "cpu"):
        self.copies, self.device = copies, torch.device(device)
        self.looks = self.device.type == "cpu"  # whether the host may wait to be told that an episode is over
        exact = torch.float32 if self.device.type == "mps" else torch.float64
        self._limits = torch.tensor(LIMITS, dtype=exact, device=device)
        self._pushes = torch.tensor([-PUSH / MASS, PUSH / MASS], dtype=exact, device=device)
        self._inertia = torch.tensor(HALF * 4 / 3, dtype=exact, device=device)
        self._numbers = (torch.arange(copies, device=device) << 34)[:, None] + torch.arange(4, device=device)

    @torch.inference_mode()
    def reset(self, seed: int) -> Tensor:
        self.seed = seed
        self.moves = torch.zeros(self.copies, dtype=torch.int64, device=self.device)  # of the present episode
        self.episodes = torch.zeros_like(self.moves)  # before it
        self.state = self._beginnings()
        self.observation = self.state.float()
        return self.observation

    @torch.inference_mode()
    def step(self, action: Tensor) -> Turn:
        """action [E] int64: 0 pushes to the left, 1 to the right."""
        _, speed, angle, turning = self.state.unbind(1)
        sine, cosine = angle.sin(), angle.cos()
        push = torch.addcmul(self._pushes[action], turning * turning, sine, value=POLE * HALF / MASS)
        torque = torch.addcmul(GRAVITY * sine, cosine, push, value=-1)
        turned = torque / torch.addcmul(self._inertia, cosine, cosine, value=-HALF * POLE / MASS)
        sped = torch.addcmul(push, turned, cosine, value=-POLE * HALF / MASS)
        self.state = torch.add(self.state, torch.stack([speed, sped, turning, turned], 1), alpha=TAU)
        self.moves = self.moves + 1
        ended, cut = (self.state.abs() > self._limits).any(1), self.moves >= MOVES
        self.observation = last = self.state.float()
        over = ended | cut
        if not self.looks or over.any():
            self.episodes = self.episodes + over
            self.moves = self.moves.masked_fill(over, 0)
            self.state = torch.where(over[:, None], self._beginnings(), self.state)
            self.observation = self.state.float()
        return Turn(self.observation, torch.ones(self.copies, device=self.device), ended, cut, last)

    def twin(self, copies: int) -> Self:
        return type(self)(copies, self.device)

    def _beginnings(self) -> Tensor:
        """[E, 4] where the present episode of each copy begins, by its number."""
        share = seeds.scattered(self._numbers + (self.episodes << 2)[:, None], self.seed, BEGIN)
        return APART * (2 * share.to(self._limits.dtype) - 1)
