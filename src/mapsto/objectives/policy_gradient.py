"""REINFORCE: what was followed by more than was expected becomes likelier (Williams 1992), with a learned baseline."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from mapsto.core.batch import Batch, Losses
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Domain, Measure, Objective
from mapsto.objectives.acting import NEW_DATA, likely, returns


@dataclass
class PolicyGradient(Objective):
    """The policy gradient, with A = R − V(s) the advantage over what was expected (Sutton et al. 2000, eq. 2; Williams 1992, §5):

        policy = −log π(a|s) A      value = c₁ (V(s) − R)²      entropy = −c₂ H(π(·|s))

    Experience is to be new at every step: with several passes over it, it is no gradient of anything.
    value: c₁. entropy: c₂.
    """

    value: float = 0.25
    entropy: float = 0.01

    problem = "acting"
    restless = NEW_DATA

    def __post_init__(self) -> None:
        if min(self.value, self.entropy) < 0:
            raise FrameError(f"value and entropy are 0 or more, but came {self.value} and {self.entropy}.")

    def losses(self, model: nn.Module, batch: Batch, player: str) -> Losses:
        policy = model.policy(batch["input"])
        return {
            "policy": -policy.log_probability(batch["action"]) * batch["advantage"],
            "value": self.value * (model.value(batch["input"]) - batch["return"]).square(),
            "entropy": -self.entropy * policy.entropy(),
        }

    def predict(self, model: nn.Module, batch: Batch) -> Tensor:
        return likely(model.policy(batch["input"]))

    def measures(self, target: Domain) -> dict[str, Measure]:
        return returns()
