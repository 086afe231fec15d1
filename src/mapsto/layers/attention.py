"""Attention: every place asks all others what they know, and takes the mean of their answers by how well each fits."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.core.errors import FrameError


class Cache:
    """Keys and values of the places read so far, [B, H, T, D / H] each, so that a decoder asks about a token once only."""

    def __init__(self) -> None:
        self.keys: Tensor | None = None
        self.values: Tensor | None = None

    def __len__(self) -> int:
        """T, the places that are here."""
        return 0 if self.keys is None else self.keys.shape[2]

    def add(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Append those of new places; returns those of all."""
        if self.keys is not None:
            keys, values = torch.cat([self.keys, keys], dim=2), torch.cat([self.values, values], dim=2)
        self.keys, self.values = keys, values
        return keys, values

    def select(self, rows: Tensor) -> None:
        """Go on with these rows of the batch, [B'], some of them several times, as a beam does."""
        if self.keys is not None:
            self.keys, self.values = self.keys.index_select(0, rows), self.values.index_select(0, rows)


class Attention(nn.Module):
    """softmax(Q Kᵀ / √d) V in several heads side by side (Vaswani et al. 2017, arXiv:1706.03762, §3.2).

    width: D, divisible by heads. dropout: of weights of the mean. causal: a place sees itself and those before it only.
    cross: keys and values are of another sequence, `context`.
    """

    def __init__(self, width: int, heads: int, dropout: float = 0.0, causal: bool = False, cross: bool = False):
        super().__init__()
        if heads < 1 or width % heads:
            raise FrameError(f"attention of width {width} cannot be parted into {heads} heads of one size.")
        self.heads, self.dropout, self.causal, self.cross = heads, dropout, causal, cross
        self.project = nn.Linear(width, width if cross else 3 * width)  # queries; keys and values behind them
        self.context = nn.Linear(width, 2 * width) if cross else None
        self.join = nn.Linear(width, width)

    def forward(
        self, x: Tensor, context: Tensor | None = None, here: Tensor | None = None, cache: Cache | None = None
    ) -> Tensor:
        """x [B, T, D] → [B, T, D].

        context: [B, S, D], where `cross`. here: [B, S] bool, which places may be seen: those of the context, or of x.
        cache: of a causal one, what was read before x; of a cross one, filled from the context once.
        """
        parts = self._heads(self.project(x))
        if self.cross:
            q, known = parts[0], cache is not None and len(cache)
            k, v = (cache.keys, cache.values) if known else self._heads(self.context(context))
            if cache is not None and not known:
                cache.add(k, v)
        else:
            q, k, v = parts
            if cache is not None:
                k, v = cache.add(k, v)
        seen = None if here is None else here[:, None, None, :]
        ahead = self.causal and q.shape[2] > 1
        if ahead and (seen is not None or k.shape[2] > q.shape[2]):
            before = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool, device=x.device)
            before = before.tril(k.shape[2] - q.shape[2])
            seen, ahead = before if seen is None else seen & before, False
        share = self.dropout if self.training else 0.0
        answer = F.scaled_dot_product_attention(q, k, v, seen, dropout_p=share, is_causal=ahead)
        return self.join(answer.transpose(1, 2).flatten(2))

    def heads_of(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, ...]:
        """Queries, keys and values, [B, H, T or S, D / H] each."""
        parts = self._heads(self.project(x))
        return (*parts, *self._heads(self.context(context))) if self.cross else parts

    def _heads(self, joined: Tensor) -> tuple[Tensor, ...]:
        """[B, T, n · D] → n times [B, H, T, D / H]."""
        B, T, wide = joined.shape
        count = wide // self.join.in_features
        return joined.view(B, T, count, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
