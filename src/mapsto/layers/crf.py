"""A linear-chain conditional random field: tags are told as one path, in which each says something of the next."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mapsto.core.ragged import mask

NONE = -1  # where there is no tag


class CRF(nn.Module):
    """p(y | x) ∝ exp(first[y₁] + Σ emission_t[y_t] + Σ follows[y_t, y_{t+1}] + last[y_T])

    (Lafferty, McCallum and Pereira 2001; with learned emissions Lample et al. 2016, arXiv:1603.01360, §2.2.)
    All of it is in logarithms; the sum over all paths is taken step by step (the forward algorithm), and so is the best path
    found (Viterbi 1967).

    emissions [B, T, K] and count [B]: beyond it is padding, which adds nothing.
    """

    def __init__(self, tags: int):
        super().__init__()
        self.tags = tags
        self.first, self.last = nn.Parameter(torch.zeros(tags)), nn.Parameter(torch.zeros(tags))
        self.follows = nn.Parameter(torch.zeros(tags, tags))

    def log_likelihood(self, emissions: Tensor, path: Tensor, count: Tensor) -> Tensor:
        """log p of each path [B, T] of places among the tags → [B]; 0 of an empty one. What it holds at padding is nothing."""
        emissions = emissions.float()
        gained = self._score(emissions, path.clamp(min=0), count) - self._all(emissions, count)
        return torch.where(count > 0, gained, 0.0)

    @torch.no_grad()
    def best(self, emissions: Tensor, count: Tensor) -> Tensor:
        """The likeliest path of each, [B, T] int64; −1 at padding."""
        emissions, here = emissions.float(), mask(count, emissions.shape[1])
        stays = torch.arange(self.tags, device=emissions.device)
        score, came = self.first + emissions[:, 0], []  # of the best path that ends in each tag, [B, K]
        for t in range(1, emissions.shape[1]):
            longer, before = (score[:, :, None] + self.follows).max(dim=1)
            score = torch.where(here[:, t, None], longer + emissions[:, t], score)
            came.append(torch.where(here[:, t, None], before, stays))
        path = [(score + self.last).argmax(dim=1)]
        for before in reversed(came):
            path.append(before.gather(1, path[-1][:, None])[:, 0])
        return torch.stack(path[::-1], dim=1).masked_fill(~here, NONE)

    def _score(self, emissions: Tensor, path: Tensor, count: Tensor) -> Tensor:
        here = mask(count, path.shape[1])
        emitted = emissions.gather(2, path[:, :, None])[:, :, 0] * here
        followed = self.follows[path[:, :-1], path[:, 1:]] * here[:, 1:]
        end = path.gather(1, (count - 1).clamp(min=0)[:, None])[:, 0]
        return self.first[path[:, 0]] + emitted.sum(dim=1) + followed.sum(dim=1) + self.last[end]

    def _all(self, emissions: Tensor, count: Tensor) -> Tensor:
        """The logarithm of the sum over all paths."""
        here = mask(count, emissions.shape[1])
        score = self.first + emissions[:, 0]  # of all paths that end in each tag, [B, K]
        for t in range(1, emissions.shape[1]):
            longer = (score[:, :, None] + self.follows).logsumexp(dim=1) + emissions[:, t]
            score = torch.where(here[:, t, None], longer, score)
        return (score + self.last).logsumexp(dim=1)


def crf_of(model: nn.Module) -> CRF | None:
    """The CRF that a model has among its layers; None where each token's tag is told by itself."""
    return next((layer for layer in model.modules() if isinstance(layer, CRF)), None)
