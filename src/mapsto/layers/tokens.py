"""The way in for models that read token after token: a vector for each, and which of them are there."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mapsto.core.batch import Field
from mapsto.core.errors import ShapeError
from mapsto.core.nouns import Shape
from mapsto.core.ragged import mask
from mapsto.layers.spelling import Spelling

PAD, UNKNOWN = 0, 1


class Tokens(nn.Module):
    """{"tokens": [B, T] int64, "count": [B]} → vectors [B, T, width], zero at padding.

    shape: {"tokens": [V]}, the tokens that there are, of which number 0 is padding and 1 is any that is unknown. Where it is
        {"tokens": [V], "characters": [n]}, each token comes with its characters, and half of its vector is read from them.
    dropout: of numbers in the vectors. forget: the share of tokens that are taken for unknown in training: so it is learned
        what to make of one that was never seen (Iyyer et al. 2015, "Deep unordered composition …", §3.2).
    """

    def __init__(self, shape: Shape, width: int, dropout: float = 0.0, forget: float = 0.0):
        super().__init__()
        self.vocabulary, self.width, self.forget = tokens_of(shape, "a model of tokens"), width, forget
        spelled = width // 2 if "characters" in shape else 0
        self.table = nn.Embedding(self.vocabulary, width - spelled, padding_idx=PAD)
        self.spelling = Spelling(shape["characters"][0], spelled) if spelled else None
        self.dropout = nn.Dropout(dropout)

    def forward(self, input: Field) -> Tensor:
        tokens = input["tokens"]
        if self.training and self.forget:
            forgotten = torch.rand(tokens.shape, device=tokens.device) < self.forget
            tokens = tokens.masked_fill(forgotten & (tokens != PAD), UNKNOWN)
        vectors = self.table(tokens)
        if self.spelling is not None:
            vectors = torch.cat([vectors, self.spelling(input["characters"])], dim=2)
        return self.dropout(vectors)


def tokens_of(shape: Shape, whose: str) -> int:
    """V of {"tokens": [V]}; ShapeError where an input is something else."""
    if not isinstance(shape, dict) or "tokens" not in shape:
        raise ShapeError(
            f"{whose} reads text, but the input is {shape}.",
            "Choose a model for this kind of input, or read a column as text: --set data.kinds.COLUMN=text",
        )
    return shape["tokens"][0]


def real(input: Field) -> Tensor:
    """[B, T]: True where a token is real. Of an empty text the first place counts, so that there is something to say."""
    return mask(input["count"].clamp(min=1), input["tokens"].shape[1])


def mean_over(states: Tensor, here: Tensor) -> Tensor:
    """[B, T, D] → [B, D]: the mean over the places that are `here` [B, T]."""
    share = here.to(states.dtype) / here.sum(dim=1, keepdim=True)
    return torch.einsum("btd,bt->bd", states, share)


def largest_over(states: Tensor, here: Tensor) -> Tensor:
    """[B, T, D] → [B, D]: the largest over the places that are `here` [B, T]."""
    return states.masked_fill(~here[:, :, None], float("-inf")).amax(dim=1)
