"""Short phrases, wherever they stand: convolutions over tokens, and the strongest answer of each."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.core.batch import Field
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Shape
from mapsto.layers.answer import Answer
from mapsto.layers.tokens import Tokens, largest_over, real


class TextCNN(nn.Module):
    """Convolutions of several sizes over the vectors of the tokens, ReLU, the largest over time (Kim 2014, arXiv:1408.5882).

    inputs: {"tokens": [V]}, perhaps with columns beside (see `Answer`). embedding: width of a token's vector. width: phrases
        (maps) of each size. sizes: how many tokens a phrase has. dropout: before the linear map; thin: of the numbers in the
        tokens' vectors.
    forward: tokens with their count, [B, T] → [B, outputs]. Beyond its ends a text is followed by zeros, however far it is
        padded.
    """

    def __init__(
        self,
        inputs: Shape,
        outputs: int,
        embedding: int = 128,
        width: int = 100,
        sizes: list[int] | None = None,
        dropout: float = 0.5,
        thin: float = 0.3,
    ):
        super().__init__()
        self.sizes = [3, 4, 5] if sizes is None else sizes
        if not self.sizes or min(self.sizes) < 1 or min(embedding, width) < 1:
            raise FrameError(
                f"TextCNN needs sizes, embedding and width of at least 1, but came {sizes}, {embedding}, {width}."
            )
        self.inputs, self.outputs, self.embedding, self.width = inputs, outputs, embedding, width
        self.dropout, self.thin = dropout, thin
        self.tokens = Tokens(inputs, embedding, thin)
        self.phrases = nn.ModuleList(nn.Conv1d(embedding, width, size) for size in self.sizes)
        self.output = Answer(inputs, width * len(self.sizes), outputs, dropout)

    def forward(self, input: Field) -> Tensor:
        vectors, here = self.tokens(input).transpose(1, 2), real(input)  # [B, D, T]
        found = []
        for size, phrase in zip(self.sizes, self.phrases, strict=True):
            answers = phrase(F.pad(vectors, (size // 2, size - 1 - size // 2)))  # [B, width, T]
            found.append(largest_over(answers.transpose(1, 2), here))
        return self.output(torch.cat(found, dim=1).relu(), input)
