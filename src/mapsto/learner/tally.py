"""Losses since the last report, kept as they come and added up when it is due: no operation in a step, no look at the device."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mapsto.core import world
from mapsto.core.batch import Losses, Mean
from mapsto.core.state import Stateful

MANY = 1 << 20  # losses that are kept apart at most


class Tally(Stateful):
    """kept: term → losses [n], each of which counts once, or [n, 2] totals and counts. totals: term → [total, count], float64."""

    remembers = ("totals", "kept")

    def __init__(self) -> None:
        self.totals: dict[str, Tensor] = {}
        self.heard: dict[str, list[Tensor]] = {}
        self.waiting = 0

    def add(self, losses: Losses, weight: Tensor | None = None) -> None:
        """weight: [B], how much each example counts."""
        for term, loss in losses.items():
            if isinstance(loss, Mean):
                loss = torch.stack([loss.total, loss.count.to(loss.total)])[None]
            elif weight is not None:
                loss = torch.stack([loss * weight, weight], dim=1)
            self.heard.setdefault(term, []).append(loss)
            self.waiting += loss.shape[0]
        if self.waiting > MANY or world.size() > 1:  # of several processes, what each has is saved as one pair
            self._add_up()

    def read(self) -> dict[str, float]:
        """The mean of every term since the last reading, of all processes; one look at the device. What counted nothing is
        left out."""
        self._add_up()
        read = {term: map(sum, zip(*pairs, strict=True)) for term, pairs in self._everybodys().items()}
        self.totals = {}
        return {term: total / count for term, (total, count) in read.items() if count}

    @property
    def kept(self) -> dict[str, Tensor]:
        return {term: _joined(losses) for term, losses in self.heard.items()}

    @kept.setter
    def kept(self, kept: dict[str, Tensor]) -> None:
        self.heard = {term: [losses] for term, losses in kept.items()}
        self.waiting = sum(map(len, kept.values()))

    def state_dict(self) -> dict[str, Any]:
        """Of several processes each one's, [N, 2]: added up they would be rounded otherwise when learning goes on."""
        if world.size() == 1:
            return super().state_dict()
        pairs = {term: torch.tensor(pairs, dtype=torch.float64) for term, pairs in self._everybodys().items()}
        return {"totals": pairs, "kept": {}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Its own again; where there were more processes, or fewer, the first takes all."""
        rows = {term: pairs.reshape(-1, 2) for term, pairs in state["totals"].items()}
        self.totals = {
            term: pairs[world.rank()] if len(pairs) == world.size() else pairs.sum(0) * (world.rank() == 0)
            for term, pairs in rows.items()
        }
        self.kept = state["kept"] if world.rank() == 0 else {}

    def odd(self, state: dict[str, Any]) -> str:
        """What keeps `state` from being that of a tally; "" where nothing does."""
        for pair in state["totals"].values():
            if not isinstance(pair, Tensor) or pair.shape[-1:] != (2,):
                return "/tally/totals"
        for losses in state["kept"].values():
            if not isinstance(losses, Tensor) or losses.shape[1:] not in ((), (2,)) or not losses.ndim:
                return "/tally/kept"
        return ""

    def _add_up(self) -> None:
        for term, losses in self.kept.items():
            double = losses.double()
            pair = double.sum(0) if losses.ndim == 2 else torch.stack([double.sum(), double.new_tensor(len(losses))])
            self.totals[term] = self.totals[term] + pair if term in self.totals else pair
        self.heard, self.waiting = {}, 0

    def _everybodys(self) -> dict[str, list[list[float]]]:
        """Term → total and count of each process."""
        everybody = world.gathered({term: pair.tolist() for term, pair in self.totals.items()})
        terms = dict.fromkeys(term for theirs in everybody for term in theirs)
        return {term: [theirs.get(term, [0.0, 0.0]) for theirs in everybody] for term in terms}


def _joined(losses: list[Tensor]) -> Tensor:
    """One tensor of several; losses that count once get their counts where others among them have some."""
    if len({loss.ndim for loss in losses}) > 1:
        losses = [loss if loss.ndim == 2 else torch.stack([loss, torch.ones_like(loss)], dim=1) for loss in losses]
    return torch.cat(losses)
