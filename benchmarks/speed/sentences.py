"""Sentences of film reviews with a BiLSTM: 1 to 59 words each, so that padding is work or waste.

rt-polarity (Pang and Lee 2005, "Seeing stars"), as split in ../shared/data/mr_sentiment: 8,530 rows to train.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn

import mapsto
from mapsto.core.nouns import Domain

DATA = (
    Path(os.environ.get("MAPSTO_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data")) / "mr_sentiment"
)
FILES = {"train": "train.tsv", "valid": "val.tsv", "test": "test.tsv"}
PADDING, UNKNOWN = 0, 1


def sentences(part: str = "train", rows: int | None = None) -> tuple[list[list[int]], list[int]]:
    """The words of each sentence as numbers, 1 for unknown ones and 0 for none, and its label: 0 negative, 1 positive.

    part: train, valid or test; rows: of these so many from the start. Words are learned from all training rows.
    """
    texts, labels = _rows(part)
    return words().numbers(texts[:rows]), labels[:rows]


class Words(Domain):
    """Text as the numbers of its words: ragged."""

    learned = ("known",)

    def __init__(self, at_least: int = 2):
        """at_least: times that a word is in the training values to have a number of its own."""
        self.at_least = at_least
        self.known: list[str] = []  # frequent ones first; the first has number 2

    def fit(self, values: Sequence[str]) -> Self:
        counted = Counter(word for text in values for word in text.split())
        self.known = [word for word, times in counted.most_common() if times >= self.at_least]
        return self

    def numbers(self, values: Sequence[str]) -> list[list[int]]:
        place = {word: 2 + i for i, word in enumerate(self.known)}
        return [[place.get(word, UNKNOWN) for word in text.split()] for text in values]

    def encode(self, values: Sequence[str]) -> dict[str, mapsto.Ragged]:
        return {"tokens": mapsto.Ragged.of(self.numbers(values), dtype=torch.long)}

    def decode(self, encoded: dict[str, Tensor]) -> list[str]:
        shown = ["", "?", *self.known]
        rows = zip(encoded["tokens"].tolist(), encoded["count"].tolist(), strict=True)
        return [" ".join(shown[number] for number in row[:count]) for row, count in rows]

    @property
    def shape(self) -> dict[str, list[int]]:
        return {"tokens": [2 + len(self.known)]}  # how many numbers there are


class Classifier(nn.Module):
    """Logits [B, classes] of sentences, from the last state of an LSTM in either direction.

    What it says of a sentence does not depend on how far that is padded: the LSTM of the other direction reads the real
    words in reverse, so that both come upon padding last. No lengths on the host are wanted, as packing would.
    """

    def __init__(self, words: int, classes: int = 2, embedding: int = 100, width: int = 128):
        super().__init__()
        self.embedding = nn.Embedding(words, embedding, padding_idx=PADDING)
        self.ahead, self.back = (nn.LSTM(embedding, width, batch_first=True) for _ in range(2))
        self.head = nn.Linear(2 * width, classes)

    def forward(self, tokens: Tensor, count: Tensor) -> Tensor:
        """tokens [B, T] int64, of which `count` [B] are real."""
        last = (count - 1).clamp(min=0)  # [B]
        place = last[:, None] - torch.arange(tokens.shape[1], device=tokens.device)  # [B, T], below 0 at padding
        reverse = tokens.gather(1, place.clamp(min=0)).masked_fill(place < 0, PADDING)
        states = [self._last(lstm, read, last) for lstm, read in ((self.ahead, tokens), (self.back, reverse))]
        return self.head(torch.cat(states, dim=1))

    def _last(self, lstm: nn.LSTM, tokens: Tensor, last: Tensor) -> Tensor:
        states = lstm(self.embedding(tokens))[0]  # [B, T, D]
        return states.gather(1, last[:, None, None].expand(-1, 1, states.shape[2]))[:, 0]


class Mapped(nn.Module):
    """The same, called as mapsto calls a model."""

    def __init__(self, network: Classifier):
        super().__init__()
        self.network = network

    def forward(self, input: dict[str, Tensor]) -> Tensor:
        return self.network(input["tokens"], input["count"])


def learner(
    rows: int | None = None,
    epochs: float = 1,
    batch: int = 64,
    tokens: int | None = None,
    rate: float = 1e-3,
    seed: int = 0,
    network: Classifier | None = None,
) -> mapsto.Learner:
    """A mapsto Learner of it, ready to `fit`. network: with these weights, where others begin with the same."""
    input, target = words(), mapsto.domains.Category().fit([0, 1])
    parts = {}
    for part in FILES:
        texts, labels = _rows(part)
        if part == "train":
            texts, labels = texts[:rows], labels[:rows]
        parts[part] = {"input": input.encode(texts), "target": target.encode(labels)}
    if network is None:
        torch.manual_seed(seed)
        network = Classifier(*input.shape["tokens"])
    return mapsto.Learner(
        mapsto.Dataset(**parts, input=input, target=target),
        Mapped(network),
        mapsto.objectives.CrossEntropy(),
        mapsto.Algorithm(
            mapsto.experience.Passes(batch, tokens),
            mapsto.update.Descend(rate, schedule=mapsto.schedules.Constant()),
            mapsto.until.Epochs(epochs),
        ),
        seed=seed,
    )


@cache
def words() -> Words:
    """Fitted on the training rows."""
    return Words().fit(_rows("train")[0])


@cache
def _rows(part: str) -> tuple[list[str], list[int]]:
    with open(DATA / FILES[part], encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [row["text"] for row in rows], [int(row["label"]) for row in rows]
