"""An actor and a critic: what to do, and what to expect of it (Barto, Sutton and Anderson 1983)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn

from mapsto.core.batch import Field
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Shape
from mapsto.layers.columns import Columns
from mapsto.layers.policy import Choice, Gaussian


class ActorCritic(nn.Module):
    """Two perceptrons with tanh between their maps, that share nothing: one says what to do, the other what it will return.

    First weights are orthogonal, small where the actor ends, so that it begins undecided (Andrychowicz et al. 2021,
    arXiv:2006.05990, §3.2).
    inputs: shape of the input (see `Columns`). outputs: how many actions there are; or with `gaussian` how many numbers an
        action has, each drawn around what the actor gives, with a spread that is learned and begins at `spread`.
    forward: input [B, *inputs] → [B, outputs], logits of the actions, or the numbers taken for best.
    """

    exempt: ClassVar[dict[str, str]] = {"one-gradient": "what the actor gives says nothing of the critic"}

    def __init__(
        self,
        inputs: Shape,
        outputs: int,
        width: int = 64,
        depth: int = 2,
        gaussian: bool = False,
        spread: float = 1.0,
    ):
        super().__init__()
        if width < 1 or not spread > 0:
            raise FrameError(
                f"ActorCritic needs a width of at least 1 and a spread above 0, but came {width}, {spread}."
            )
        self.inputs, self.outputs, self.width, self.depth = inputs, outputs, width, depth
        self.gaussian, self.spread = gaussian, spread
        self.columns = Columns(inputs)
        self.actor = self._body(outputs, 0.01)
        self.critic = self._body(1, 1.0)
        self.log_spread = nn.Parameter(torch.full((outputs,), math.log(spread))) if gaussian else None

    def forward(self, input: Field) -> Tensor:
        return self.actor(self.columns(input))

    def policy(self, input: Field) -> Choice | Gaussian:
        return Gaussian(self(input), self.log_spread) if self.gaussian else Choice(self(input))

    def acting(self) -> Callable[[Tensor], Choice | Gaussian]:
        if not self.columns.flat:
            return self.policy
        *maps, last = [(m.weight.t(), m.bias) for m in self.actor if isinstance(m, nn.Linear)]

        def policy(seen: Tensor) -> Choice | Gaussian:
            hidden = seen.flatten(1)
            for turned, bias in maps:  # modules cost as much as their arithmetic, on so few rows
                hidden = torch.addmm(bias, hidden, turned).tanh_()
            given = torch.addmm(last[1], hidden, last[0])
            return Gaussian(given, self.log_spread) if self.gaussian else Choice(given)

        return policy

    def value(self, input: Field) -> Tensor:
        return self.critic(self.columns(input))[:, 0]

    def stacks(self) -> list[list[nn.Linear]]:
        plain = self.columns.flat and not self.gaussian
        return [[m for m in body if isinstance(m, nn.Linear)] for body in (self.actor, self.critic)] if plain else []

    def noise(self, moves: int, copies: int, generator: torch.Generator) -> Tensor:
        kind = Gaussian if self.gaussian else Choice
        return kind.noise((moves, copies, self.outputs), generator)

    def _body(self, outputs: int, last: float) -> nn.Sequential:
        layers: list[nn.Module] = []
        before = self.columns.width
        for _ in range(self.depth):
            layers += [_orthogonal(nn.Linear(before, self.width), math.sqrt(2)), nn.Tanh()]
            before = self.width
        return nn.Sequential(*layers, _orthogonal(nn.Linear(before, outputs), last))


def _orthogonal(linear: nn.Linear, gain: float) -> nn.Linear:
    nn.init.orthogonal_(linear.weight, gain)
    nn.init.zeros_(linear.bias)
    return linear
