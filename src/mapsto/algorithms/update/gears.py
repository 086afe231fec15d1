"""Gears: other ways to take the very same steps, several in one call.

    eager      step by step, at once
    captured   the eager operations of K steps recorded once as a CUDA graph and replayed: no launch waits for Python
    compiled   loss, gradient and update of K steps as one compiled function: no tape, and fused loops

A gear knows batches of one shape. Losses, gradients, clipping, guard and the optimizer's formula are those of `Descend`; rates and
counts are told as tensors, so that nothing of them is frozen in. Weights agree to 1e-5 after 50 steps, not to the last digit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from mapsto.algorithms.update.flat import Flat, shrinking
from mapsto.core.batch import Batch, Losses, Mean, columns, over, total_and_count
from mapsto.core.nouns import Objective

if TYPE_CHECKING:
    from mapsto.algorithms.update.descend import Descend


class Gear(ABC):
    """Takes `together` steps a call."""

    name: ClassVar[str]

    def __init__(self, descend: Descend, together: int):
        self.descend, self.together = descend, together

    def steps(self, batches: list[Batch], step: int) -> list[Losses]:
        """The steps from `step` on, one a batch."""
        update, numbers = self.descend, range(step, step + len(batches))
        flat = next(iter(update.flats.values()))
        told = [[update.rate(n) for n in numbers], [flat.count + 1 + k for k in range(len(batches))], list(numbers)]
        losses = self.run(batches, torch.tensor(told, dtype=torch.float64).to(update.device, non_blocking=True))
        for flat in update.flats.values():
            flat.count += len(batches)
        return losses

    @abstractmethod
    def run(self, batches: list[Batch], told: Tensor) -> list[Losses]:
        """told [3, K]: rate, count and number of each step."""


class Captured(Gear):
    """A CUDA graph of K eager steps on buffers of its own (NVIDIA, CUDA programming guide, §4.2, "CUDA graphs")."""

    name = "captured"

    def __init__(self, descend: Descend, together: int, batch: Batch):
        super().__init__(descend, together)
        self.batches = [over(batch, torch.clone) for _ in range(together)]
        self.told = torch.ones(3, together, dtype=torch.float64, device=descend.device)
        if descend.device.type == "cuda":
            self._capture()

    def run(self, batches: list[Batch], told: Tensor) -> list[Losses]:
        for mine, batch in zip(self.batches, batches, strict=True):
            for (_, held), (_, came) in zip(columns(mine), columns(batch), strict=True):
                held.copy_(came, non_blocking=True)
        self.told.copy_(told)
        if self.descend.device.type == "cuda":
            self.graph.replay()
            return [
                {term: Mean(m.total.clone(), m.count.clone()) for term, m in losses.items()} for losses in self.losses
            ]
        return self.eager()

    def eager(self) -> list[Losses]:
        """What is captured."""
        return [self._step(batch, *self.told[:, k]) for k, batch in enumerate(self.batches)]

    def _step(self, batch: Batch, rate: Tensor, count: Tensor, number: Tensor) -> Losses:
        update, weight = self.descend, batch.get("weight")
        report: Losses = {}
        for player, flat in update.flats.items():
            update.guard.keep()
            losses, loss = update.turn(batch, player, flat)
            update.guard.sound(flat, loss, number.long())
            if update.clip is not None:
                flat.clip(update.clip)
            flat.formula(flat.gradients, rate, count, update.guard.ok)
            report |= update.guard.counted(losses, weight)
        return report

    def _capture(self) -> None:
        """Warmed up on a stream of its own, so that what is made lazily is there; what that changed is put back."""
        changing = self.descend.changing()
        kept = [tensor.clone() for tensor in changing]
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(3):
                self.eager()
        torch.cuda.current_stream().wait_stream(aside)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.losses = self.eager()
        for now, before in zip(changing, kept, strict=True):
            now.copy_(before)


class Compiled(Gear):
    """K steps as one function of weights, moments, statistics and batches, compiled whole (Ansel et al. 2024, ASPLOS)."""

    name = "compiled"
    backend: ClassVar[str] = "inductor"

    def __init__(self, descend: Descend, together: int, batch: Batch):
        super().__init__(descend, together)
        self.asked = _Asked(descend.model, descend.objective)
        self.named = {p: _names(descend.model, flat) for p, flat in descend.flats.items()}
        self.shapes = {p: [q.shape for q in flat.parameters] for p, flat in descend.flats.items()}
        self.program = torch.compile(self._steps, fullgraph=True, dynamic=False, backend=self.backend)

    @torch.no_grad()
    def run(self, batches: list[Batch], told: Tensor) -> list[Losses]:
        return self.program(batches, told)

    def _steps(self, batches: list[Batch], told: Tensor) -> list[Losses]:
        return [self._step(batch, *told[:, k]) for k, batch in enumerate(batches)]

    def _step(self, batch: Batch, rate: Tensor, count: Tensor, number: Tensor) -> Losses:
        update, guard, weight = self.descend, self.descend.guard, batch.get("weight")
        buffers = {f"model.{name}": b for name, b in update.model.named_buffers()}
        report: Losses = {}
        for player, flat in update.flats.items():

            def mean(values: list[Tensor], player: str = player) -> tuple[Tensor, Any]:
                moved = {name: b.clone() for name, b in buffers.items()}  # a forward pass changes running statistics
                shapes = self.shapes[player]
                laid = torch.cat(values).split([shape.numel() for shape in shapes])
                weights = {n: v.view(s) for n, v, s in zip(self.named[player], laid, shapes, strict=True)}
                with torch.autocast(update.device.type, torch.bfloat16, enabled=update.products == "bfloat16"):
                    losses = torch.func.functional_call(self.asked, weights | moved, (batch, player))
                pairs = {term: total_and_count(loss, weight) for term, loss in losses.items()}
                shares = [total / count for total, count in pairs.values()]
                counted = {t: (a.detach(), torch.as_tensor(c, device=a.device)) for t, (a, c) in pairs.items()}
                return sum(shares[1:], shares[0]), (counted, moved)

            gradients, (loss, (pairs, moved)) = torch.func.grad_and_value(mean, has_aux=True)(flat.values)
            looked = [n.dot(n) for n in (*flat.values, *gradients)]
            guard.mark(torch.isfinite(sum(looked, loss)), number.long())
            if update.clip is not None:
                factor = shrinking(gradients, update.clip)
                gradients = [g * factor for g in gradients]
            flat.formula(gradients, rate, count, guard.ok)
            for name, now in moved.items():
                buffers[name].copy_(torch.where(guard.ok, now, buffers[name]))
            for term, (total, counted) in pairs.items():
                report[term] = Mean(torch.where(guard.ok, total, 0), torch.where(guard.ok, counted, 0))
        return report


GEARS: dict[str, type[Captured] | type[Compiled]] = {gear.name: gear for gear in (Captured, Compiled)}


class _Asked(nn.Module):
    """The losses of a model as a module's output, so that `functional_call` may be given other weights."""

    def __init__(self, model: nn.Module, objective: Objective):
        super().__init__()
        self.model, self.objective = model, objective

    def forward(self, batch: Batch, player: str) -> Losses:
        return self.objective.losses(self.model, batch, player)


def _names(model: nn.Module, flat: Flat) -> list[str]:
    """What the parameters of a player are called in `_Asked`, in the order of its vectors; tied ones by their first name."""
    first: dict[int, str] = {}
    for name, p in model.named_parameters():
        first[id(p)] = f"model.{name}"
    return [first[id(p)] for p in flat.parameters]
