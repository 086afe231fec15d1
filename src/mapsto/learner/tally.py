"""Losses added up on the device since the last report: read once a report, not once a step."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mapsto.core import world
from mapsto.core.batch import Losses, total_and_count
from mapsto.core.state import Stateful


class Tally(Stateful):
    remembers = ("totals",)

    def __init__(self) -> None:
        self.totals: dict[str, Tensor] = {}  # term → [total, count]

    def add(self, losses: Losses, weight: Tensor | None = None) -> None:
        """weight: [B], how much each example counts."""
        for term, loss in losses.items():
            total, count = total_and_count(loss, weight)
            pair = torch.stack([total.double(), count.double()])
            self.totals[term] = self.totals[term] + pair if term in self.totals else pair

    def read(self) -> dict[str, float]:
        """The mean of every term since the last reading, of all processes; one look at the device. What counted nothing is
        left out."""
        everybody = world.gathered({term: pair.tolist() for term, pair in self.totals.items()})
        terms = dict.fromkeys(term for theirs in everybody for term in theirs)
        pairs = {term: [theirs[term] for theirs in everybody if term in theirs] for term in terms}
        read = {term: map(sum, zip(*mine, strict=True)) for term, mine in pairs.items()}
        means = {term: total / count for term, (total, count) in read.items() if count}
        self.totals = {}
        return means

    def odd(self, state: dict[str, Any]) -> str:
        """What keeps `state` from being that of a tally; "" where nothing does."""
        good = all(isinstance(pair, Tensor) and pair.shape == (2,) for pair in state["totals"].values())
        return "" if good else "/tally/totals"
