"""The way in for models that read token after token: a vector for each, and which of them are there."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mapsto.core.batch import Field
from mapsto.core.errors import ShapeError
from mapsto.core.nouns import Shape
from mapsto.core.ragged import mask

PAD = 0


class Tokens(nn.Module):
    """{"tokens": [B, T] int64, "count": [B]} → vectors [B, T, width], zero at padding.

    shape: {"tokens": [V]}, the tokens that there are, of which number 0 is padding. dropout: of numbers in the vectors.
    """

    def __init__(self, shape: Shape, width: int, dropout: float = 0.0):
        super().__init__()
        self.vocabulary, self.width = tokens_of(shape, "a model of tokens"), width
        self.table = nn.Embedding(self.vocabulary, width, padding_idx=PAD)
        self.dropout = nn.Dropout(dropout)

    def forward(self, input: Field) -> Tensor:
        return self.dropout(self.table(input["tokens"]))


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
