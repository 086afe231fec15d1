"""The way out of models that read a text: a linear map of what was read, and of the columns that stand beside the text."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mapsto.core.batch import Field
from mapsto.core.nouns import Shape
from mapsto.layers.columns import Columns, beside_text

WIDTH = 64  # numbers that the columns beside a text come to
EMBEDDING, WAVES = 16, 16  # as of an MLP: see `Columns`


class Answer(nn.ModuleList):
    """Dropout and a linear map. Of a text in a row, the row's other columns are encoded as an MLP's are, bent once, and joined to
    what was read of the text: so what is new for another task is all that knows of them.

    inputs: shape of the model's input, {"tokens": [V]}, perhaps with "number" and "category" beside it. width: D.
    forward: states [B, D], or [B, T, D] of each token, and the input that they were read of → [B, outputs] or [B, T, outputs].
    """

    def __init__(self, inputs: Shape, width: int, outputs: int, dropout: float):
        others = beside_text(inputs)
        more = WIDTH if others else 0
        super().__init__([nn.Dropout(dropout), nn.Linear(width + more, outputs)])
        if others:
            columns = Columns(others, EMBEDDING, WAVES)
            self.append(nn.Sequential(columns, nn.Linear(columns.width, WIDTH), nn.LayerNorm(WIDTH), nn.ReLU()))

    def forward(self, states: Tensor, input: Field) -> Tensor:
        dropout, line, *others = self
        for columns in others:
            known = columns(input)
            known = known.view(len(known), *[1] * (states.ndim - 2), WIDTH).expand(*states.shape[:-1], WIDTH)
            states = torch.cat([states, known], dim=-1)
        return line(dropout(states))
