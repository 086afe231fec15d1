"""Data frames of pandas and polars, and what columns of any source share. Arrow is imported where there is something to read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from mapsto.core.errors import DataError
from mapsto.core.nouns import Finding, Raw, Source
from mapsto.core.text import clean

EXACT = 2**53  # up to here every whole number is a float64 too; beyond it numbers are names


@dataclass
class Frames(Source):
    """A pandas or polars data frame, recognised without importing either. The index names the rows, nothing else."""

    def accepts(self, where: Any) -> bool:
        home = type(where).__module__.split(".")[0]
        return home in ("pandas", "polars") and type(where).__name__ in ("DataFrame", "LazyFrame")

    def read(self, where: Any) -> Raw:
        from mapsto.data.arrow import arrow_of_series, typed_columns

        if type(where).__module__.split(".")[0] == "polars":
            frame = where.collect() if type(where).__name__ == "LazyFrame" else where
            names, labels = list(frame.columns), None
            arrays = [frame.get_column(name).to_arrow() for name in names]
        else:
            names = [".".join(map(str, n)) if isinstance(n, tuple) else str(n) for n in where.columns]
            arrays = [arrow_of_series(where.iloc[:, i]) for i in range(len(names))]
            plain_index = type(where.index).__name__ == "RangeIndex"
            labels = None if plain_index else np.array([str(v) for v in where.index], dtype=object)
        findings: list[Finding] = []
        names = told_apart(names, "the frame", findings)
        columns, noticed = typed_columns(dict(zip(names, arrays, strict=True)))
        raw = Raw("frame", columns, labels=labels, findings=findings + noticed)
        if not len(raw):
            what = "rows" if names else "columns"
            raise DataError(f"the frame has no {what}.", "Expected at least one of each.", "D107")
        return raw


def told_apart(names: list[str], where: str, findings: list[Finding]) -> list[str]:
    """The names, each once: one that comes again is an error, and gets a number for what else there is to find."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if not twice:
        return names
    shown = ", ".join(f"'{clean(name, 60)}'" for name in twice[:5])
    message = f"{where} has several columns of the same name: {shown}."
    findings.append(Finding("D114", "error", message, len(twice), remedy="Give each column a name of its own."))
    told: list[str] = []
    taken = set(names)
    for name in names:
        if name in told:
            name = next(f"{name} ({k})" for k in range(2, len(names) + 2) if f"{name} ({k})" not in taken)
            taken.add(name)
        told.append(name)
    return told


def objects(values: list) -> np.ndarray:
    """An object column [N]; filled one by one, since NumPy would make a matrix of lists of one length."""
    column = np.empty(len(values), dtype=object)
    for i, value in enumerate(values):
        column[i] = value
    return column
