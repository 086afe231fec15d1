"""Proximal policy optimisation: a better policy, but near the one that acted (Schulman et al. 2017, arXiv:1707.06347)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mapsto.core.batch import Batch, Losses
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Domain, Measure, Objective
from mapsto.objectives.acting import NEW_DATA, likely, returns


@dataclass
class ClippedSurrogate(Objective):
    """PPO's objective, eq. 9, with r = π(a|s) / π_old(a|s) the ratio of what an action is likely now and when it was taken:

        policy = −min(r A, clip(r, 1 − ε, 1 + ε) A)      value = c₁ (V(s) − R)²      entropy = −c₂ H(π(·|s))

    clip: ε. value: c₁. entropy: c₂.
    """

    clip: float = 0.2
    value: float = 0.25
    entropy: float = 0.01

    problem = "acting"
    restless = NEW_DATA

    def __post_init__(self) -> None:
        if not self.clip > 0 or min(self.value, self.entropy) < 0:
            raise FrameError(
                f"clip is above 0, value and entropy 0 or more, but came {self.clip}, {self.value} and {self.entropy}."
            )

    def losses(self, model: nn.Module, batch: Batch, player: str) -> Losses:
        policy, advantage = model.policy(batch["input"]), batch["advantage"]
        ratio = (policy.log_probability(batch["action"]) - batch["log_probability"]).exp()
        near = ratio.clamp(1 - self.clip, 1 + self.clip)
        return {
            "policy": -torch.minimum(ratio * advantage, near * advantage),
            "value": self.value * (model.value(batch["input"]) - batch["return"]).square(),
            "entropy": -self.entropy * policy.entropy(),
        }

    def slopes(self, outputs: list[Tensor], batch: Batch) -> tuple[Losses, list[Tensor]] | None:
        """Given logits z [B, n] of the actor and what the critic gives, [B, 1]; with p = softmax(z), and G = r A where that is the
        smaller of the two and 0 elsewhere:

            (G (p − 1[a]) + c₂ p (log p + H)) / B      2 c₁ (V(s) − R) / B
        """
        logits, value = outputs[0], outputs[1][:, 0]
        action, advantage, rows = batch["action"][:, None], batch["advantage"], len(value)
        log = logits.log_softmax(1)
        likely = log.exp()
        against = (likely * log).sum(1)  # −H
        ratio = log.gather(1, action)[:, 0].sub_(batch["log_probability"]).exp_()
        gain = ratio * advantage
        near = ratio.clamp_(1 - self.clip, 1 + self.clip).mul_(advantage)
        apart = value - batch["return"]
        losses = {
            "policy": torch.minimum(gain, near).neg_(),
            "value": apart.square().mul_(self.value),
            "entropy": self.entropy * against,
        }
        pull = (gain * (gain <= near)).mul_(-1 / rows)[:, None]
        slope = (log - against[:, None]).mul_(self.entropy / rows).sub_(pull).mul_(likely).scatter_add_(1, action, pull)
        return losses, [slope, apart.mul_(2 * self.value / rows)[:, None]]

    def predict(self, model: nn.Module, batch: Batch) -> Tensor:
        return likely(model.policy(batch["input"]))

    def measures(self, target: Domain) -> dict[str, Measure]:
        return returns()
