"""What stands between a number that is none and the weights: a look at loss, gradient and weights before every update.

A sum of squares is finite only if every number in it is (and none so large that a moment of it would overflow), so one
product looks at all of them. On a CPU the host reads it at once and the update is not made. On an accelerator the host must
not wait: the update is made and, where it was not sound, taken back on the device; the host reads the flag at a report.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from mapsto.algorithms.update.flat import Flat
from mapsto.core.batch import Losses, Mean, total_and_count

NEVER = -1


class Guard:
    """Looks at each turn of a player: `keep`, then losses and gradient, then `sound`, then the update, then `undo`.

    sticky: once an update was not sound, none is made any more (until `forgive`). at_once: whether the host may look at each
    step; otherwise it asks `first` now and then: at which step it happened first, or NEVER.
    """

    def __init__(self, model: nn.Module, sticky: bool, at_once: bool):
        self.sticky, self.at_once = sticky, at_once
        self.buffers = list(model.buffers())  # running statistics: a forward pass already changes them
        self.kept_buffers = [b.clone() for b in self.buffers]
        self.kept: list[Tensor] = []
        device = next(model.parameters()).device
        self.ok = torch.ones((), dtype=torch.bool, device=device)
        self.happened = torch.full((), NEVER, device=device)
        self.times = torch.zeros((), dtype=torch.int64, device=device)

    def keep(self, flat: Flat) -> None:
        """Remember what this turn may change."""
        self.keep_statistics()
        if not self.at_once:
            self.kept = [t.clone() for t in flat.changing()]

    def keep_statistics(self) -> None:
        """Remember the running statistics, which a look at losses changes too."""
        if self.buffers:
            torch._foreach_copy_(self.kept_buffers, self.buffers)

    def restore(self) -> None:
        """The running statistics as they were when they were last kept."""
        if self.buffers:
            torch._foreach_copy_(self.buffers, self.kept_buffers)

    def sound(self, flat: Flat, loss: Tensor, step: int) -> bool:
        """Whether loss, gradient and weights are finite. Where the host may not look it is told yes, and `undo` follows."""
        if self.at_once:
            return math.isfinite(flat.squares().item()) and math.isfinite(loss.item())
        ok = torch.isfinite(flat.squares() + loss)
        self.happened = torch.where(ok | (self.happened != NEVER), self.happened, step)
        self.times += ~ok
        self.ok = self.ok & ok if self.sticky else ok
        return True

    def undo(self, flat: Flat, losses: Losses, weight: Tensor | None) -> Losses:
        """On an accelerator, take the update back where it was not sound; its losses then count for nothing."""
        if self.at_once:
            return losses
        for now, before in zip(flat.changing(), self.kept, strict=True):
            torch.where(self.ok, now, before, out=now)
        for now, before in zip(self.buffers, self.kept_buffers, strict=True):
            torch.where(self.ok, now, before, out=now)
        counted = {}
        for term, loss in losses.items():
            total, count = total_and_count(loss, weight)
            counted[term] = Mean(torch.where(self.ok, total, 0), torch.where(self.ok, count, 0))
        return counted

    def first(self) -> tuple[int, int]:
        """At which step an update was not sound since `forgive`, or NEVER, and how many were not; waits for the device."""
        return int(self.happened), int(self.times)

    def forgive(self) -> None:
        self.ok.fill_(True)
        self.happened.fill_(NEVER)
        self.times.zero_()

    def state_dict(self) -> dict[str, Any]:
        return {"ok": self.ok, "happened": self.happened, "times": self.times}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name in ("ok", "happened", "times"):
            getattr(self, name).copy_(state[name])
