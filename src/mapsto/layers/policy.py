"""What an agent would do: one of several things, each so likely, or numbers around what it takes for best.

Both are values over B states at once, made anew from what a model gives. Chance comes from outside, so that what is drawn is a
function of a seed: a whole roll-out's is drawn in one call.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Choice:
    """One of n actions. logits: [B, n]."""

    logits: Tensor

    @staticmethod
    def noise(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Gumbel's: the greatest of logits with it added is drawn from their softmax (Gumbel 1954). shape: […, n]."""
        return -torch.empty(shape, device=generator.device).exponential_(generator=generator).log()

    def sample(self, noise: Tensor) -> Tensor:
        """noise: [B, n] → places [B]."""
        return (self.logits + noise).argmax(-1)

    @cached_property
    def log(self) -> Tensor:
        """Of the probabilities, [B, n]."""
        return self.logits.log_softmax(-1)

    def log_probability(self, action: Tensor) -> Tensor:
        return self.log.gather(-1, action[:, None])[:, 0]

    def entropy(self) -> Tensor:
        return -(self.log.exp() * self.log).sum(-1)


@dataclass(frozen=True, eq=False)
class Gaussian:
    """D numbers, each by itself. mean: [B, D]; log_spread: [D], the same in every state."""

    mean: Tensor
    log_spread: Tensor

    @staticmethod
    def noise(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        return torch.randn(shape, generator=generator, device=generator.device)

    def sample(self, noise: Tensor) -> Tensor:
        """noise: [B, D] → [B, D]."""
        return self.mean + self.log_spread.exp() * noise

    def log_probability(self, action: Tensor) -> Tensor:
        """Σ −(a − μ)² / 2σ² − log σ − ½ log 2π"""
        apart = (action - self.mean) * (-self.log_spread).exp()
        return -(0.5 * apart.square() + self.log_spread + 0.5 * math.log(2 * math.pi)).sum(-1)

    def entropy(self) -> Tensor:
        """Σ log σ + ½ log 2πe"""
        each = (self.log_spread + 0.5 * math.log(2 * math.pi * math.e)).sum()
        return each.expand(len(self.mean))
