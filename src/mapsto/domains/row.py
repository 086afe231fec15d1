"""A row of a table: several columns, each of its own kind; to the model, one vector of numbers, some places, and the tokens of
its texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from mapsto.core.errors import DataError, FrameError, ShapeError
from mapsto.core.faults import Faults
from mapsto.core.names import near
from mapsto.core.nouns import Domain
from mapsto.core.ragged import Ragged
from mapsto.core.text import clean, few, many
from mapsto.domains.categories import Categories
from mapsto.domains.category import Category
from mapsto.domains.column import items
from mapsto.domains.date import Date
from mapsto.domains.number import Number
from mapsto.domains.text import Text, token_rows
from mapsto.domains.tokenizer import END, PAD, SPECIAL
from mapsto.domains.vector import Vector

Column = Number | Category | Categories | Date | Vector | Text
KINDS = (
    (Number, "number", ""),
    (Date, "date", ""),
    (Vector, "vector", ""),
    (Category, "category", "categories"),
    (Categories, "set of labels", "sets of labels"),
)
Table = Mapping[str, Sequence] | Sequence[Mapping[str, Any]]  # columns by name, or rows


class Row(Domain):
    """Columns by name, each with the domain that reads it.

    encode: {name: N values}, or N rows {name: value}, →
        "number" float32 [N, P]: numbers, vectors and dates as they are encoded, labels of Categories as 0/1, in the
            order of the columns; 0 where missing. A column with values missing in training has one more number behind
            its own: 1 where it is missing.
        "category" int64 [N, K]: the place of each Category plus one; 0 is "missing or never seen".
        "tokens" ragged int64: those of its texts one after the other, END between two of them. They have one vocabulary, and
            together are kept as long as one alone would be.
        A group without columns is not there. Columns that this row does not know are ignored.
    decode: the same → rows {name: value}.
    """

    learned = ("flagged",)

    def __init__(self, columns: dict[str, Column]):
        self.columns = columns
        self.flagged: list[str] = []  # columns that tell the model where they are missing
        self._taught = False  # whether its texts are read by one that has learned already

    def fit(self, values: Table) -> Self:
        table = self.table(values)
        self.flagged = []
        for name, domain in self.columns.items():
            if not isinstance(domain, Column):
                raise FrameError(
                    f"column '{clean(name)}' is of kind {type(domain).__name__}, which cannot be part of a row.",
                    "A row takes Number, Category, Categories, Date, Vector and Text.",
                )
            if isinstance(domain, Text):
                continue
            domain.fit(table[name])
            if not isinstance(domain, Category) and bool(_flat(domain.encode(table[name])).isnan().any()):
                self.flagged.append(name)
        if not self._taught:
            self.fit_texts(table)
        return self

    def fit_texts(self, table: Mapping[str, Sequence]) -> None:
        """Have its texts learn one vocabulary from the texts of all of their columns."""
        texts = self.texts
        if texts:
            first, *others = texts.values()
            first.fit(list(chain.from_iterable(items(table[name]) for name in texts)))
            for other in others:
                other.load_state_dict(first.state_dict())

    def taught(self, text: Text) -> Self:
        """Have its texts read by one that has learned already, which `fit` leaves as it is."""
        self.columns = {name: text if isinstance(domain, Text) else domain for name, domain in self.columns.items()}
        self._taught = True
        return self

    @property
    def texts(self) -> dict[str, Text]:
        """Its columns of text."""
        return {name: domain for name, domain in self.columns.items() if isinstance(domain, Text)}

    def encode(self, values: Table) -> dict[str, Tensor | Ragged]:
        encodings = self._encodings(self.table(values))
        numbers, places, texts = [], [], []
        for name, domain in self.columns.items():
            encoded = encodings[name]
            if isinstance(domain, Text):
                texts.append(encoded["tokens"])
                continue
            if isinstance(domain, Category):
                places.append(encoded + 1)
                continue
            flat = _flat(encoded)
            numbers.append(flat.nan_to_num(0.0).float())
            if name in self.flagged:
                numbers.append(flat.isnan().any(1, keepdim=True).float())
        together: dict[str, Tensor | Ragged] = {"tokens": self._joined(texts)} if texts else {}
        if numbers:
            together["number"] = torch.cat(numbers, 1)
        if places:
            together["category"] = torch.stack(places, 1)
        return together

    def _encodings(self, table: dict[str, Sequence]) -> dict[str, Any]:
        """Each column in the encoding of its domain; one DataError tells all columns that cannot be read."""
        made, found = {}, Faults()
        for name, domain in self.columns.items():
            try:
                made[name] = domain.encode(table[name])
            except DataError as error:
                found.note(DataError(f"column '{clean(name)}': {error.message}", error.remedy, error.code))
        found.refuse()
        return made

    def decode(self, encoded: dict[str, Tensor | Ragged]) -> list[dict[str, Any]]:
        columns: dict[str, list] = {}
        texts = self._apart(encoded) if self.texts else {}
        number = place = 0
        for name, domain in self.columns.items():
            if isinstance(domain, Text):
                columns[name] = texts[name]
                continue
            if isinstance(domain, Category):
                columns[name] = domain.decode(encoded["category"][:, place] - 1)
                place += 1
                continue
            width = len(domain.features())
            columns[name] = domain.decode(encoded["number"][:, number : number + width])
            number += width
            if name in self.flagged:
                flags = encoded["number"][:, number].tolist()
                columns[name] = [None if flag > 0.5 else v for flag, v in zip(flags, columns[name], strict=True)]
                number += 1
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    @property
    def shape(self) -> dict[str, list[int]]:
        width = len(self.names_of_features()["number"])
        sizes = [domain.shape[0] + 1 for domain in self.columns.values() if isinstance(domain, Category)]
        read = next((domain.shape for domain in self.texts.values()), {})
        return read | ({"number": [width]} if width else {}) | ({"category": sizes} if sizes else {})

    def pieces(self, value: Mapping[str, Any]) -> list[str]:
        """The tokens of one row's texts in step with `encode`, as they are written; see `Text.pieces`."""
        row: list[str] = []
        for k, (name, text) in enumerate(self.texts.items()):
            between = [SPECIAL[END]] if k and not text.ends else []
            row += [*between, *text.pieces(value.get(name))]
            row = row[: text.longest]
        return row

    def names_of_features(self) -> dict[str, list[str]]:
        """What each number of "number" and each place of "category" says, for a person."""
        groups: dict[str, list[str]] = {"number": [], "category": []}
        for name, domain in self.columns.items():
            if isinstance(domain, Text):
                continue
            group = groups["category" if isinstance(domain, Category) else "number"]
            group += [f"{clean(name)} {feature}".rstrip() for feature in domain.features()]
            if name in self.flagged:
                group.append(f"{clean(name)} is missing")
        return groups

    def unseen(self, values: Table) -> dict[str, int]:
        """Column → how many labels in it were never seen in training; columns without any are not there."""
        table = self.table(values)
        counts = {
            name: domain.unseen(table[name]).total()
            for name, domain in self.columns.items()
            if isinstance(domain, Category | Categories)
        }
        return {name: count for name, count in counts.items() if count}

    def table(self, values: Table) -> dict[str, Sequence]:
        """The columns of this row, by name, out of columns or rows. DataError names those that are not there."""
        if not isinstance(values, Mapping):
            values = _columns_of(values, list(self.columns))
        absent = [name for name in self.columns if name not in values]
        if absent:
            there = [name for name in values if name not in self.columns]
            named = [
                f"'{clean(name)}'" + "".join(f" (near it: '{clean(n)}')" for n in near(name, there, 1))
                for name in absent
            ]
            raise DataError(
                f"missing {many(len(absent), 'column')}: {', '.join(named)}.",
                f"The row needs {few(self.columns, 12)}; there is {few(values, 12) or 'nothing'}.",
                "D151",
            )
        for name in self.columns:
            if values[name] is None or isinstance(values[name], str | int | float | np.generic):
                raise DataError(
                    f"column '{clean(name)}' should be a sequence of values, but is {clean(repr(values[name]), 40)}.",
                    "For one row, give a list with it.",
                    "D150",
                )
        lengths = {name: len(values[name]) for name in self.columns}
        if len(set(lengths.values())) > 1:
            raise ShapeError(f"the columns of a table are of one length, but got {lengths}.")
        return {name: values[name] for name in self.columns}

    def show(self, value: Any) -> str:
        if value is None:
            return "–"
        return ", ".join(f"{clean(name)} {domain.show(value.get(name))}" for name, domain in self.columns.items())

    def describe(self) -> str:
        parts = [text.describe() for text in self.texts.values()][:1]
        if (count := len(self.texts)) > 1:
            parts = [f"{count} {parts[0].replace('text', 'texts', 1)}"]
        for kind, word, words in KINDS:
            found = [domain for domain in self.columns.values() if isinstance(domain, kind)]
            if found:
                parts.append(many(len(found), word, words))
            if found and kind is Category:
                sizes = [domain.shape[0] for domain in found]
                parts[-1] += f" ({many(sizes[0], 'value') if len(sizes) == 1 else few(sizes, 6) + ' values'})"
        return ", ".join(parts) or "no columns"

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"columns": {name: domain.state_dict() for name, domain in self.columns.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> Self:
        super().load_state_dict(state)
        for name, domain in self.columns.items():
            domain.load_state_dict(state["columns"][name])
        learned = [text.state_dict() for text in self.texts.values()]
        if learned and any(other != learned[0] for other in learned):
            raise FrameError("the texts of a row are cut into the same tokens, but these are not.", code="M006")
        return self

    def _joined(self, texts: list[Ragged]) -> Ragged:
        """The texts of each row as one."""
        if len(texts) == 1:
            return texts[0]
        first = next(iter(self.texts.values()))
        between = [] if first.ends else [END]
        rows = []
        for row, *others in zip(*(token_rows({"tokens": text}) for text in texts), strict=True):
            rows.append([*row, *chain.from_iterable([*between, *other] for other in others)][: first.longest])
        return Ragged.of(rows, pad=PAD, dtype=torch.long)

    def _apart(self, encoded: dict[str, Tensor | Ragged]) -> dict[str, list[str | None]]:
        """Undo `_joined`, and decode each."""
        columns: dict[str, list[list[int]]] = {name: [] for name in self.texts}
        for row in token_rows(encoded):
            for column in columns.values():
                end = row.index(END) if END in row else len(row)
                column.append(row[:end])
                row = row[end + 1 :]
        return {
            name: domain.decode({"tokens": Ragged.of(columns[name], dtype=torch.long)})
            for name, domain in self.texts.items()
        }

    @classmethod
    def sample(cls) -> Self:
        return cls({"height": Number(), "wood": Category(), "born": Date(), "topics": Categories(), "place": Vector()})

    @classmethod
    def examples(cls, count: int, seed: int) -> np.ndarray:
        columns = cls.sample().columns
        drawn = {name: domain.examples(count, seed + i) for i, (name, domain) in enumerate(columns.items())}
        rows = np.empty(count, dtype=object)
        for i in range(count):
            rows[i] = {name: column[i] for name, column in drawn.items()}
        return rows


def text_in(domain: Domain) -> Text | None:
    """What reads the text of an input, alone or in a row; None where there is none."""
    read = [domain] if isinstance(domain, Text) else list(domain.texts.values()) if isinstance(domain, Row) else []
    return read[0] if read else None


def _columns_of(rows: Sequence[Mapping[str, Any]], names: list[str]) -> dict[str, list]:
    """Rows as columns. A column that is in no row is left out; one that is in some only is a DataError."""
    columns: dict[str, list] = {}
    for place, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise DataError(
                f"a row is {{column: value}}, but row {place} is {clean(repr(row), 40)}.",
                f"The columns are {few(names, 12)}.",
                "D150",
            )
    present = list(dict.fromkeys(name for row in rows for name in row))
    for name in present:
        if name in names:
            lacking = next((i for i, row in enumerate(rows) if name not in row), None)
            if lacking is not None:
                raise DataError(
                    f"row {lacking} has no column '{clean(name)}', which other rows have.",
                    "Give it the value None where it is missing.",
                    "D150",
                )
        columns[name] = [row.get(name) for row in rows]
    return columns if len(rows) else {name: [] for name in names}


def _flat(encoded: Tensor) -> Tensor:
    """[N] or [N, k] → [N, k]."""
    return encoded[:, None] if encoded.dim() == 1 else encoded
