"""A network that reads token after token and remembers: what a text says as a whole, or what each of its tokens is."""

from __future__ import annotations

from torch import Tensor, nn

from mapsto.core.batch import Field
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Shape
from mapsto.layers.answer import Answer
from mapsto.layers.crf import CRF
from mapsto.layers.reading import Cell, Reading
from mapsto.layers.tokens import Tokens, largest_over, real


class Recurrent(nn.Module):
    """Recurrent layers over the vectors of the tokens, and a linear map: of each token's states (Graves and Schmidhuber 2005; with
    characters and a CRF, Ma and Hovy 2016, arXiv:1603.01354), or of the largest of each state over the text (Conneau et al. 2017,
    arXiv:1705.02364, §3.2).

    inputs: {"tokens": [V]}, perhaps with {"characters": [n]} or columns (see `Answer`) beside it. cell: what remembers.
    embedding: numbers in a token's vector. width: of a state, in each direction. depth: layers. dropout: of numbers in
    vectors and states. forget: see `Tokens`.
    each: answer for every token. crf: as one path in which each tag says something of the next: `Tagging` reads it so.
    forward: tokens with their count, [B, T] → [B, outputs], or [B, T, outputs] for each token.
    """

    def __init__(
        self,
        inputs: Shape,
        outputs: int,
        cell: Cell = "lstm",
        embedding: int = 200,
        width: int = 128,
        depth: int = 1,
        bidirectional: bool = True,
        dropout: float = 0.3,
        forget: float = 0.0,
        each: bool = False,
        crf: bool = False,
    ):
        super().__init__()
        if min(embedding, width, depth) < 1:
            raise FrameError(
                f"Recurrent needs embedding, width and depth of at least 1, but came {embedding}, {width} and {depth}."
            )
        if crf and not each:
            raise FrameError("a CRF is a path of tags, one a token.", "Say each=true, or leave crf out.", "F004")
        self.inputs, self.outputs, self.cell, self.embedding, self.width = inputs, outputs, cell, embedding, width
        self.depth, self.bidirectional, self.dropout, self.forget = depth, bidirectional, dropout, forget
        self.each = each
        self.tokens = Tokens(inputs, embedding, dropout, forget)
        self.reading = Reading(embedding, width, cell, depth, bidirectional, dropout)
        self.output = Answer(inputs, self.reading.width, outputs, dropout)
        self.path = CRF(outputs) if crf else None
        self.crf = crf

    def forward(self, input: Field) -> Tensor:
        states = self.reading(self.tokens(input), input["count"])
        return self.output(states if self.each else largest_over(states, real(input)), input)
