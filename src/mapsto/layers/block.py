"""The block that transformers are stacks of: places ask each other, then each thinks for itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.core.errors import FrameError
from mapsto.layers.attention import Attention, Cache

WIDER = 4  # times the width, in the middle of the two maps
SPREAD = 0.02  # of first weights (Devlin et al. 2019, arXiv:1810.04805, §A.2; Radford et al. 2019)


class Block(nn.Module):
    """Attention, perhaps attention to a context, and two linear maps with an activation between, each with a way around it
    (Vaswani et al. 2017, arXiv:1706.03762, §3.1).

    width: D, divisible by heads. dropout: of attention's weights, and of what each part adds. causal: a place sees itself
    and those before it only. cross: it also attends to another sequence, `context`.
    norm: "before" each part, x + f(norm(x)), which trains without a warm-up (Radford et al. 2019; Xiong et al. 2020,
        arXiv:2002.04745): whoever stacks such blocks ends with a norm; or "after" it, norm(x + f(x)), as first published.
    activation: a function of numbers one by one. epsilon: of the norms.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        dropout: float = 0.0,
        norm: Literal["before", "after"] = "before",
        causal: bool = False,
        cross: bool = False,
        activation: Callable[[Tensor], Tensor] = F.gelu,
        epsilon: float = 1e-5,
    ):
        super().__init__()
        if norm not in ("before", "after"):
            raise FrameError(f"a block's norm stands before or after its parts, but came {norm!r}.")
        self.before, self.activation = norm == "before", activation
        self.attention = Attention(width, heads, dropout, causal)
        self.norm = nn.LayerNorm(width, epsilon)
        self.cross = Attention(width, heads, dropout, cross=True) if cross else None
        self.cross_norm = nn.LayerNorm(width, epsilon) if cross else None
        self.widen, self.narrow = nn.Linear(width, WIDER * width), nn.Linear(WIDER * width, width)
        self.last_norm = nn.LayerNorm(width, epsilon)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        x: Tensor,
        here: Tensor | None = None,
        context: Tensor | None = None,
        context_here: Tensor | None = None,
        cache: Cache | None = None,
        context_cache: Cache | None = None,
    ) -> Tensor:
        """x [B, T, D] → [B, T, D].

        here: [B, T] bool, which places of x may be seen; context: [B, S, D], and context_here [B, S] of it.
        cache, context_cache: what was read before x, and keys and values of the context, once they are known; see `Attention`.
        """
        x = self._with(x, self.norm, lambda x: self.attention(x, here=here, cache=cache))
        if self.cross is not None:
            x = self._with(x, self.cross_norm, lambda x: self.cross(x, context, context_here, context_cache))
        return self._with(x, self.last_norm, lambda x: self.narrow(self.activation(self.widen(x))))

    def _with(self, x: Tensor, norm: nn.LayerNorm, part: Callable[[Tensor], Tensor]) -> Tensor:
        """x and what the part adds to it."""
        if self.before:
            return x + self.dropout(part(norm(x)))
        return norm(x + self.dropout(part(x)))


def first_weights(model: nn.Module) -> None:
    """Maps and vectors of `model` drawn from a normal distribution of SPREAD; biases, and the vector of padding, are 0."""
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=SPREAD)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
        if isinstance(module, nn.Embedding) and module.padding_idx is not None:
            nn.init.zeros_(module.weight[module.padding_idx])
