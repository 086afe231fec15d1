"""Any number of several kinds at once: the topics of a page, the genres of a film."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from mapsto.core.errors import DataError, ShapeError
from mapsto.core.nouns import Domain
from mapsto.core.text import clean, few, many
from mapsto.domains.category import Label, in_order, label
from mapsto.domains.column import items, missing

SEPARATORS = ("|", ";", ",")


class Categories(Domain):
    """A set of labels out of those that the training values show; the empty set is a value too.

    encode: N lists, tuples or sets of labels, texts such as "cat|dog", or None → float32 [N, L], 1 where the label is
        in; a row of NaN where the value is missing. A label never seen is left out; `unseen` counts them.
    decode: [N, L] of 0/1 or probabilities → lists of the labels at or above their threshold, in the order of `classes`.
    separator: what stands between labels in a text; "" takes the first of | ; , that training values contain.
    threshold: where a probability becomes a yes. `thresholds`, one a label, starts there and may be set better later.
    """

    learned = ("classes", "counts", "split_at", "thresholds")

    def __init__(self, separator: str = "", threshold: float = 0.5):
        self.separator, self.threshold = separator, threshold
        self.classes: list[Label] = []
        self.counts: list[int] = []  # of training values that have the label
        self.split_at = separator
        self.thresholds: list[float] = []
        self._places: dict[Label, int] = {}

    def fit(self, values: Sequence) -> Self:
        column = items(values)
        self.split_at = self.separator or next(
            (mark for mark in SEPARATORS if any(isinstance(value, str) and mark in value for value in column)), ""
        )
        seen: Counter[Label] = Counter()
        for names in self._sets(column):
            seen.update(names or ())
        self.classes = in_order(seen)
        self.counts = [seen[name] for name in self.classes]
        self.thresholds = [self.threshold] * len(self.classes)
        self._index()
        return self

    def encode(self, values: Sequence) -> Tensor:
        sets = self._sets(items(values))
        yes = np.zeros((len(sets), len(self.classes)), dtype=np.float32)
        rows = [i for i, names in enumerate(sets) for _ in names or ()]
        places = [self._places.get(name, -1) for names in sets for name in names or ()]
        known = np.array(places, dtype=np.int64) >= 0
        yes[np.array(rows, dtype=np.int64)[known], np.array(places, dtype=np.int64)[known]] = 1
        yes[[i for i, names in enumerate(sets) if names is None]] = np.nan
        return torch.from_numpy(yes)

    def decode(self, encoded: Tensor) -> list[list[Label] | None]:
        if encoded.dim() != 2 or encoded.shape[1] != len(self.classes):
            raise ShapeError(
                f"Categories decodes [N, {len(self.classes)}], one number a label, but got {list(encoded.shape)}.",
                f"Build the model with outputs={len(self.classes)}.",
            )
        encoded = encoded.detach().cpu().float()
        yes = encoded >= torch.tensor(self.thresholds)
        decoded: list[list[Label] | None] = [[] for _ in range(len(encoded))]
        for row, place in yes.nonzero().tolist():
            decoded[row].append(self.classes[place])
        for row in encoded.isnan().any(1).nonzero()[:, 0].tolist():
            decoded[row] = None
        return decoded

    def unseen(self, values: Sequence) -> Counter[Label]:
        """The labels that were never seen in training, and in how many of the values each is."""
        sets = self._sets(items(values))
        return Counter(name for names in sets for name in names or () if name not in self._places)

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.classes),)

    def features(self) -> list[str]:
        """What each encoded number of a value says, beyond the column's own name."""
        return [f"has {self.show([name])}" for name in self.classes]

    def show(self, value: Any) -> str:
        if missing(value):
            return "–"
        if isinstance(value, str):
            return clean(value) or "none"
        return ", ".join(clean(str(name)) for name in value) or "none"

    def describe(self) -> str:
        words = many(len(self.classes), "label")
        return f"any of {words}: {few(self.classes)}" if self.classes else f"any of {words}"

    def load_state_dict(self, state: dict[str, Any]) -> Self:
        super().load_state_dict(state)
        self._index()
        return self

    @classmethod
    def examples(cls, count: int, seed: int) -> np.ndarray:
        draw = np.random.default_rng(seed)
        words = np.array(["art", "biology", "통계"], dtype=object)
        values = np.empty(count, dtype=object)
        for i, has in enumerate(draw.random((count, len(words))) < 0.5):
            values[i] = None if i % 7 == 3 else words[has].tolist()
        return values

    def _index(self) -> None:
        self._places = {name: i for i, name in enumerate(self.classes)}

    def _sets(self, column: list) -> list[frozenset[Label] | None]:
        """Each value as a set of labels, None where missing; a text is taken apart once, however often it comes."""
        parted: dict[str, frozenset[Label]] = {}
        sets: list[frozenset[Label] | None] = []
        for place, value in enumerate(column):
            if isinstance(value, str):
                if value not in parted:
                    parts = value.split(self.split_at) if self.split_at else [value]
                    parted[value] = frozenset(label(part.strip()) for part in parts if part.strip())
                sets.append(parted[value])
            elif missing(value):
                sets.append(None)
            elif isinstance(value, list | tuple | set | frozenset | np.ndarray):
                sets.append(frozenset(label(name) for name in value))
            else:
                raise DataError(
                    f"Categories needs lists of labels or texts such as 'cat|dog', but value {place} is "
                    f"{clean(repr(value), 40)}.",
                    "Category reads one label a value.",
                    "D150",
                )
        return sets
