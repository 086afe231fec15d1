"""The learned function: raw values in, raw values out, the same numbers in any process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Sized
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mapsto.core.batch import Batch, over, stacked
from mapsto.core.errors import BadInput
from mapsto.core.graph import Nodes
from mapsto.core.nouns import Domain, Objective, Raw, View
from mapsto.core.text import clean
from mapsto.data.dataset import Examples, in_order, looked_at
from mapsto.data.linked import nodes_of, of_edges, open_pairs
from mapsto.data.read import is_graph, read
from mapsto.domains.discrete import Discrete
from mapsto.domains.row import Row
from mapsto.domains.whole_graph import WholeGraph
from mapsto.export.continuation import continued
from mapsto.export.drawing import draw, reconstruct, refuse_unheard
from mapsto.layers.decoding import Sampling

OF_CLASSES = ("classification", "multi-label")  # problems whose answers come with probabilities


class Function:
    """f(raw) → raw, f([raw, …]) → [raw, …]; f.probabilities(…) where it answers with classes or labels.

    A raw input is what the training data held: for a table a dict of column → value (or a pandas or polars frame for
    many), for pictures a path, bytes, a PIL image or a uint8 array [H, W] or [H, W, C], for words a list of them or a text.
    A function that draws takes what is to be drawn, a class or a text, and gives a picture as a uint8 array.
    Of a language model the answer to a text is how it goes on. A graph (arrays with edge_index, a `Data` of PyTorch Geometric, a
    networkx graph) is as many inputs as it has nodes; of a function of whole graphs, {"nodes": …, "edges": …} is one.
    """

    def __init__(self, model: nn.Module, objective: Objective, input: Domain, target: Domain, about: dict[str, Any]):
        self.model, self.objective, self.input, self.target, self.about = model.eval(), objective, input, target, about
        self.device = next((t.device for t in [*model.parameters(), *model.buffers()]), torch.device("cpu"))

    def __call__(self, raw: Any, threshold: float | None = None) -> Any:
        """The answer to one raw input, or a list of answers to many.

        threshold: of two classes, answer the second from this probability on; of labels, give each from it on.
        """
        values, single = self.column(raw)
        if self.objective.problem == "language-model":
            answers = ["".join(self.continued(text)) for text in values]
        else:
            if self.objective.problem == "generation":
                refuse_unheard(self.input, values)
            answers = self.answers(self.encoded_predictions(values), threshold)
        return answers[0] if single else answers

    def continued(
        self,
        text: str,
        length: int = 200,
        temperature: float = 0.8,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int = 0,
    ) -> Iterator[str]:
        """How a text goes on, piece by piece as it is made, in `length` tokens at most; see `Sampling` for the rest."""
        return continued(self.model, self.input, text, length, Sampling(temperature, top_k, top_p, seed))

    def draw(self, count: int = 1, given: Any = None, seed: int = 0) -> list[np.ndarray]:
        """Of a function that draws, `count` pictures, uint8 [H, W] or [H, W, 3], of what is `given`: a class or a text, as the data
        had them; where none of its classes is given, of all of them evenly. From the same seed come the same ones."""
        return draw(self, count, given, seed)

    def reconstruct(self, pictures: Sequence[Any], given: Any = None) -> list[np.ndarray]:
        """Of a function that reads pictures as codes, what comes back of each. given: what each or all are of, if told."""
        return reconstruct(self, pictures, given)

    def probabilities(self, raw: Any) -> Any:
        """Class (or label) → probability, for one raw input; a list of such dicts for many."""
        values, single = self.column(raw)
        found = self.shares(self.encoded_predictions(values))
        return found[0] if single else found

    def answers(self, predictions: Tensor, threshold: float | None = None) -> list:
        """Predictions in the target's encoding → raw values."""
        if threshold is None or self.objective.problem not in OF_CLASSES:
            return self.target.decode(predictions)
        if self.objective.problem == "multi-label":
            return self.target.decode((predictions >= threshold).float())
        if predictions.shape[1] != 2:
            raise BadInput(
                f"a threshold is for two classes, but there are {predictions.shape[1]}.", "Leave --threshold out."
            )
        return self.target.decode((predictions[:, 1] >= threshold).long())

    def shares(self, predictions: Tensor) -> list[dict[Any, float]]:
        if not self.tells_shares:
            raise BadInput(
                f"this function gives {self.target.describe()}, without probabilities.", "Call it plainly: f(raw)."
            )
        return [dict(zip(self.target.classes, row, strict=True)) for row in predictions.tolist()]

    @torch.inference_mode()
    def encoded_predictions(self, values: Any, first: int = 0) -> Tensor:
        """A column of raw inputs, or a view of encoded ones → predictions in the target's encoding. first: the number of the first
        of them, where what is drawn follows from it."""
        view = self.view(values)
        blocks = looked_at(view, torch.arange(len(view)))
        parts = [
            self._predictions({**view.gather(block.index, block.pad_to), "index": block.index.cpu() + first})
            for block in blocks
        ]
        shape = self.target.shape
        nothing = torch.empty(0, *(() if isinstance(shape, dict) else shape))
        return in_order(stacked(parts), blocks) if parts else nothing

    def view(self, values: Any) -> View:
        """A column of raw inputs, encoded; a view of encoded ones as it is."""
        return values if isinstance(values, View) else Examples({"input": self.input.encode(values)})

    def _predictions(self, encoded: Batch) -> Tensor:
        batch = over(encoded, lambda t: t.to(self.device))
        if not isinstance(batch["input"], Nodes):  # what is known of those is ready
            batch["input"] = self.input.ready(batch["input"])
        return self.objective.predict(self.model, batch).cpu()

    def column(self, raw: Any) -> tuple[Any, bool]:
        """Raw input or inputs → a column that the input domain encodes, or a view, and whether it was a single one. A view of
        encoded ones is taken as it is."""
        if isinstance(raw, View):
            return raw, False
        if not isinstance(self.input, WholeGraph) and is_graph(raw):
            return self.nodes(read(raw)), False
        if isinstance(self.input, Row):
            return _rows(raw)
        if isinstance(raw, Mapping) and self.about.get("input_name") in raw:
            raw = raw[self.about["input_name"]]
        if self.input.single(raw):
            column = np.empty(1, dtype=object)
            column[0] = raw
            return column, True
        if not isinstance(raw, Sized):
            raise BadInput(
                f"this function takes {self.input.describe()}, one or a list of them, but came {clean(repr(raw), 60)}.",
                "Name what it was trained on: a value, or several in a list.",
            )
        if isinstance(raw, np.ndarray) and raw.dtype != object:
            sample = len(self.input.shape)  # (C, H, W) pictures come as [H, W] or [H, W, C]
            single = raw.ndim == 1 if sample == 1 else raw.ndim == 2 or (raw.ndim == 3 and raw.shape[-1] in (1, 3, 4))
            return (raw[None] if single else raw), single
        column = np.empty(len(raw), dtype=object)
        for i, value in enumerate(raw):
            column[i] = value
        return column, False

    def nodes(self, raw: Raw) -> Examples:
        """All nodes of a graph, each of which is a question; of one that says who is joined, pairs with a neighbour in common."""
        if isinstance(self.input, WholeGraph):
            raise BadInput(
                f"this function answers for whole graphs, but {clean(raw.name)} is one graph, of whose nodes one would ask.",
                "Name a collection (DS_A.txt, DS_graph_indicator.txt …), or from Python {'nodes': {…}, 'edges': […]}.",
                "F004",
            )
        asked = nodes_of(self.input, raw, of_edges(raw, self.about))
        return Examples({"input": open_pairs(asked.graph) if self.of_pairs else asked})

    @property
    def tells_shares(self) -> bool:
        """Whether its answers come with probabilities."""
        return self.objective.problem in OF_CLASSES or isinstance(self.target, Discrete)

    @property
    def of_pairs(self) -> bool:
        """Whether it says of two nodes whether they are joined."""
        return self.about.get("target_name") == "edges" and self.objective.problem == "classification"

    def __repr__(self) -> str:
        return f"<learned function: {self.input.describe()} ↦ {self.target.describe()}>"


def _rows(raw: Any) -> tuple[dict[str, np.ndarray], bool]:
    """A dict of one row, a list of such dicts, a dict of columns, or a frame → columns."""
    if isinstance(raw, Mapping):
        single = not any(isinstance(v, list | np.ndarray) for v in raw.values())
        return {str(k): _as_column([v] if single else v) for k, v in raw.items()}, single
    if isinstance(raw, Sequence) and not isinstance(raw, str) and all(isinstance(r, Mapping) for r in raw):
        names = dict.fromkeys(str(k) for row in raw for k in row)
        return {name: _as_column([row.get(name) for row in raw]) for name in names}, False
    if type(raw).__module__.split(".")[0] in ("pandas", "polars"):
        return {str(name): _as_column(raw[name].to_numpy()) for name in raw.columns}, False
    raise BadInput(
        "this function takes a row as a dict of column → value, or many as a list of them or a frame, "
        f"but came {type(raw).__name__}.",
        "For a file, use `mapsto predict RUN FILE`.",
    )


def _as_column(values: Any) -> np.ndarray:
    if isinstance(values, np.ndarray):
        return values
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in values) and values:
        return np.asarray(values)
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column
