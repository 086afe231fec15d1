"""A sentence whose words are set apart already; to a model, the number of each word and those of its characters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain, pairwise
from typing import Any, ClassVar, Self

import numpy as np
import torch

from mapsto.core.batch import Field
from mapsto.core.errors import DataError, FrameError
from mapsto.core.nouns import Domain
from mapsto.core.ragged import Ragged
from mapsto.core.text import clean
from mapsto.domains.column import items, missing, parts

LETTERS = 16  # characters of a word at most: of a longer one the first half of them and the last
PAD, UNKNOWN, BEGIN, END = range(
    4
)  # what a character's number may say beside which one it is; of a word's, the first two
ROOM = LETTERS + 2
STRANGE = "\N{REPLACEMENT CHARACTER}"  # what a character that was never seen comes back as


class Words(Domain):
    """encode: N lists of words, or texts whose words are set apart by spaces → under one count {"tokens": ragged int64 [V], the
        words' numbers; "characters": ragged int64 [V, 18], those of each word's characters between BEGIN and END}.
    decode: the same, or a padded batch of it → lists of words, as their characters spell them.

    vocabulary: words at most. at_least: how often a word, or a character, has to come in training to have a number of its own.
    lower: the number of a word is that of its small letters; its characters are as they stand.
    """

    learned = ("words", "letters")
    present: ClassVar[str] = "a sentence without words is an empty list"

    def __init__(self, vocabulary: int = 50_000, at_least: int = 2, lower: bool = True):
        if vocabulary < 1 or at_least < 1:
            raise FrameError(
                f"Words needs vocabulary and at_least of at least 1, but came {vocabulary} and {at_least}.", code="F003"
            )
        self.vocabulary, self.at_least, self.lower = vocabulary, at_least, lower
        self.words: list[str] = []  # frequent ones first; the first has number 2
        self.letters: list[str] = []  # and here 4
        self._index()

    def fit(self, values: Sequence) -> Self:
        times = Counter(chain.from_iterable(self._rows(values)))
        if not times:
            raise DataError("there are no words to learn: every sentence is empty.", "Name another column.", "D152")
        words, letters = Counter(), Counter()
        for word, count in times.items():
            words[self._plain(word)] += count
            for letter in word:
                letters[letter] += count
        self.words = _frequent(words, self.at_least)[: self.vocabulary]
        self.letters = _frequent(letters, self.at_least)
        self._index()
        return self

    def encode(self, values: Sequence) -> dict[str, Ragged]:
        rows = self._rows(values)
        offsets = torch.tensor([0, *map(len, rows)]).cumsum(0)
        place = {word: k for k, word in enumerate(dict.fromkeys(chain.from_iterable(rows)))}  # each is encoded once
        which = torch.tensor([place[word] for row in rows for word in row], dtype=torch.long)
        numbers = torch.tensor([self._number.get(self._plain(word), UNKNOWN) for word in place], dtype=torch.long)
        spelled = torch.tensor([self._spelled(word) for word in place], dtype=torch.long).view(len(place), ROOM)
        return {"tokens": Ragged(numbers[which], offsets), "characters": Ragged(spelled[which], offsets)}

    def decode(self, encoded: Field) -> list[list[str]]:
        characters = encoded["characters"]
        if isinstance(characters, Ragged):
            words = [self._written(word) for word in characters.values.tolist()]
            return [words[a:b] for a, b in pairwise(characters.offsets.tolist())]
        rows = zip(characters.tolist(), encoded["count"].tolist(), strict=True)
        return [[self._written(word) for word in row[:count]] for row, count in rows]

    @property
    def shape(self) -> dict[str, list[int]]:
        """How many numbers there are for words, and for characters."""
        return {"tokens": [2 + len(self.words)], "characters": [4 + len(self.letters)]}

    def single(self, raw: Any) -> bool:
        return all(isinstance(word, str) for word in raw) if isinstance(raw, list | tuple) else super().single(raw)

    def unknown(self, encoded: dict[str, Ragged]) -> float:
        """The share of words that have no number of their own."""
        tokens = encoded["tokens"].values
        return float((tokens == UNKNOWN).float().mean()) if len(tokens) else 0.0

    def show(self, value: Any) -> str:
        if missing(value):
            return "–"
        return clean(value if isinstance(value, str) else " ".join(map(str, value)), 300) or "none"

    def describe(self) -> str:
        return f"words ({len(self.words):,} known, others by {len(self.letters):,} characters)"

    def load_state_dict(self, state: dict[str, Any]) -> Self:
        super().load_state_dict(state)
        self._index()
        return self

    @classmethod
    def sample(cls) -> Self:
        return cls(at_least=1)

    @classmethod
    def examples(cls, count: int, seed: int) -> np.ndarray:
        draw = np.random.default_rng(seed)
        words = np.array(["They", "can", "fish", ".", "영화", "好看", "naïve", "🎬", "[MASK]"], object)
        values = np.empty(count, object)
        for i in range(count):
            values[i] = words[draw.integers(len(words), size=draw.integers(1, 9))].tolist()
        for i in range(3, count, 7):
            values[i] = []
        return values

    def _index(self) -> None:
        self._number = {word: 2 + i for i, word in enumerate(self.words)}
        self._letter = {letter: 4 + i for i, letter in enumerate(self.letters)}

    def _plain(self, word: str) -> str:
        return word.lower() if self.lower else word

    def _rows(self, values: Sequence) -> list[list[str]]:
        return [[str(word) for word in parts(value, i, "Words")] for i, value in enumerate(items(values))]

    def _spelled(self, word: str) -> list[int]:
        kept = word if len(word) <= LETTERS else word[: LETTERS // 2] + word[-LETTERS // 2 :]
        return [BEGIN, *(self._letter.get(c, UNKNOWN) for c in kept), END, *[PAD] * (LETTERS - len(kept))]

    def _written(self, characters: list[int]) -> str:
        return "".join(self.letters[c - 4] if c >= 4 else STRANGE for c in characters if c not in (PAD, BEGIN, END))


def _frequent(times: Counter[str], at_least: int) -> list[str]:
    """Those that come often enough, the most frequent first; all, where that would be none."""
    ordered = sorted(times, key=lambda one: (-times[one], one))
    return [one for one in ordered if times[one] >= at_least] or ordered
