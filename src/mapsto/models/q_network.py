"""What each action is worth in a situation, and a slower copy that says what lies ahead (Mnih et al. 2015)."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from mapsto.core.batch import Field
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Lagged, Shape
from mapsto.layers.columns import Columns


class QNetwork(Lagged):
    """`depth` hidden layers of `width` units, linear and ReLU; then one number for each action: the return that follows it.

    Beside it stands the target network, its copy without a gradient: a goal that moves with every update is none. It is saved
    with the model, and `follow` alone moves it.
    inputs: shape of an observation. outputs: how many actions there are.
    forward: input [B, *inputs] → [B, outputs].
    """

    def __init__(self, inputs: Shape, outputs: int, width: int = 128, depth: int = 2):
        super().__init__()
        if width < 1:
            raise FrameError(f"QNetwork needs a width of at least 1, but came {width}.")
        self.inputs, self.outputs, self.width, self.depth = inputs, outputs, width, depth
        layers: list[nn.Module] = [Columns(inputs)]
        before = layers[0].width
        for _ in range(depth):
            layers += [nn.Linear(before, width), nn.ReLU()]
            before = width
        self.online = nn.Sequential(*layers, nn.Linear(before, outputs))
        self.target = copy.deepcopy(self.online).requires_grad_(False)
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))
        self._both = list(self.target.parameters()), list(self.online.parameters())  # looking for them takes long

    def forward(self, input: Field) -> Tensor:
        return self.online(input)

    def lagging(self, input: Field) -> Tensor:
        return self.target(input)

    @torch.no_grad()
    def follow(self, every: int, share: float) -> None:
        if every == 1:
            torch._foreach_lerp_(*self._both, share)
            return
        self.updates += 1  # on the device, whether or not it is time to: the host does not wait to be told
        weight = share * (self.updates % every == 0).float()
        for slow, fast in zip(*self._both, strict=True):
            slow.lerp_(fast, weight)
