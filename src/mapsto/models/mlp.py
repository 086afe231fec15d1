"""The multi-layer perceptron: linear maps with a bend between them (Rumelhart, Hinton and Williams 1986)."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from mapsto.core.batch import Field
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Shape
from mapsto.layers.batch_norm import BatchNorm
from mapsto.layers.columns import Columns

NORMS = {"none": nn.Identity, "batch": BatchNorm, "layer": nn.LayerNorm}


class MLP(nn.Module):
    """`depth` hidden layers of `width` units: linear, norm, ReLU, dropout; then a linear map to the outputs.

    inputs: shape of the input (see `Columns`); categories of a table get learned vectors up to `embedding` wide, and
        numbers are seen through so many `waves`, whose frequencies begin with spread `frequency` (see `Waves`).
    forward: input [B, *inputs] → [B, outputs].
    """

    def __init__(
        self,
        inputs: Shape,
        outputs: int,
        width: int = 128,
        depth: int = 2,
        dropout: float = 0.0,
        norm: Literal["none", "batch", "layer"] = "none",
        embedding: int = 16,
        waves: int = 0,
        frequency: float = 0.3,
    ):
        super().__init__()
        if width < 1:
            raise FrameError(f"MLP needs a width of at least 1, but came {width}.")
        self.inputs, self.outputs, self.width, self.depth = inputs, outputs, width, depth
        self.dropout, self.norm, self.embedding = dropout, norm, embedding
        self.waves, self.frequency = waves, frequency
        self.columns = Columns(inputs, embedding, waves, frequency)
        layers: list[nn.Module] = []
        before = self.columns.width
        for _ in range(depth):
            layers += [nn.Linear(before, width), NORMS[norm](width), nn.ReLU(), nn.Dropout(dropout)]
            before = width
        self.hidden = nn.Sequential(*layers)
        self.output = nn.Linear(before, outputs)

    def chain(self) -> list[nn.Linear]:
        plain = self.norm == "none" and not self.dropout and self.columns.flat
        return [m for m in self.modules() if isinstance(m, nn.Linear)] if plain else []

    def forward(self, input: Field) -> Tensor:
        return self.output(self.hidden(self.columns(input)))
