"""Which words are in a text, in no order: the mean of their vectors, and a line through them."""

from __future__ import annotations

from torch import Tensor, nn

from mapsto.core.batch import Field
from mapsto.core.nouns import Shape
from mapsto.layers.answer import Answer
from mapsto.layers.tokens import Tokens, mean_over, real


class BagOfEmbeddings(nn.Module):
    """The mean of learned vectors, then a linear map (fastText: Joulin et al. 2016, arXiv:1607.01759, §2).

    inputs: {"tokens": [V]}, perhaps with columns beside (see `Answer`). width: of the vectors. dropout: of their mean.
    forward: tokens with their count, [B, T] → [B, outputs].
    """

    def __init__(self, inputs: Shape, outputs: int, width: int = 100, dropout: float = 0.3):
        super().__init__()
        self.inputs, self.outputs, self.width, self.dropout = inputs, outputs, width, dropout
        self.tokens = Tokens(inputs, width)
        self.output = Answer(inputs, width, outputs, dropout)

    def forward(self, input: Field) -> Tensor:
        return self.output(mean_over(self.tokens(input), real(input)), input)
