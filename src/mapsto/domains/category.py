"""One of several kinds: a species, a digit, yes or no."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from mapsto.core.errors import DataError, ShapeError
from mapsto.core.nouns import Domain
from mapsto.core.text import clean, few, many
from mapsto.domains.column import items, missing

Label = str | int | float | bool
NUMERIC = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


class Category(Domain):
    """A label out of the classes that the training values show, each kept in its own type.

    encode: N labels (text, whole numbers, bools) or None → int64 [N], the class's place; −1 if missing or never seen.
        Text is compared in Unicode form NFC. Where a label is unknown as it stands, its text is tried: 3 finds "3".
    decode: int64 places [N], or scores or probabilities [N, C], of which the greatest wins → labels; None for −1.
    Classes stand in the order of their values; text by character, or by value if all of it is numbers: "9" before "10".
    rare: a label seen fewer times than this in training is no class; `left_out` says how many labels and values are so.
    """

    learned = ("classes", "counts", "left_out")

    def __init__(self, rare: int = 1):
        self.rare = rare
        self.classes: list[Label] = []
        self.counts: list[int] = []  # of training values, class by class
        self.left_out = {"labels": 0, "values": 0}
        self._places: dict[Label, int] = {}
        self._by_text: dict[str, int] = {}

    def fit(self, values: Sequence) -> Self:
        return self.fit_counts(_counted(items(values)))

    def fit_counts(self, counts: Mapping[Any, int]) -> Self:
        """`fit` to values that somebody has counted: raw value → how often it comes."""
        seen: Counter[Label] = Counter()
        for raw, count in counts.items():
            if not missing(raw):
                seen[label(raw)] += count
        rare = [name for name, count in seen.items() if count < self.rare]
        self.left_out = {"labels": len(rare), "values": sum(seen.pop(name) for name in rare)}
        self.classes = in_order(seen)
        self.counts = [seen[name] for name in self.classes]
        self._index()
        return self

    def encode(self, values: Sequence) -> Tensor:
        column = items(values)
        place = {raw: -1 if missing(raw) else self.place(label(raw)) for raw in _counted(column)}
        return torch.from_numpy(np.fromiter(map(place.__getitem__, column), dtype=np.int64, count=len(column)))

    def decode(self, encoded: Tensor) -> list[Label | None]:
        encoded = encoded.detach().cpu()
        if encoded.is_floating_point():
            if encoded.dim() != 2 or encoded.shape[1] != len(self.classes):
                raise ShapeError(
                    f"Category decodes scores [N, {len(self.classes)}], one a class, but got {list(encoded.shape)}.",
                    f"Build the model with outputs={len(self.classes)}.",
                )
            undecided = encoded.isnan().any(1)
            encoded = encoded.argmax(1).masked_fill(undecided, -1)
        places = encoded.long()
        if places.dim() != 1:
            raise ShapeError(f"Category decodes places [N] or scores [N, C], but got places {list(places.shape)}.")
        if bool(((places < -1) | (places >= len(self.classes))).any()):
            raise ShapeError(
                f"Category decodes places from −1 to {len(self.classes) - 1}, but got some from {int(places.min())} to "
                f"{int(places.max())}.",
                "They were encoded by another domain.",
            )
        words = [*self.classes, None]  # place −1 is the last
        return [words[place] for place in places.tolist()]

    def unseen(self, values: Sequence) -> Counter[Label]:
        """The values that are there but are no class, and how often each."""
        found: Counter[Label] = Counter()
        for raw, count in _counted(items(values)).items():
            if not missing(raw) and self.place(label(raw)) < 0:
                found[label(raw)] += count
        return found

    def place(self, name: Label) -> int:
        """Where among the classes a label stands; −1 if nowhere."""
        found = self._places.get(name, -1)
        return found if found >= 0 else self._by_text.get(str(name), -1)

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.classes),)

    def features(self) -> list[str]:
        """What the encoded place says, beyond the column's own name."""
        return [""]

    def show(self, value: Any) -> str:
        return "–" if missing(value) else clean(str(value))

    def describe(self) -> str:
        words = many(len(self.classes), "class", "classes") if self.classes else "nothing"
        words += f": {few(self.classes)}" if self.classes else ""
        if self.left_out["labels"]:
            words += f"; {self.left_out['labels']} seen fewer than {self.rare} times left out"
        return words

    def load_state_dict(self, state: dict[str, Any]) -> Self:
        super().load_state_dict(state)
        self._index()
        return self

    @classmethod
    def examples(cls, count: int, seed: int) -> np.ndarray:
        draw = np.random.default_rng(seed)
        words = np.array(["가지", "oak", "10", "9", "naïve", "Été", "-"], dtype=object)
        values = words[draw.integers(len(words), size=count)]
        values[3::7] = None
        return values

    def _index(self) -> None:
        self._places = {name: i for i, name in enumerate(self.classes)}
        self._by_text = {str(name): i for i, name in reversed(list(enumerate(self.classes)))}


def label(raw: Any) -> Label:
    """A raw value as a label: JSON's types, text in NFC. DataError for anything else."""
    if isinstance(raw, np.generic):
        raw = raw.item()
    if isinstance(raw, str):
        return str(raw) if raw.isascii() else unicodedata.normalize("NFC", raw)
    if isinstance(raw, bool | int):
        return raw
    if isinstance(raw, float):
        return int(raw) if raw.is_integer() else raw
    raise DataError(
        f"Category needs text, whole numbers or booleans, but got {type(raw).__name__} {clean(repr(raw), 40)}.",
        "Date reads points in time, Categories several labels a value.",
        "D150",
    )


def in_order(names: Iterable[Label]) -> list[Label]:
    """Numbers by value, then text; text that is all numbers by value too, and "1" beside "01" beside "1.0"."""
    names = list(names)
    words = [name for name in names if isinstance(name, str)]
    numeric = all(NUMERIC.fullmatch(word) for word in words)
    return [
        *sorted(name for name in names if not isinstance(name, str)),
        *(sorted(words, key=lambda w: (float(w), w)) if numeric else sorted(words)),
    ]


def _counted(column: list) -> Counter:
    """Each different raw value and how often it comes."""
    try:
        return Counter(column)
    except TypeError as error:
        odd = next(i for i, raw in enumerate(column) if isinstance(raw, list | dict | set | np.ndarray))
        raise DataError(
            f"Category needs one label a value, but value {odd} is {clean(repr(column[odd]), 40)}.",
            "Categories reads several labels a value.",
            "D150",
        ) from error
