"""f(x, W) = Wx + b: a perceptron, or with cross-entropy the softmax regression (logistic for two classes)."""

from __future__ import annotations

from torch import Tensor, nn

from mapsto.core.batch import Field
from mapsto.core.nouns import Shape
from mapsto.layers.columns import Columns


class Linear(nn.Module):
    """One weight for every pair of input and output number.

    inputs: shape of the input (see `Columns`); outputs: how many numbers to give.
    forward: input [B, *inputs] → [B, outputs].
    """

    def __init__(self, inputs: Shape, outputs: int):
        super().__init__()
        self.inputs, self.outputs = inputs, outputs
        self.columns = Columns(inputs)
        self.output = nn.Linear(self.columns.width, outputs)

    def chain(self) -> list[nn.Linear]:
        return [self.output] if self.columns.flat else []

    def forward(self, input: Field) -> Tensor:
        return self.output(self.columns(input))
