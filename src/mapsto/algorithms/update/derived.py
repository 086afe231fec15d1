"""The gradient of a plain stack of linear maps, written out: what autograd finds, without its tape.

With aₖ the activations, Wₖ and bₖ the maps, δ the slope of the mean loss at the output of a map:

    ∂/∂Wₖ = δᵀ aₖ      ∂/∂bₖ = Σ δ      δ of the map before = δ Wₖ where aₖ > 0      (Rumelhart, Hinton and Williams 1986)

On small batches the tape costs more than the arithmetic: a step then takes about half the time.
"""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor, nn

from mapsto.core.batch import Batch, Losses
from mapsto.core.nouns import Chain, Objective


class Derived:
    """Leaves in `.grad` of every parameter of `chain` the gradient of the mean loss over a batch [B, …]."""

    def __init__(self, chain: list[nn.Linear], objective: Objective):
        self.objective = objective
        self.maps = [(m.weight.data, m.weight.data.t(), m.bias.data, m.weight.grad, m.bias.grad) for m in chain]

    @classmethod
    def of(cls, model: nn.Module, objective: Objective) -> Self | None:
        """None where the model is no such stack, part of it is frozen or tied, or the objective does not know its slope.

        Gradients are laid out already (flat.py).
        """
        if not _together(objective, "losses", "slope"):
            return None
        chain = _written(model) if type(model) is nn.Sequential else []
        if isinstance(model, Chain) and _together(model, "forward", "chain"):
            chain = model.chain()
        parts = {id(p) for m in chain for p in (m.weight, m.bias) if p is not None and p.requires_grad}
        whole = len(parts) == 2 * len(chain) == len(list(model.parameters()))
        return cls(chain, objective) if chain and whole else None

    @torch.inference_mode()  # no tape, and no counting of what is changed in place
    def __call__(self, batch: Batch) -> Losses | None:
        """The losses; None, and nothing done, where a batch is not what the formulas are for."""
        if "weight" in batch or not isinstance(batch["input"], Tensor):
            return None
        output, seen = batch["input"].flatten(1), []
        for _, turned, bias, _, _ in self.maps:
            if seen:
                output.relu_()
            seen.append(output)
            output = torch.addmm(bias, output, turned)
        known = self.objective.slope(output, batch)
        if known is None:
            return None
        losses, slope = known
        for k in range(len(self.maps) - 1, -1, -1):
            weight, _, _, by_weight, by_bias = self.maps[k]
            torch.mm(slope.t(), seen[k], out=by_weight)
            torch.sum(slope, 0, out=by_bias)
            if k:
                slope = torch.ops.aten.threshold_backward.default(slope.mm(weight), seen[k], 0)
        return losses


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
