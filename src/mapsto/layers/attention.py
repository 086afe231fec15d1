"""Attention: every place asks all others what they know, and takes the mean of their answers by how well each fits."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.core.errors import FrameError

ROOM = 64  # places that a cache begins with


class Cache:
    """Keys and values of the places read so far, so that a decoder asks about a token once only.

    They lie in one tensor, [2, B, H, R, D / H], with room for R ≥ T places, which doubles when it is full: to add a place does
    not copy those before it.
    """

    def __init__(self) -> None:
        self.held: Tensor | None = None
        self.length = 0

    def __len__(self) -> int:
        """T, the places that are here."""
        return self.length

    @property
    def keys(self) -> Tensor:
        """[B, H, T, D / H]."""
        return self.held[0, :, :, : self.length]

    @property
    def values(self) -> Tensor:
        return self.held[1, :, :, : self.length]

    def add(self, pair: Tensor) -> tuple[Tensor, Tensor]:
        """Append keys and values of new places, [2, B, H, T', D / H]; returns those of all."""
        before, new = self.length, pair.shape[3]
        self.length += new
        if self.held is None or self.length > self.held.shape[3]:
            room = pair.new_empty(*pair.shape[:3], max(ROOM, 2 * self.length), pair.shape[4])
            if before:
                room[:, :, :, :before] = self.held[:, :, :, :before]
            self.held = room
        self.held.narrow(3, before, new).copy_(pair)
        return self.held.narrow(3, 0, self.length).unbind(0)

    def select(self, rows: Tensor) -> None:
        """Go on with these rows of the batch, [B'], some of them several times, as a beam does."""
        if self.held is not None:
            self.held = self.held.index_select(1, rows)


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
        if not self.cross and cache is None:
            q, k, v = parts.unbind(0)
        elif not self.cross:
            q, (k, v) = parts[0], cache.add(parts[1:])
        else:
            (q,), known = parts.unbind(0), cache is not None and len(cache)
            k, v = (cache.keys, cache.values) if known else self._heads(self.context(context)).unbind(0)
            if cache is not None and not known:
                cache.add(torch.stack([k, v]))
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
        return (*parts, *self._heads(self.context(context))) if self.cross else tuple(parts)

    def _heads(self, joined: Tensor) -> Tensor:
        """[B, T, n · D] → [n, B, H, T, D / H]."""
        B, T, wide = joined.shape
        count = wide // self.join.in_features
        return joined.view(B, T, count, self.heads, -1).permute(2, 0, 3, 1, 4)
