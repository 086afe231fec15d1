"""Interleaving and statistics: every arm once a round in random order, a ratio a round, the median and its interval."""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

RESAMPLES, LEVEL = 4000, 0.90

Row = dict[str, Any]  # one run of one arm in one round, as docs/speed.json keeps it


@dataclass(frozen=True)
class Middle:
    """The median over rounds, and the bootstrap interval around it."""

    value: float
    low: float
    high: float
    rounds: int


def order(arms: Sequence[str], turn: int) -> list[str]:
    """The arms of one round, shuffled; a function of the round."""
    return random.Random(turn).sample(list(arms), len(arms))


def ratio(rows: Sequence[Row], over: str, under: str, counts: Sequence[str] = ("fit",)) -> Middle | None:
    """How much longer `over` took than `under`, from the rounds that both ran in; None where there is none."""
    a, b = seconds(rows, over, counts), seconds(rows, under, counts)
    ratios = [a[turn] / b[turn] for turn in sorted(a.keys() & b.keys())]
    return median(ratios) if ratios else None


def difference(rows: Sequence[Row], over: str, under: str, counts: Sequence[str]) -> Middle | None:
    """How many seconds longer `over` took than `under`, in the same way."""
    a, b = seconds(rows, over, counts), seconds(rows, under, counts)
    later = [a[turn] - b[turn] for turn in sorted(a.keys() & b.keys())]
    return median(later) if later else None


def median(values: Sequence[float]) -> Middle:
    return Middle(statistics.median(values), *interval(values), len(values))


def seconds(rows: Sequence[Row], arm: str, counts: Sequence[str] = ("fit",)) -> dict[int, float]:
    """round → what the arm took in it."""
    return {
        row["round"]: sum(row[c] for c in counts)
        for row in rows
        if row["arm"] == arm and None not in [row.get(c) for c in counts]
    }


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The bootstrap interval of the median, at LEVEL."""
    draw = random.Random(0)
    medians = sorted(statistics.median(draw.choices(values, k=len(values))) for _ in range(RESAMPLES))
    tail = int(RESAMPLES * (1 - LEVEL) / 2)
    return medians[tail], medians[-1 - tail]
