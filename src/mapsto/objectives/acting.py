"""What objectives of acting have in common: how a policy is read, and what it is measured by."""

from __future__ import annotations

from torch import Tensor

from mapsto.core.nouns import Measure
from mapsto.layers.policy import Choice, Gaussian
from mapsto.measures.returns import Return

NEW_DATA = "the better it acts, the other the states it comes to, and the more there is to expect"


def likely(policy: Choice | Gaussian) -> Tensor:
    """A policy in the encoding of the actions: how likely each is, [B, n], or the numbers taken for best, [B, D]."""
    return policy.logits.softmax(1) if isinstance(policy, Choice) else policy.mean


def returns() -> dict[str, Measure]:
    return {"return": Return()}
