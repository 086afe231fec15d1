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
        read = {term: map(sum, zip(*pairs, strict=True)) for term, pairs in self._everybodys().items()}
        means = {term: total / count for term, (total, count) in read.items() if count}
        self.totals = {}
        return means

    def state_dict(self) -> dict[str, Any]:
        """Of several processes each one's, [N, 2]: added up they would be rounded otherwise when learning goes on."""
        if world.size() == 1:
            return super().state_dict()
        pairs = {term: torch.tensor(pairs, dtype=torch.float64) for term, pairs in self._everybodys().items()}
        return {"totals": pairs}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Its own again; where there were more processes, or fewer, the first takes all."""
        rows = {term: pairs.reshape(-1, 2) for term, pairs in state["totals"].items()}
        self.totals = {
            term: pairs[world.rank()] if len(pairs) == world.size() else pairs.sum(0) * (world.rank() == 0)
            for term, pairs in rows.items()
        }

    def odd(self, state: dict[str, Any]) -> str:
        """What keeps `state` from being that of a tally; "" where nothing does."""
        good = all(isinstance(pair, Tensor) and pair.shape[-1:] == (2,) for pair in state["totals"].values())
        return "" if good else "/tally/totals"

    def _everybodys(self) -> dict[str, list[list[float]]]:
        """Term → total and count of each process."""
        everybody = world.gathered({term: pair.tolist() for term, pair in self.totals.items()})
        terms = dict.fromkeys(term for theirs in everybody for term in theirs)
        return {term: [theirs.get(term, [0.0, 0.0]) for theirs in everybody] for term in terms}
