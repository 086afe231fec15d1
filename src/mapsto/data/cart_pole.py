"""CartPole-v1 as tensors: a pole on a cart that is pushed to the left or to the right, in thousands of worlds at once.

The equations are those of Barto, Sutton and Anderson 1983 ("Neuronlike adaptive elements that can solve difficult learning
control problems", §V), without friction, taken in Euler steps of τ = 0.02 s, as gymnasium's CartPole-v1 has them:

    t = (F + mₚ l ω² sin θ) / (m + mₚ)      ω̇ = (g sin θ − t cos θ) / (l (4/3 − mₚ cos² θ / (m + mₚ)))
    v̇ = t − mₚ l ω̇ cos θ / (m + mₚ)
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from mapsto.core import seeds

GRAVITY, CART, POLE, HALF, PUSH, TAU = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02  # m/s², kg, kg, metres of half the pole, N, s
MASS = CART + POLE
LIMITS = (2.4, math.inf, 12 * 2 * math.pi / 360, math.inf)  # metres and radians, beyond which an episode has ended
MOVES = 500  # after which it is cut short
APART = 0.05  # an episode begins with four numbers between −0.05 and 0.05
DRAWN = 64  # moves for which beginnings are drawn at once
BEGIN = 12  # what a seed is for: where episodes begin


class CartPole:
    """state [E, 4]: place (metres), speed, angle from upright (radians, to the right), angular speed; reward 1 for every move.

    float64, as gymnasium computes, where the device has it; the observation is float32. Where the episode that begins at
    move k begins is a function of (seed, k).
    """

    def __init__(self, envs: int = 1, device: torch.device | str = "cpu"):
        self.envs, self.device = envs, torch.device(device)
        exact = torch.float32 if self.device.type == "mps" else torch.float64
        self._limits = torch.tensor(LIMITS, dtype=exact, device=device)
        self._pushes = torch.tensor([-PUSH / MASS, PUSH / MASS], dtype=exact, device=device)
        self._inertia = torch.tensor(HALF * 4 / 3, dtype=exact, device=device)

    @torch.inference_mode()
    def reset(self, seed: int) -> Tensor:
        """Every world at the beginning of an episode → observation [E, 4]."""
        self.seed, self.made = seed, 0  # moves so far
        self.begun = torch.zeros(self.envs, dtype=torch.int64, device=self.device)  # at which of them an episode began
        self._beginnings = self._drawn()
        self.state = self._beginnings[0]
        return self.state.float()

    @torch.inference_mode()
    def step(self, action: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """action [E] int64, 0 or 1 → observation [E, 4], reward [E], ended [E], cut [E]; `last` is what the move led to.

        An episode that is over gives way to the next: its world's observation is already that of the next one's beginning.
        """
        _, speed, angle, turning = self.state.unbind(1)
        sine, cosine = angle.sin(), angle.cos()
        push = torch.addcmul(self._pushes[action], turning * turning, sine, value=POLE * HALF / MASS)
        torque = torch.addcmul(GRAVITY * sine, cosine, push, value=-1)
        turned = torque / torch.addcmul(self._inertia, cosine, cosine, value=-HALF * POLE / MASS)
        sped = torch.addcmul(push, turned, cosine, value=-POLE * HALF / MASS)
        state = torch.add(self.state, torch.stack([speed, sped, turning, turned], 1), alpha=TAU)
        self.made += 1
        ended = (state.abs() > self._limits).any(1)
        cut = self.begun <= self.made - MOVES
        over = ended | cut
        if self.made % DRAWN == 0:
            self._beginnings = self._drawn()
        self.last = state.float()
        self.state = torch.where(over[:, None], self._beginnings[self.made % DRAWN], state)
        self.begun = self.begun.masked_fill(over, self.made)
        return self.state.float(), torch.ones(self.envs, device=self.device), ended, cut

    def _drawn(self) -> Tensor:
        """[DRAWN, E, 4] where episodes begin that begin at these moves."""
        generator = seeds.generator(self.device, self.seed, self.made // DRAWN, BEGIN)
        shape, exact = (DRAWN, self.envs, 4), self._limits.dtype
        return APART * (2 * torch.rand(shape, generator=generator, device=self.device, dtype=exact) - 1)

    def state_dict(self) -> dict[str, Any]:
        return {"seed": self.seed, "made": self.made, "state": self.state, "begun": self.begun}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.seed, self.made = state["seed"], state["made"]
        self.state, self.begun = (state[name].to(self.device) for name in ("state", "begun"))
        self._beginnings = self._drawn()
