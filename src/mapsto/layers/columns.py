"""The way in for models that see one vector an example: pictures are laid flat, a row's columns are encoded and joined; of graphs
only what is known of the nodes is seen, not who is joined, and of rows with a text their other columns."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.core.batch import Field
from mapsto.core.errors import ShapeError
from mapsto.core.graph import Nodes
from mapsto.core.nouns import Shape
from mapsto.core.ragged import mask
from mapsto.layers.waves import Waves


class Columns(nn.Module):
    """One vector [B, width] from whatever the input domain gives.

    shape: a tuple for a dense input [B, *shape], which is flattened; or, for a row of a table,
        {"number": [P], "category": [n₁, n₂ …]}: `number` [B, P] passes through, `category` [B, K] int64 holds one index
        in [0, nᵢ) a column (0 is "missing or never seen").
        "edges" beside them says that an example is a whole graph: the vectors of its nodes [B, T, …] are added up.
        "tokens" beside them are a text, which is not read here.
    embedding: width of the vector learned for each category at most (Guo and Berkhahn 2016, arXiv:1604.06737);
        0 for one-hot columns, which have no parameters.
    waves, frequency: see `Waves`; 0 waves leave numbers as they are. The pixels of a picture are never seen through waves.
    """

    def __init__(self, shape: Shape, embedding: int = 0, waves: int = 0, frequency: float = 0.3):
        super().__init__()
        self.row = isinstance(shape, dict)
        self.graphs, shape = self.row and "edges" in shape, of_nodes(shape)
        shape = beside_text(shape) or shape
        if self.row and not shape.keys() <= {"number", "category"}:
            raise ShapeError(
                f"numbers and categories of a row can be joined to one vector, but the input is {shape}.",
                "Choose a model that reads this kind of input: the card of a frame names them.",
            )
        numbers = sum(shape.get("number", [])) if self.row else math.prod(shape)
        wavy = waves and numbers and (self.row or len(shape) == 1)
        self.numbers = Waves(numbers, waves, frequency) if wavy else nn.Identity()
        self.width = self.numbers.width if wavy else numbers
        self.flat = not (self.row or wavy)  # the input, laid flat, is all that comes out
        if not self.row:
            return
        self.sizes = list(shape.get("category", []))
        # the usual rule: about half the categories, no more than `embedding`
        widths = [min(embedding, (size + 1) // 2) if embedding else size for size in self.sizes]
        self.tables = (
            nn.ModuleList(nn.Embedding(size, width) for size, width in zip(self.sizes, widths, strict=True))
            if embedding
            else None
        )
        self.width += sum(widths)

    def forward(self, input: Field) -> Tensor:
        if isinstance(input, Nodes):
            if input.paired:  # what the two have in common
                one, other = input.ends()
                return self(one) * self(other)
            input = input.known()
        if self.graphs:
            nodes = {name: input[name] for name in ("number", "category") if name in input}
            batch, most = next(iter(nodes.values())).shape[:2]
            each = self._joined({name: tensor.flatten(0, 1) for name, tensor in nodes.items()}).view(batch, most, -1)
            return (each * mask(input["count"], most)[..., None]).sum(dim=1)
        return self._joined(input)

    def _joined(self, input: Field) -> Tensor:
        if not self.row:
            return self.numbers(input.flatten(1))
        parts = [self.numbers(input["number"])] if "number" in input else []
        for k, size in enumerate(self.sizes):
            index = input["category"][:, k]
            parts.append(self.tables[k](index) if self.tables else F.one_hot(index, size).float())
        return torch.cat(parts, dim=1)


def of_nodes(shape: Shape) -> Shape:
    """What is known of one node, where `shape` is that of whole graphs; else as it is."""
    return {name: sizes for name, sizes in shape.items() if name != "edges"} if isinstance(shape, dict) else shape


def beside_text(shape: Shape) -> Shape:
    """What stands beside the text of a row; {} where nothing does, or there is no text."""
    if not isinstance(shape, dict) or "tokens" not in shape:
        return {}
    return {name: sizes for name, sizes in shape.items() if name in ("number", "category")}
