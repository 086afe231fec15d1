"""What each action is worth in a situation, and a slower copy that says what lies ahead (Mnih et al. 2015, doi:10.1038/nature14236)."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from mapsto.core.batch import Field
from mapsto.core.nouns import Shape
from mapsto.models.mlp import MLP


class QNetwork(nn.Module):
    """`depth` hidden layers of `width` units, linear and ReLU; then one number for each action: the return that follows it.

    Beside it stands the target network, its copy without a gradient: a goal that moves with every update is none. It is saved
    with the model, and `follow` alone moves it.
    inputs: shape of an observation. outputs: how many actions there are.
    forward: input [B, *inputs] → [B, outputs].
    """

    def __init__(self, inputs: Shape, outputs: int, width: int = 128, depth: int = 2):
        super().__init__()
        self.inputs, self.outputs, self.width, self.depth = inputs, outputs, width, depth
        self.online = MLP(inputs, outputs, width, depth)
        self.target = copy.deepcopy(self.online).requires_grad_(False)
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    def forward(self, input: Field) -> Tensor:
        return self.online(input)

    def lagging(self, input: Field) -> Tensor:
        return self.target(input)

    @torch.no_grad()
    def follow(self, every: int, share: float) -> None:
        # on the device, whether or not it is time to: the host does not wait to be told
        self.updates += 1
        weight = share * (self.updates % every == 0)
        for slow, fast in zip(self.target.parameters(), self.online.parameters(), strict=True):
            slow.lerp_(fast, weight.to(slow.dtype))
