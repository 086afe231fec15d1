"""One label for each word of a sentence: its part of speech, or whether a name begins there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain, pairwise
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from mapsto.core.errors import DataError, ShapeError
from mapsto.core.nouns import Domain
from mapsto.core.ragged import Ragged
from mapsto.core.text import clean, few, many
from mapsto.domains.category import Label, in_order, label
from mapsto.domains.column import items, missing, parts

NONE = -1  # where there is no label


class Tags(Domain):
    """encode: N lists of labels, or texts of them apart by spaces → ragged int64, their places among `classes`; −1 for one
        that was never seen in training. `unseen` counts these.
    decode: the same, or places [N, T] as they are predicted, −1 where a sentence has ended → lists of labels.
    """

    learned = ("classes", "counts")
    present: ClassVar[str] = "a sentence without words has no labels: an empty list"

    def __init__(self) -> None:
        self.classes: list[Label] = []
        self.counts: list[int] = []  # of training tokens, class by class
        self._places: dict[Label, int] = {}

    def fit(self, values: Sequence) -> Self:
        seen = Counter(chain.from_iterable(self._rows(values)))
        if not seen:
            raise DataError("there are no tags to learn: every list of them is empty.", "Name another target.", "D132")
        self.classes = in_order(seen)
        self.counts = [seen[name] for name in self.classes]
        self._index()
        return self

    def encode(self, values: Sequence) -> Ragged:
        rows = self._rows(values)
        return Ragged.of([[self._places.get(name, NONE) for name in row] for row in rows], pad=NONE, dtype=torch.long)

    def decode(self, encoded: Ragged | Tensor) -> list[list[Label | None]]:
        if isinstance(encoded, Ragged):
            names = [self.classes[place] if place != NONE else None for place in encoded.values.tolist()]
            return [names[a:b] for a, b in pairwise(encoded.offsets.tolist())]
        if encoded.is_floating_point() and encoded.numel():
            raise ShapeError(
                f"Tags decodes places [N, T], whole numbers, but got {encoded.dtype} {list(encoded.shape)}.",
                "Let the objective's `predict` choose the tags.",
            )
        return [[self.classes[place] for place in row if place != NONE] for row in encoded.tolist()]

    def unseen(self, values: Sequence) -> Counter[Label]:
        """The labels that were never seen in training, and how many tokens have each."""
        return Counter(name for row in self._rows(values) for name in row if name not in self._places)

    @property
    def shape(self) -> dict[str, list[int]]:
        return {"tags": [len(self.classes)]}

    @property
    def outputs(self) -> int:
        """One number for each label that a token may have."""
        return len(self.classes)

    def show(self, value: Any) -> str:
        if missing(value):
            return "–"
        return clean(value if isinstance(value, str) else " ".join(map(str, value)), 300) or "none"

    def describe(self) -> str:
        said = f"one of {many(len(self.classes), 'tag')} a word"
        return f"{said}: {few(self.classes)}" if self.classes else said

    def load_state_dict(self, state: dict[str, Any]) -> Self:
        super().load_state_dict(state)
        self._index()
        return self

    @classmethod
    def examples(cls, count: int, seed: int) -> np.ndarray:
        draw = np.random.default_rng(seed)
        names = np.array(["NOUN", "VERB", "B-PER", "명사"], object)
        values = np.empty(count, object)
        for i in range(count):
            values[i] = names[draw.integers(len(names), size=draw.integers(1, 9))].tolist()
        for i in range(3, count, 7):
            values[i] = []
        return values

    def _index(self) -> None:
        self._places = {name: i for i, name in enumerate(self.classes)}

    def _rows(self, values: Sequence) -> list[list[Label]]:
        return [[label(name) for name in parts(value, i, "Tags")] for i, value in enumerate(items(values))]
