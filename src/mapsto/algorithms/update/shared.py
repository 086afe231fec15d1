"""What the processes of one run share in a turn: counts before the gradient is taken, then the gradient, then statistics.

A mean over the batch is a total over a count, both of all processes: the mean of their means would not be it where their
parts differ in size, in weights or in what a `Mean` counts. After `gradient` everybody has the same to the last bit, and so
comes to the same verdict about it and to the same weights.
"""

from __future__ import annotations

from dataclasses import asdict

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase

from mapsto.algorithms.update.diagnosis import Diagnosis
from mapsto.algorithms.update.flat import Flat
from mapsto.algorithms.update.sharded import Sharded
from mapsto.core import world
from mapsto.core.batch import Batch, Losses, Mean

Counts = dict[str, Tensor | int]


class Shared:
    """The turns of `model` in several processes, which begin with the weights of the first one.

    Counts are exchanged once a turn: a process whose memory did not suffice begins its turn again in smaller pieces and
    keeps them, while the others wait for its gradient.
    """

    def __init__(self, model: nn.Module):
        world.spread([tensor.data for tensor in (*model.parameters(), *model.buffers())])
        self.device = next(model.parameters()).device
        normed = [m for m in model.modules() if isinstance(m, _NormBase)]
        self.statistics = [s for m in normed for s in (m.running_mean, m.running_var) if s is not None]
        self.agreed: Counts = {}

    def begin(self) -> None:
        """A player's turn."""
        self.agreed = {}

    def counts(self, mine: Counts) -> Counts:
        """Each term's count over the batch of all processes, from that over this one's part."""
        if not self.agreed:
            counts = torch.stack(
                [
                    c.double() if isinstance(c, Tensor) else torch.full((), c, dtype=torch.float64, device=self.device)
                    for c in mine.values()
                ]
            )
            self.agreed = dict(zip(mine, world.total(counts).float(), strict=True))
        return self.agreed

    def gradient(self, flat: Flat | Sharded, loss: Tensor) -> Tensor:
        """Everybody's gradients added up in `flat`, and running statistics averaged. loss: what this process adds to the mean.

        Returns a number that is none, for everybody, where anybody's loss was none.
        """
        if isinstance(flat, Sharded):  # FSDP2 has added them up
            sound = world.total(0 * loss)
        else:
            flat.gradient[:1].add_(0 * loss)
            sound = 0 * world.total(flat.gradient)[0]
        if self.statistics:
            flat_statistics = torch.cat([s.flatten() for s in self.statistics])
            means = world.total(flat_statistics).div_(world.size())
            for mine, mean in zip(self.statistics, means.split([s.numel() for s in self.statistics]), strict=True):
                mine.copy_(mean.view_as(mine))
        return sound

    def found(self, mine: Diagnosis) -> Diagnosis:
        """What everybody says of a turn that went wrong: the first that names examples, with all that were named so."""
        everybody = [Diagnosis(**told) for told in world.gathered(asdict(mine))]
        first = next((d for d in everybody if d.examples), everybody[0])
        same = [d for d in everybody if d.what == first.what]
        rows = [row for d in same for row in d.examples]
        return Diagnosis(first.what, rows, sum(d.batch for d in same), any(d.lasting for d in everybody))

    def news(self, told: list[str], parts: int) -> tuple[list[str], int]:
        """What everybody has to tell, and into how many pieces everybody cuts its part from now on: the most that anybody needs."""
        everybody = world.gathered([told, parts])
        return [word for words, _ in everybody for word in words], max(parts for _, parts in everybody)


def has_batch_statistics(model: nn.Module) -> bool:
    return any(isinstance(m, _BatchNorm) for m in model.modules())


def present(losses: Losses, batch: Batch) -> Losses:
    """The losses as they count: those of a stand-in (see `world.part`) for nothing."""
    if "stand_in" not in batch:
        return losses
    totals = {term: loss.total if isinstance(loss, Mean) else loss.sum() for term, loss in losses.items()}
    return {term: Mean(0 * total, torch.zeros_like(total)) for term, total in totals.items()}
