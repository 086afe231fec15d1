"""A model in an exam: what it says, and what its losses are, without a trace on it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mapsto.core.batch import Batch, total_and_count
from mapsto.core.nouns import Objective
from mapsto.learner import place


class Examinee:
    """`model` under `objective`; what it draws in an exam, if anything, follows from the seed."""

    def __init__(self, model: nn.Module, objective: Objective, device: torch.device, seed: int = 0):
        self.model, self.objective, self.device, self.seed = model, objective, device, seed

    @torch.inference_mode()
    def predict(self, batch: Batch) -> Tensor:
        """What the model says about a ready batch, in the output domain's encoding."""
        with place.at_rest(self.model, self.device, self.seed):
            return self.objective.predict(self.model, batch)

    @torch.inference_mode()
    def judge(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The prediction of a ready batch, and for each term of its losses [total, count]."""
        with place.at_rest(self.model, self.device, self.seed):
            judged = {}
            for player in self.objective.players:
                for term, loss in self.objective.losses(self.model, batch, player).items():
                    judged[term] = torch.stack([n.double() for n in total_and_count(loss, batch.get("weight"))])
            return self.objective.predict(self.model, batch), judged
