"""Who is trained on and who is examined, where rows come in a stream: each is dealt by itself, by what it says of itself.

What needs to know all rows at once (a split by time, folds, the same share of every class) cannot be had in a stream.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from mapsto.core import seeds
from mapsto.core.errors import DataError, FrameError
from mapsto.core.nouns import Raw
from mapsto.core.text import clean, few
from mapsto.data.splits import SPLIT
from mapsto.data.stream import Part
from mapsto.framing import infer
from mapsto.framing.deal import PART_NAMES

TRAIN, VALID, TEST = 0, 1, 2  # places in shards.PARTS
CODES = {"train": TRAIN, "valid": VALID, "test": TEST}
ODD = 20  # words of a split column that are none, at most


class Dealer:
    """split: the `data.split` settings."""

    def __init__(self, split: dict[str, Any]):
        self.split = split
        self.test, self.valid, self.seed = split["test"], split["valid"], split["seed"]
        if not (0 <= self.test < 1 and 0 <= self.valid < 1 and self.test + self.valid < 1):
            raise FrameError(
                f"the shares of test and valid add up to less than 1, but came {self.test} and {self.valid}.",
                "For example: --set data.split.test=0.2 --set data.split.valid=0.16",
                "F003",
            )
        for word, why in (("time", "which rows are the last"), ("folds", "how many rows there are")):
            if split.get(word):
                raise FrameError(
                    f"a stream cannot be split by {word}: {why} is only known at its end.",
                    "Add a column that says train, valid or test, and name it: --split-column COLUMN",
                    "D251",
                )
        self.column = self.group = ""
        self.said: Counter[str] = Counter()  # parts that a column or the source gives
        self.groups: set[str] = set()
        self.rows = 0
        self.shares = self.test, self.valid  # of the rows that are dealt at random
        self.named: dict[str, int] = dict(CODES)
        self.how = ""

    def look(self, part: Part) -> None:
        """Take note of the parts or groups that rows say they are in."""
        self.rows += len(part.lines)
        if self.split.get("column") or self.split.get("group"):
            listed = Raw("the source", dict.fromkeys(part.columns))
            self.column = infer.find_column(listed, self.split["column"]) if self.split.get("column") else ""
            self.group = infer.find_column(listed, self.split["group"]) if self.split.get("group") else ""
        if self.column:
            self.said.update(str(v).strip().casefold() for v in plain(part.columns[self.column]))
        elif self.group and len(self.groups) < 3:
            self.groups.update(map(str, plain(part.columns[self.group])))
        elif part.split is not None:
            self.said.update(map(str, part.split.tolist()))

    def settle(self) -> None:
        """Once everything has been looked at."""
        if self.group:
            if len(self.groups) < 3:
                raise DataError(
                    f"a split by group needs at least 3 groups, but there {'is' if len(self.groups) == 1 else 'are'} "
                    f"{len(self.groups)}.",
                    "Name a column with more distinct values, or split at random.",
                    "D145",
                )
            self.how = f"whole groups of '{clean(self.group)}' at random (split seed {self.seed})"
        elif self.said:
            self._settle_given(f"the column '{clean(self.column)}'" if self.column else "the source")
        else:
            self.how = f"at random, row by row: {self.test:.0%} test, {self.valid:.0%} valid (split seed {self.seed})"

    def _settle_given(self, who: str) -> None:
        odd = sorted(word for word in self.said if word not in PART_NAMES)
        if odd:
            raise DataError(
                f"a split column says train, valid or test, but '{clean(self.column)}' also says {few(odd)}.",
                "Rename those values, or split at random.",
                "D142",
            )
        counts: Counter[str] = Counter()
        for word, count in self.said.items():
            counts[PART_NAMES[word]] += count
        self.how = f"given by {who}"
        if not counts["test"] and counts["valid"]:
            counts["test"], counts["valid"] = counts["valid"], 0
            self.named = {"train": TRAIN, "valid": TEST, "test": TEST}
            self.how += "; what it calls valid is the exam"
        if not counts["train"]:
            message = f"the split given by {who} has no training rows."
            raise DataError(message, "Expected rows marked train, and test or valid.", "D143")
        lacking = [name for name in ("test", "valid") if not counts[name]]
        test = self.test if "test" in lacking else 0.0
        valid = min(self.valid if "test" in lacking else 0.1, 10_000 / counts["train"]) if "valid" in lacking else 0.0
        self.shares = test, valid
        if lacking:
            self.how += f"; {' and '.join(lacking)} dealt from its training rows (split seed {self.seed})"

    def deal(self, raw: Raw, lines: np.ndarray) -> np.ndarray:
        """The part of each row [N]: TRAIN, VALID or TEST."""
        if self.group:
            names, place = np.unique([str(v) for v in raw.columns[self.group]], return_inverse=True)
            marks = [hashlib.blake2b(str(name).encode(), digest_size=8).digest() for name in names]
            return self._at_random(np.frombuffer(b"".join(marks), "<i8")[place])
        if not self.said:
            return self._at_random(lines)
        words = [str(v).strip().casefold() for v in (raw.columns[self.column] if self.column else raw.split)]
        given = np.fromiter((self.named[PART_NAMES[word]] for word in words), np.int8, len(words))
        return np.where(given == TRAIN, self._at_random(lines), given)

    def _at_random(self, numbers: np.ndarray) -> np.ndarray:
        test, valid = self.shares
        where = seeds.spread(numbers, self.seed, SPLIT)
        return np.where(where < test, TEST, np.where(where < test + valid, VALID, TRAIN)).astype(np.int8)


def plain(values: Any) -> Iterable:
    return values.to_pylist() if isinstance(values, pa.Array | pa.ChunkedArray) else list(values)
