"""Low-rank adapters: what a task changes in a large matrix is a small one."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.core import seeds
from mapsto.core.errors import FrameError

DOWN, UP = ".rank_down", ".rank_up"  # how the names of their weights end


class LowRank(nn.Linear):
    """x ↦ W x + b + B A x: W [out, in] and b stay as they are, A [R, in] and B [out, R] are learned, and B is 0 to begin with
    (Hu et al. 2021, arXiv:2106.09685, §4.1). The paper's scale α / r is 1, as where α is the rank.

    linear: the map that is changed, whose weight and bias it goes on to use. x [B, …, in] → [B, …, out].
    """

    def __init__(self, linear: nn.Linear, rank: int, generator: torch.Generator):
        super().__init__(linear.in_features, linear.out_features, linear.bias is not None, device="meta")
        self.weight, self.bias = linear.weight, linear.bias
        down = torch.randn(rank, self.in_features, generator=generator) / self.in_features**0.5
        self.rank_down = nn.Parameter(down.to(linear.weight))
        self.rank_up = nn.Parameter(linear.weight.new_zeros(self.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + F.linear(F.linear(x, self.rank_down), self.rank_up)


def adapt(model: nn.Module, parts: list[nn.Module], rank: int, seed: int) -> None:
    """Put a `LowRank` in the place of each linear map in these parts of the model; the rest of them is no longer changed.

    First weights are a function of `seed`. FrameError where there is no map.
    """
    inside = {id(module) for part in parts for module in part.modules()}
    found = [
        (owner, name, child)
        for owner in model.modules()
        for name, child in owner.named_children()
        if type(child) is nn.Linear and id(child) in inside
    ]
    if not found:
        raise FrameError(
            "adapters change linear maps, but there is none but the model's last.",
            "Leave out algorithm.update.adapters.",
            "F004",
        )
    for part in parts:
        part.requires_grad_(False)
    for place, (owner, name, linear) in enumerate(found):
        setattr(owner, name, LowRank(linear, rank, seeds.generator("cpu", seed, place)))


def merged(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a model with adapters as those of the plain model: W + B A."""
    plain = {name: tensor for name, tensor in weights.items() if not name.endswith((DOWN, UP))}
    for name, up in weights.items():
        if name.endswith(UP):
            stem = name.removesuffix(UP)
            plain[f"{stem}.weight"] = plain[f"{stem}.weight"] + up @ weights[stem + DOWN]
    return plain
