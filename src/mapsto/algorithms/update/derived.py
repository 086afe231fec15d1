"""The gradient of plain stacks of linear maps, written out: what autograd finds, without its tape.

With aₖ the activations, Wₖ and bₖ the maps, σ the bend between them and δ the slope of the mean loss at the output of a map:

    ∂/∂Wₖ = δᵀ aₖ      ∂/∂bₖ = Σ δ      δ of the map before = δ Wₖ ⊙ σ′      (Rumelhart, Hinton and Williams 1986)

On small batches the tape costs more than the arithmetic: a step then takes about half the time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from mapsto.core.batch import Batch, Losses
from mapsto.core.nouns import Chain, Objective, Stacked

Slopes = Callable[[list[Tensor], Batch], tuple[Losses, list[Tensor]] | None]


@dataclass(frozen=True)
class Bend:
    """What stands between two maps. apply: in place. back: the slope behind it, given the one after it and what it gave."""

    apply: Callable[[Tensor], Tensor]
    back: Callable[[Tensor, Tensor], Tensor]


RELU = Bend(Tensor.relu_, lambda slope, given: torch.ops.aten.threshold_backward.default(slope, given, 0))
TANH = Bend(Tensor.tanh_, torch.ops.aten.tanh_backward.default)


class Derived:
    """Leaves in `.grad` of every parameter of `stacks`, that all have the same input, the gradient of the mean loss over a batch
    [B, …]. slopes: of the mean loss at the output of each."""

    def __init__(self, stacks: list[list[nn.Linear]], bend: Bend, slopes: Slopes):
        self.bend, self.slopes = bend, slopes
        self.stacks = [
            [(m.weight.data, m.weight.data.t(), m.bias.data, m.weight.grad, m.bias.grad) for m in maps]
            for maps in stacks
        ]

    @classmethod
    def of(cls, model: nn.Module, objective: Objective) -> Self | None:
        """None where the model is no such stack, part of it is frozen or tied, or the objective does not know its slope.

        Gradients are laid out already (flat.py).
        """
        stacks, bend, slopes = [], RELU, None
        if _together(objective, "losses", "slope"):
            chain = _written(model) if type(model) is nn.Sequential else []
            if isinstance(model, Chain) and _together(model, "forward", "chain"):
                chain = model.chain()
            stacks, slopes = [chain] if chain else [], _alone(objective)
        elif _together(objective, "losses", "slopes") and isinstance(model, Stacked):
            stacks = model.stacks() if _together(model, "forward", "policy", "value", "stacks") else []
            bend, slopes = TANH, objective.slopes
        maps = [m for stack in stacks for m in stack]
        parts = {id(p) for m in maps for p in (m.weight, m.bias) if p is not None and p.requires_grad}
        whole = len(parts) == 2 * len(maps) == len(list(model.parameters()))
        return cls(stacks, bend, slopes) if maps and whole and slopes else None

    @torch.inference_mode()  # no tape, and no counting of what is changed in place
    def __call__(self, batch: Batch) -> Losses | None:
        """The losses; None, and nothing done, where a batch is not what the formulas are for."""
        if "weight" in batch or not isinstance(batch["input"], Tensor):
            return None
        outputs, activations = [], []
        for stack in self.stacks:
            output, seen = batch["input"].flatten(1), []
            for _, turned, bias, _, _ in stack:
                if seen:
                    self.bend.apply(output)
                seen.append(output)
                output = torch.addmm(bias, output, turned)
            outputs.append(output)
            activations.append(seen)
        known = self.slopes(outputs, batch)
        if known is None:
            return None
        losses, slopes = known
        for stack, seen, slope in zip(self.stacks, activations, slopes, strict=True):
            for k in range(len(stack) - 1, -1, -1):
                weight, _, _, by_weight, by_bias = stack[k]
                torch.mm(slope.t(), seen[k], out=by_weight)
                torch.sum(slope, 0, out=by_bias)
                if k:
                    slope = self.bend.back(slope.mm(weight), seen[k])
        return losses


def _alone(objective: Objective) -> Slopes:
    """The slope at the only output."""

    def slopes(outputs: list[Tensor], batch: Batch) -> tuple[Losses, list[Tensor]] | None:
        known = objective.slope(outputs[0], batch)
        return known and (known[0], [known[1]])

    return slopes


def _written(model: nn.Sequential) -> list[nn.Linear]:
    """The maps of (flatten), linear, ReLU, linear, ReLU … linear; [] where it reads otherwise."""
    layers = [layer for layer in model if type(layer) is not nn.Identity]
    if layers and type(layers[0]) is nn.Flatten and (layers[0].start_dim, layers[0].end_dim) == (1, -1):
        layers = layers[1:]
    kinds = [nn.Linear if k % 2 == 0 else nn.ReLU for k in range(len(layers))]
    return layers[::2] if len(layers) % 2 and [type(layer) for layer in layers] == kinds else []


def _together(thing: object, *methods: str) -> bool:
    """Whether one class has all of these methods: a subclass that changes one of them alone has not."""
    owners = [next((cls for cls in type(thing).__mro__ if m in vars(cls)), None) for m in methods]
    return owners[0] is not None and len(set(owners)) == 1
