"""Who is trained on, who is chosen by, and who is examined: row numbers for train, valid and test.

A split has its own seed, apart from the run's, so that seeds of training are compared on one and the same exam.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mapsto.core import seeds
from mapsto.core.errors import DataError

Parts = dict[str, np.ndarray]  # "train", "valid", "test" → row numbers, int64, ascending
SPLIT = 4


@dataclass
class Split:
    """How rows are dealt out.

    test, valid: shares of all rows. seed: of the deal. folds > 0: the test part is fold number `fold` of so many.
    """

    test: float = 0.2
    valid: float = 0.16
    seed: int = 0
    folds: int = 0
    fold: int = 0

    def at_random(self, rows: np.ndarray, classes: np.ndarray | None = None) -> Parts:
        """Deal `rows` out. Where `classes` (one whole number a row) is given, every part gets its share of each."""
        return self._deal(rows, classes, np.arange(len(rows)))

    def by_group(self, rows: np.ndarray, group: np.ndarray) -> Parts:
        """Deal out whole groups: rows of one group (a patient, a user) stay together."""
        names, member = np.unique(group, return_inverse=True)
        if len(names) < 3:
            raise DataError(
                f"a split by group needs at least 3 groups, but there {_are(len(names))}.",
                "Name a column with more distinct values, or split at random.",
                "D145",
            )
        return self._deal(rows, None, member)

    def by_time(self, rows: np.ndarray, time: np.ndarray) -> Parts:
        """The past trains, the future is the test; what lies between validates."""
        order = rows[np.argsort(time, kind="stable")]
        first, second = (
            len(order) - round(len(order) * (self.test + self.valid)),
            len(order) - round(len(order) * self.test),
        )
        return {"train": np.sort(order[:first]), "valid": np.sort(order[first:second]), "test": np.sort(order[second:])}

    def _deal(self, rows: np.ndarray, classes: np.ndarray | None, unit: np.ndarray) -> Parts:
        """`unit` [N] says which rows move together (each on its own, or by group)."""
        units = int(unit.max()) + 1 if len(unit) else 0
        place = np.empty(units)  # of each unit in a line from 0 to 1: the first stretch is tested, the next validates
        place[seeds.shuffled(units, self.seed, SPLIT).numpy()] = (np.arange(units) + 0.5) / max(units, 1)
        if classes is not None:  # the same within every class
            for c in np.unique(classes):
                mine = np.flatnonzero(classes == c)
                line = mine[np.argsort(place[mine], kind="stable")]
                shift = seeds.mix(self.seed, SPLIT, int(c)) % 1000 / 1000  # small classes must not all round one way
                place[line] = (np.arange(len(line)) + shift) / len(line)
                if len(line) == 1 and not self.folds:
                    place[line] = 1.0  # the only row of a class trains: examined, nobody could know the answer
        where = place[unit]
        test, valid = self.test, self.valid
        if self.folds:
            test = 1 / self.folds
            where = (where - self.fold * test) % 1.0
            valid = min(self.valid, (1 - test) * 0.2)
        part = np.where(where < test, 2, np.where(where < test + valid, 1, 0))
        return {name: np.sort(rows[part == k]) for k, name in enumerate(("train", "valid", "test"))}


def _are(count: int) -> str:
    return "is 1" if count == 1 else f"are {count}"
