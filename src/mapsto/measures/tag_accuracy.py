"""The share of tokens whose tag is the true one."""

from __future__ import annotations

import torch
from torch import Tensor

from mapsto.core.nouns import Measure
from mapsto.measures.precise import precise
from mapsto.measures.shapes import need_tags


class TagAccuracy(Measure):
    """The share of tokens whose tag is the true one. Its interval speaks of other sentences: tokens of one hang together.

    prediction, target: places among the tags, int64 [B, T], −1 where there is none. In [0, 1]; NaN without any token.
    """

    def keep(self, prediction: Tensor, target: Tensor) -> Tensor:
        need_tags("TagAccuracy", prediction, target)
        there = target >= 0
        return torch.stack([((prediction == target) & there).sum(dim=1), there.sum(dim=1)], dim=1)

    def formula(self, kept: Tensor, weight: Tensor) -> Tensor:
        right, tokens = precise(weight) @ precise(kept)
        return right / tokens
