"""The best weights seen so far, by the validation exam; the last ones are the model's own."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor, nn

from mapsto.core.nouns import Scores
from mapsto.core.state import Stateful, odd


class Best(Stateful):
    """Keeps a copy of the weights of the best exam. Ties go to the lower loss, then to the earlier step; where an exam
    has no loss, to the later one, which has seen more of the same world.

    measure: the measure's name; better: +1 where more is better, −1 where less is.
    """

    remembers = ("step", "rank", "weights")

    def __init__(self, measure: str, better: int):
        self.measure, self.better = measure, better
        self.step: int | None = None
        self.rank: list[float] = []
        self.weights: dict[str, Tensor] = {}

    def hear(self, step: int, scores: Scores, model: nn.Module) -> None:
        """Where there are no scores, for want of examples to examine on, the latest weights are kept."""
        other = -scores["loss"].value if "loss" in scores else float(step)
        rank = [_or_worst(self.better * scores[self.measure].value), _or_worst(other)] if scores else []
        if not self.rank or rank > self.rank:
            self.step, self.rank = step, rank
            self.weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    def odd(self, state: dict[str, Any], model: dict[str, Tensor]) -> str:
        """What keeps `state` from being that of the best of a model whose weights are `model`; "" where nothing does."""
        match state:
            case {"step": None, "rank": [], "weights": {}} if not state["weights"]:
                return ""
            case {"step": int(), "rank": [] | [int() | float(), int() | float()], "weights": dict(weights)}:
                return odd(model, weights, "/best/weights") if weights else "/best/weights"
        return "/best"

    def describe(self) -> dict[str, Any]:
        return {"step": self.step, "measure": self.measure, "value": self.better * self.rank[0] if self.rank else None}


def _or_worst(value: float) -> float:
    """NaN, a measure that is not defined, is less than any other: as it stands it would be neither more nor less."""
    return -math.inf if math.isnan(value) else value
