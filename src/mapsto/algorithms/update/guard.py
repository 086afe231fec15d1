"""What stands between a number that is none and the weights: a look at loss, gradient and weights before every update.

A sum of squares is finite only if every number in it is (and none so large that a moment of it would overflow), so one
product looks at all of them. On a CPU the host reads it at once and the update is not made. On an accelerator the host must
not wait: a flag on the device keeps the update from changing anything where it is not sound; the host reads it at a report.
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
    """Looks at each turn of a player: `keep`, then losses and gradient, then `sound`, then the update, then `counted`.

    sticky: once an update was not sound, none is made any more (until `forgive`). at_once: whether the host may look at each
    step; otherwise it asks `first` now and then: at which step it happened first, or NEVER.
    """

    def __init__(self, model: nn.Module, sticky: bool, at_once: bool):
        self.sticky, self.at_once = sticky, at_once
        self.buffers = list(model.buffers())  # running statistics: a forward pass already changes them
        self.kept_buffers = [b.clone() for b in self.buffers]
        device = next(model.parameters()).device
        self.trusting = False  # while a look after some steps will find what each of them would have shown
        self.ok = torch.ones((), dtype=torch.bool, device=device)
        self.happened = torch.full((), NEVER, device=device)
        self.times = torch.zeros((), dtype=torch.int64, device=device)

    @property
    def allows(self) -> Tensor | None:
        """The flag that an update goes by, where the host does not look."""
        return None if self.at_once else self.ok

    def keep(self) -> None:
        """Remember the running statistics, which a look at losses changes too."""
        if self.buffers:
            torch._foreach_copy_(self.kept_buffers, self.buffers)

    def restore(self) -> None:
        """The running statistics as they were when they were last kept."""
        if self.buffers:
            torch._foreach_copy_(self.buffers, self.kept_buffers)

    def sound(self, flat: Flat, loss: Tensor | None, step: int | Tensor) -> bool:
        """Whether loss, gradient and weights are finite. Where the host may not look it is told yes, and `allows` knows."""
        if self.trusting and loss is None:
            return True
        looked = flat.squares()
        if loss is not None:
            looked = looked + loss
        if self.at_once:
            return math.isfinite(looked.item())
        self.mark(torch.isfinite(looked), step)
        return True

    def still_sound(self, flat: Flat) -> bool:
        """Whether steps that were trusted have all been sound: a number that is none stays in a weight or in a moment of it."""
        looked = sum((moment.sum() for moments in flat.moments for moment in moments.values()), flat.squares())
        return math.isfinite(looked.item())

    def mark(self, ok: Tensor, step: int | Tensor) -> None:
        """Remember on the device whether all was sound."""
        self.happened.copy_(torch.where(ok | (self.happened != NEVER), self.happened, step))
        self.times += ~ok
        self.ok.copy_(self.ok & ok if self.sticky else ok)

    def counted(self, losses: Losses, weight: Tensor | None) -> Losses:
        """The losses of a turn; where a turn that the host did not see was not sound, they count for nothing, and the running
        statistics are as before."""
        if self.at_once:
            return losses
        for now, before in zip(self.buffers, self.kept_buffers, strict=True):
            now.copy_(torch.where(self.ok, now, before))
        counted: Losses = {}
        for term, loss in losses.items():
            total, count = total_and_count(loss, weight)
            count = torch.as_tensor(count, device=total.device)
            counted[term] = Mean(torch.where(self.ok, total, 0), torch.where(self.ok, count, 0))
        return counted

    def remembered(self) -> list[Tensor]:
        return [self.ok, self.happened, self.times, *self.buffers]

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
