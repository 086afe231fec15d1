"""Text, in any script: a sentence, a review, a page; to a model, the numbers of its tokens one after the other."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal, Self

import numpy as np
import torch

from mapsto.core.batch import Field
from mapsto.core.errors import DataError, FrameError
from mapsto.core.nouns import Domain
from mapsto.core.ragged import Ragged
from mapsto.core.text import clean
from mapsto.domains.column import items, missing
from mapsto.domains.tokenizer import END, MASK, NONE, PAD, SPECIAL, START, UNKNOWN, WAYS, Tokenizer, Way

ROOM = 16  # characters for a token, in a text that is cut: more are not looked at
SAMPLE = 20_000  # texts by which a way of cutting is chosen
STRANGERS = (
    0.12  # share of words that two thirds of the texts do not know of the others, from which on words are too many
)
SPACELESS = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
HALF = re.compile("[\ud800-\udfff]")
WORD = re.compile(r"\w+|[^\w\s]+")


class Text(Domain):
    """encode: N texts (None where missing) → {"tokens": ragged int64, the numbers of each one's tokens}.
    decode: the same, or tokens [N, T] as they are predicted, up to the first END or number below 0 → texts.

    tokenizer: a way of `Tokenizer`, or "auto": characters where words are not set apart (Chinese, Thai …); words where
        those of some texts are mostly known from the others, and nobody wants them back with their spaces; else byte pairs.
    vocabulary: tokens at most. at_least: how often one has to come in training to be one.
    lower: capital letters are taken as small ones. longest: tokens kept of a text at most.
    ends: START and END stand around each text, for a model that has to say where one ends.
    blanks: "[MASK]" in a text is a blank, for a model that fills them in; else it is six characters like any others.
    """

    learned = ("way", "pipeline")

    def __init__(
        self,
        tokenizer: Literal["auto", "characters", "words", "byte-pairs", "word-pieces"] = "auto",
        vocabulary: int = 16_000,
        at_least: int = 2,
        lower: bool = False,
        longest: int = 512,
        ends: bool = False,
        blanks: bool = False,
    ):
        if tokenizer not in ("auto", *WAYS):
            raise FrameError(f"a tokenizer is auto or one of {', '.join(WAYS)}, but came {clean(repr(tokenizer), 40)}.")
        if vocabulary < 300 or longest < 1 or at_least < 1:
            raise FrameError(
                "Text needs a vocabulary of at least 300 tokens, and longest and at_least of at least 1, but came "
                f"{vocabulary}, {longest} and {at_least}."
            )
        self.tokenizer, self.vocabulary, self.at_least = tokenizer, vocabulary, at_least
        self.lower, self.longest, self.ends, self.blanks = lower, longest, ends, blanks
        self.way: Way = "byte-pairs"
        self.pipeline: dict[str, Any] = {}
        self._tokenizer: Tokenizer | None = None

    def fit(self, values: Sequence) -> Self:
        texts = [text for text in self._texts(values) if text]
        if not any(text.strip() for text in texts):
            raise DataError(
                "there is no text to learn tokens from: every value is missing or blank.",
                "Name a column with text in it, or leave this one out.",
                "D152",
            )
        self.way = chosen(texts, self.lower, back=self.ends) if self.tokenizer == "auto" else self.tokenizer
        made = Tokenizer.learned(self.way, texts, self.vocabulary, self.at_least, self.lower)
        if len(made) == len(SPECIAL):  # too little text for anything to come twice
            made = Tokenizer.learned(self.way, texts, self.vocabulary, 1, self.lower)
        self._tokenizer, self.pipeline = made, made.state
        return self

    def encode(self, values: Sequence) -> dict[str, Ragged]:
        texts = self._texts(values)
        rows = self._cut([text or "" for text in texts])
        room = self.longest - 2 * self.ends
        rows = [[NONE] if text is None else row[:room] for text, row in zip(texts, rows, strict=True)]
        if self.ends:
            rows = [[START, *row, END] for row in rows]
        return {"tokens": Ragged.of(rows, pad=PAD, dtype=torch.long)}

    def decode(self, encoded: Field) -> list[str | None]:
        return [None if row[:1] == [NONE] else self.tokens.decode(row) for row in map(_said, token_rows(encoded))]

    @property
    def tokens(self) -> Tokenizer:
        if self._tokenizer is None:
            raise FrameError("this Text has learned no tokens yet.", "Call fit(values) with training texts first.")
        return self._tokenizer

    @property
    def shape(self) -> dict[str, list[int]]:
        """How many different tokens there are."""
        return {"tokens": [len(self.tokens) if self._tokenizer else len(SPECIAL)]}

    @property
    def outputs(self) -> int:
        """The tokens that there are: what a model says of each place has so many numbers."""
        return self.shape["tokens"][0]

    def pieces(self, value: Any) -> list[str]:
        """The tokens of one text in step with `encode`, as they are written; one that training has not, as it stands there."""
        (text,) = self._texts([value])
        parts = (text or "").split(SPECIAL[MASK]) if self.blanks else [text or ""]
        cut = self.tokens.pieces(parts)
        row = [piece for k, part in enumerate(cut) for piece in ([SPECIAL[MASK]] if k else []) + part]
        row = [SPECIAL[NONE]] if text is None else row[: self.longest - 2 * self.ends]
        return [SPECIAL[START], *row, SPECIAL[END]] if self.ends else row

    def unknown(self, encoded: dict[str, Ragged]) -> float:
        """The share of tokens that were never seen in training."""
        tokens = encoded["tokens"].values
        return float((tokens == UNKNOWN).float().mean()) if len(tokens) else 0.0

    def show(self, value: Any) -> str:
        return "–" if missing(value) else clean(str(value), 300)

    def describe(self) -> str:
        return f"text ({self.shape['tokens'][0]:,} {self.way})"

    def load_state_dict(self, state: dict[str, Any]) -> Self:
        super().load_state_dict(state)
        self._tokenizer = Tokenizer(self.way, self.pipeline)
        return self

    @classmethod
    def sample(cls) -> Self:
        return cls("byte-pairs")

    @classmethod
    def examples(cls, count: int, seed: int) -> np.ndarray:
        draw = np.random.default_rng(seed)
        words = np.array(
            ["the", "Füße", "영화", "정말", "好看", "🎬👩‍👩‍👧", "[MASK]", "naïve", "l'été", "don't", "  ", "นี่"], object
        )
        values = np.empty(count, object)
        for i in range(count):
            values[i] = " ".join(words[draw.integers(len(words), size=draw.integers(1, 12))])
        values[3::7] = None
        return values

    def _cut(self, texts: list[str]) -> list[list[int]]:
        """The tokens of each text, blanks among them."""
        if not self.blanks:
            return self.tokens.encode(texts)
        pieces = [text.split(SPECIAL[MASK]) for text in texts]
        cut = iter(self.tokens.encode([piece for text in pieces for piece in text]))
        return [[t for k in range(len(text)) for t in ([MASK] if k else []) + next(cut)] for text in pieces]

    def _texts(self, values: Sequence) -> list[str | None]:
        column = items(values)
        odd = next((i for i, v in enumerate(column) if not missing(v) and not isinstance(v, str | int | float)), None)
        if odd is not None:
            raise DataError(
                f"Text needs text, but value {odd} is {clean(repr(column[odd]), 60)}.",
                "Join its parts, or read the column as what it is.",
                "D150",
            )
        texts = [None if missing(v) else str(v)[: ROOM * self.longest] for v in column]
        return [text and whole(text, f"value {i}") for i, text in enumerate(texts)]


def whole(text: str, called: str) -> str:
    """The text itself. DataError where it holds half a character, which no token can be made of."""
    if half := HALF.search(text):
        near = text[max(0, half.start() - 20) : half.end() + 20]
        raise DataError(
            f"Text needs text, but {called} holds half a character (a lone surrogate) near {clean(near, 40)!r}.",
            "Read the file, or set the terminal, as UTF-8.",
            "D150",
        )
    return text


def chosen(texts: Sequence[str], lower: bool = False, back: bool = False) -> Way:
    """The way of cutting that suits these texts; see `Text`. back: they are to be given back, so that no space may be lost."""
    step = max(1, len(texts) // SAMPLE)
    some = [text[:2000].lower() if lower else text[:2000] for text in texts[::step]]
    letters = sum(map(len, some)) - sum(text.count(" ") for text in some)
    if sum(len(SPACELESS.findall(text)) for text in some) > 0.3 * letters:
        return "characters"
    if back:
        return "byte-pairs"
    known = Counter(word for k, text in enumerate(some) if k % 3 for word in WORD.findall(text))
    asked = [word for text in some[::3] for word in WORD.findall(text)]
    strange = sum(known[word] < 2 for word in asked) / max(1, len(asked))
    return "words" if strange < STRANGERS else "byte-pairs"


def token_rows(encoded: Field) -> list[list[int]]:
    """Ragged tokens, a padded batch of them with its count, or tokens [N, T] alone → a list for each text."""
    tokens = encoded["tokens"] if isinstance(encoded, dict) else encoded
    if isinstance(tokens, Ragged):
        offsets, values = tokens.offsets.tolist(), tokens.values.tolist()
        return [values[a:b] for a, b in pairwise(offsets)]
    rows = tokens.detach().cpu().tolist()
    counts = encoded["count"].tolist() if isinstance(encoded, dict) and "count" in encoded else map(len, rows)
    return [row[:count] for row, count in zip(rows, counts, strict=True)]


def _said(row: list[int]) -> list[int]:
    """What stands between START and END, or before a number below 0, which is no token."""
    row = row[1:] if row[:1] == [START] else row
    return row[: next((place for place, token in enumerate(row) if token == END or token < 0), len(row))]
