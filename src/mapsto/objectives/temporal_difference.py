"""Q-learning: what an action is worth is its reward and what the best one after it is worth (Watkins 1989)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.core.batch import Batch, Losses
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Domain, Lagged, Measure, Objective
from mapsto.objectives.acting import NEW_DATA, returns


@dataclass
class TemporalDifference(Objective):
    """huber(δ) of δ = r + γ Q̄(s′, a′) − Q(s, a), where Q̄ is the target network and a′ the best action in s′ by Q (double
    Q-learning, van Hasselt et al. 2016, arXiv:1509.06461, eq. 4), or by Q̄ itself (Mnih et al. 2015).

    r and γ are the batch's, which may look several moves ahead; γ is 0 where an episode ended. One that was cut short has not: what
    would have followed counts.
    double: who chooses a′. After every `every`-th update Q̄ goes `share` of the way to Q: all of it now and then
    (every=500, share=1), or a little each time (Lillicrap et al. 2016, arXiv:1509.02971).
    """

    double: bool = True
    every: int = 1
    share: float = 0.005

    problem = "acting"
    restless = NEW_DATA

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1 or self.every < 1:
            raise FrameError(f"share is in (0, 1] and every at least 1, but came {self.share} and {self.every}.")

    def losses(self, model: nn.Module, batch: Batch, player: str) -> Losses:
        with torch.no_grad():
            ahead = lagged(model).lagging(batch["next"])
            choice = (model(batch["next"]) if self.double else ahead).argmax(1, keepdim=True)
            after = ahead.gather(1, choice).squeeze(1)
            goal = batch["reward"] + batch["discount"] * after
        worth = model(batch["input"]).gather(1, batch["action"][:, None]).squeeze(1)
        return {"temporal difference": F.smooth_l1_loss(worth, goal, reduction="none")}

    def predict(self, model: nn.Module, batch: Batch) -> Tensor:
        """The best action, as probabilities [B, A] of which one is 1."""
        worth = model(batch["input"])
        return F.one_hot(worth.argmax(1), worth.shape[1]).to(worth.dtype)

    def measures(self, target: Domain) -> dict[str, Measure]:
        return returns()

    def settle(self, model: nn.Module) -> None:
        lagged(model).follow(self.every, self.share)


def lagged(model: nn.Module) -> Lagged:
    """FrameError for a model without a target network."""
    if not isinstance(model, Lagged):
        raise FrameError(
            f"TemporalDifference needs a model with a target network, but {type(model).__name__} has none.",
            "Use q-network, or make yours a `Lagged` (core/nouns.py).",
            "F004",
        )
    return model
