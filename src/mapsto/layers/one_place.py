"""A block at the next place of one text: what a decoder does for every token, written out in vectors."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.layers.attention import Cache
from mapsto.layers.block import Block


class OnePlace:
    """A causal `Block` that norms before its parts, and all that it has read of one text: x [D] → [D], the numbers that the
    block gives with a cache.

    Products with one vector are so short that modules, the axes of a batch and copies around them would take longer than
    they do. So weights are named once, and what is projected at a place is written where later places will read it.

    cache: what the block has read so far. room: places that the text may have at most.
    """

    def __init__(self, block: Block, cache: Cache, room: int):
        attention = block.attention
        self.norm, self.last_norm = of_norm(block.norm), of_norm(block.last_norm)
        self.project, self.join = _map(attention.project), _map(attention.join)
        self.widen, self.narrow, self.activation = _map(block.widen), _map(block.narrow), block.activation
        self.length, heads = len(cache), attention.heads
        # queries are among them, which nobody reads again: so all of a place is written at once, and where it stays
        self.rows = cache.keys.new_empty(room, attention.project.out_features)
        parts = self.rows.view(room, 1, 3, heads, -1).permute(2, 1, 3, 0, 4)
        self.queries, self.keys, self.values = parts.unbind(0)  # [1, H, R, D / H]
        self.keys[:, :, : self.length] = cache.keys
        self.values[:, :, : self.length] = cache.values

    def __call__(self, x: Tensor) -> Tensor:
        before = self.length
        self.length += 1
        torch.addmv(*self.project, torch.layer_norm(x, *self.norm), out=self.rows[before])
        query = self.queries.narrow(2, before, 1)
        keys, values = self.keys.narrow(2, 0, self.length), self.values.narrow(2, 0, self.length)
        answer = F.scaled_dot_product_attention(query, keys, values).view(-1)
        x = x + torch.addmv(*self.join, answer)
        wide = self.activation(torch.addmv(*self.widen, torch.layer_norm(x, *self.last_norm)))
        return x + torch.addmv(*self.narrow, wide)


def plain(model: nn.Module) -> bool:
    """Whether its maps are those that `OnePlace` takes them for: nothing is dropped, and no adapter stands in the place of one."""
    return not model.training and all(type(m) is nn.Linear for m in model.modules() if isinstance(m, nn.Linear))


def of_norm(norm: nn.LayerNorm) -> tuple:
    """What torch.layer_norm is given behind the vector."""
    return norm.normalized_shape, norm.weight, norm.bias, norm.eps


def _map(linear: nn.Linear) -> tuple[Tensor, Tensor]:
    return linear.bias, linear.weight
