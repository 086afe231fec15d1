"""What a picture is to be of, as one vector: a category, a text, or nothing at all."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mapsto.core.batch import Field
from mapsto.core.errors import ShapeError
from mapsto.core.nouns import Shape
from mapsto.layers.block import Block
from mapsto.layers.sinusoids import sinusoids
from mapsto.layers.tokens import Tokens, mean_over, real

HEADS = 4
NONE = 5  # the token that a missing text consists of
FORGET = 0.05  # of the words of a text that are taken for unknown in training: so it is learned what to make of one


class Given(nn.Module):
    """Categories [B] int64, or texts {"tokens": [B, T], "count": [B]} → vectors [B, width].

    shape: (C,) for one of C categories; {"tokens": [V]} for texts; () or (0,) where nothing is ever given.
    width: divisible by 4 where texts are read.
    drop: the share of examples of which nothing is said in training, so that one model learns to draw with and without being
        told what (Ho and Salimans 2022, arXiv:2207.12598, algorithm 1).

    Of an example that says nothing (category −1, a text without tokens or the missing one) the vector is one that is learned;
    `unsaid` makes such questions. What is said of a text does not hang on its padding.
    """

    def __init__(self, shape: Shape, width: int, drop: float = 0.0):
        super().__init__()
        odd = "tokens" not in shape if isinstance(shape, dict) else len(shape) > 1
        if odd:
            raise ShapeError(
                f"a picture is drawn of a category, of a text or of nothing, but the input is {shape}.",
                "Name one column to draw from.",
            )
        self.drop = drop
        self.nothing = nn.Parameter(torch.zeros(width))
        self.texts = self.categories = None
        if isinstance(shape, dict):
            self.texts = Tokens(shape, width, forget=FORGET)
            self.reader = Block(width, HEADS, norm="after")
        elif shape and shape[0]:
            self.categories = nn.Embedding(shape[0], width)

    def forward(self, input: Field) -> Tensor:
        said = says(input)
        if self.training and self.drop:
            said = said & (torch.rand(said.shape, device=said.device) >= self.drop)
        if self.texts is not None:
            vectors, here = self.texts(input), real(input)
            places = sinusoids(vectors.shape[1], vectors.shape[2], vectors.device)
            vectors = mean_over(self.reader(vectors + places, here), here)
        elif self.categories is not None:
            vectors = self.categories(input.clamp(min=0))
        else:
            return self.nothing.expand(len(said), -1)
        return torch.where(said[:, None], vectors, self.nothing)


def says(input: Field) -> Tensor:
    """[B]: True where something is given."""
    if isinstance(input, dict):
        return (input["count"] > 0) & (input["tokens"][:, 0] != NONE)
    return input >= 0


def unsaid(input: Field) -> Field:
    """The same questions with nothing given."""
    if isinstance(input, dict):
        return {**input, "count": torch.zeros_like(input["count"])}
    return torch.full_like(input, -1)
