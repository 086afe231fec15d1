"""Which tokens are in a text, each weighed by how few of the training texts have it: x_t = log((1 + N) / (1 + N_t)) + 1 where token
t is in the text, of N training texts N_t have it; x is of length 1 (Manning, Raghavan and Schütze 2008, §6.2, with binary
counts)."""

from __future__ import annotations

import torch
from torch import Tensor

from mapsto.core.batch import Field
from mapsto.layers.tokens import real


def once(input: Field) -> tuple[Tensor, Tensor]:
    """The tokens of each text in order of their number, and which of them are there for the first time, [B, T]."""
    tokens = torch.where(real(input), input["tokens"], 0).sort(dim=1).values
    before = torch.nn.functional.pad(tokens, (1, 0), value=0)[:, :-1]
    return tokens, (tokens != before) & (tokens > 0)


def rareness(tokens: Tensor, first: Tensor, vocabulary: int) -> Tensor:
    """How rare each token is among the texts that `once` has read, [V]: the numbers of the formula before x has its length."""
    seen = torch.bincount(tokens[first], minlength=vocabulary)
    return torch.log((1 + len(tokens)) / (1 + seen.double())).add(1).float()


def shares(rareness: Tensor, tokens: Tensor, first: Tensor) -> Tensor:
    """x at each place [B, T]: 0 where a token is not there for the first time."""
    x = rareness[tokens] * first
    return x / x.norm(dim=1, keepdim=True).clamp(min=1e-12)
