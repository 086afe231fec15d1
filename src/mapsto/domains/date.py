"""A point in time: a day, or a day and an hour."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from mapsto.core.errors import DataError, ShapeError
from mapsto.core.nouns import Domain
from mapsto.core.text import clean
from mapsto.domains.column import items, missing
from mapsto.domains.number import mean_and_spread

DAY = 86_400_000_000  # microseconds
YEAR = 365.2425  # days, the Gregorian mean
EARLIEST, LATEST = np.datetime64("0001-01-01", "ms"), np.datetime64("9999-12-31T23:59:59", "ms")  # what Python can say


class Date(Domain):
    """A date on the line of time, and where in the year, the week and the day it falls.

    encode: datetime64, datetime, date, ISO 8601 text ("2024-03-01", "2024/03/01 14:30", "2024-03") or None
        → float64 [N, k]: days since 1970 standardised by the training mean and spread; sine and cosine of the season
        and of the week day; and, if training values differ in their time of day, of the hour. NaN where missing. A time
        with a zone is taken to UTC.
    decode: [N, k] or [N, 1], of which the first counts → datetime without zone: exact to the millisecond from float64;
        from float32, to about one part in ten million of the spread (a minute, where dates lie decades apart).
    """

    learned = ("mean", "spread", "timed", "first", "last")

    def __init__(self) -> None:
        self.mean, self.spread = 0.0, 1.0  # days
        self.timed = False
        self.first: str | None = None
        self.last: str | None = None

    def fit(self, values: Sequence) -> Self:
        found = moments(values)
        found = found[~np.isnat(found)]
        self.mean, self.spread, self.timed, self.first, self.last = 0.0, 1.0, False, None, None
        if len(found):
            ticks = found.astype(np.int64)
            self.mean, self.spread = mean_and_spread(ticks / DAY)
            self.timed = bool((ticks % DAY != ticks[0] % DAY).any())
            self.first, self.last = (self.show(at.item()) for at in (found.min(), found.max()))
        return self

    def encode(self, values: Sequence) -> Tensor:
        found = moments(values)
        gone = np.isnat(found)
        ticks = np.where(gone, 0, found.astype(np.int64))
        days = ticks / DAY
        turns = [days / YEAR, (days + 3) / 7]  # 1970-01-01 was a Thursday: whole weeks begin on Monday
        if self.timed:
            turns.append(ticks % DAY / DAY)
        waves = [wave(2 * np.pi * turn) for turn in turns for wave in (np.sin, np.cos)]
        encoded = np.stack([(days - self.mean) / self.spread, *waves], axis=1)
        encoded[gone] = np.nan
        return torch.from_numpy(encoded)

    def decode(self, encoded: Tensor) -> list[datetime | None]:
        if encoded.dim() == 1:
            encoded = encoded[:, None]
        if encoded.dim() != 2 or encoded.shape[1] not in (1, *self.shape):
            raise ShapeError(f"Date decodes [N, {self.shape[0]}] or [N, 1], but got {list(encoded.shape)}.")
        days = encoded[:, 0].detach().cpu().double().numpy() * self.spread + self.mean
        limits = EARLIEST.astype(np.int64), LATEST.astype(np.int64)
        ticks = np.clip(np.nan_to_num(np.round(days * (DAY // 1000))), *limits).astype(np.int64)
        return [
            None if lost else at
            for at, lost in zip(ticks.astype("datetime64[ms]").tolist(), np.isnan(days), strict=True)
        ]

    def ready(self, encoded: Tensor) -> Tensor:
        """float32 [B, k]; where the date is missing, the training mean and no season."""
        return encoded.float().nan_to_num(0.0)

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.features()),)

    def features(self) -> list[str]:
        """What each encoded number of a value says, beyond the column's own name."""
        cycles = ["year", "week", *(["day"] if self.timed else [])]
        return ["days", *(f"{wave} of the {cycle}" for cycle in cycles for wave in ("sine", "cosine"))]

    def show(self, value: Any) -> str:
        if missing(value):
            return "–"
        if isinstance(value, str):
            return clean(value)
        at = value.item() if isinstance(value, np.datetime64) else value
        return at.isoformat(" ", "seconds").removesuffix(" 00:00:00") if isinstance(at, datetime) else at.isoformat()

    def describe(self) -> str:
        return f"{self.first} … {self.last}" if self.first else "dates, none seen"

    @classmethod
    def examples(cls, count: int, seed: int) -> np.ndarray:
        draw = np.random.default_rng(seed)
        values = np.datetime64("1990-01-01T00:00:00", "us") + draw.integers(30 * 365 * 86400, size=count) * 1_000_000
        values[3::7] = np.datetime64("NaT")
        return values


def moments(values: Sequence) -> np.ndarray:
    """[N] datetime64[us] in UTC, NaT where missing. DataError names the first value that is no date."""
    if not isinstance(values, list | tuple):
        values = np.asarray(values)
        if values.dtype.kind == "M":
            return values.astype("datetime64[us]")
    column = items(values)
    try:
        ticks = {value: _ticks(value) for value in dict.fromkeys(column)}  # each different value is read once
    except (TypeError, ValueError) as error:
        place = next(i for i, value in enumerate(column) if not _is_date(value))
        raise DataError(
            f"Date needs dates or ISO 8601 text such as 2024-03-01 or 2024-03-01 14:30, but value {place} is "
            f"{clean(repr(column[place]), 40)}.",
            "Write year, month, day in this order, or leave the value empty. Number reads plain numbers.",
            "D150",
        ) from error
    found = np.fromiter(map(ticks.__getitem__, column), dtype=np.int64, count=len(column))
    return found.astype("datetime64[us]")


def _ticks(value: Any) -> int:
    """Microseconds since 1970; NumPy's number for NaT where missing. ValueError or TypeError for what is no date."""
    if missing(value) or (isinstance(value, str) and not value.strip()):
        at = None
    elif isinstance(value, str):
        written = value.strip().replace("/", "-")
        at = _utc(datetime.fromisoformat(f"{written}-01" if len(written) == 7 else written))
    elif isinstance(value, datetime):
        at = _utc(value)
    elif isinstance(value, date | np.datetime64):
        at = value
    else:
        raise TypeError(type(value).__name__)
    return int(np.datetime64(at, "us").astype(np.int64))


def _is_date(value: Any) -> bool:
    try:
        _ticks(value)
    except (TypeError, ValueError):
        return False
    return True


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
