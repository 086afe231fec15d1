"""Figures in words: what they are about, and as many digits as their intervals bear."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mapsto.core.nouns import Estimate, Problem


@dataclass(frozen=True)
class Counted:
    """What the figures of a problem are about, and what is drawn for their intervals: an `Estimate` counts these as n."""

    about: str = "rows"
    drawn: str = "rows"


COUNTED: dict[Problem, Counted] = {
    "tagging": Counted("words", "sentences"),
    "translation": Counted("sentences", "sentences"),
    "language-model": Counted("tokens", "windows"),
    "fill-in": Counted("words", "texts"),
    "generation": Counted("pictures", "pictures"),
}
UNSEEING = {"frequencies": "going by the frequencies of tokens"}  # where it is not always the same answer


def counted(problem: Problem) -> Counted:
    return COUNTED.get(problem, Counted())


def unseeing(trivial: str) -> str:
    """What the model of that name does, which looks at no input."""
    return UNSEEING.get(trivial, f"always answering the {trivial}")


def words(estimate: Estimate) -> str:
    """An estimate as a person writes it: 0.83 ± 0.02, or 0.5 (0.4 to 0.9) where the interval lies to one side.

    With no more digits than the interval bears.
    """
    half = max(estimate.high - estimate.value, estimate.value - estimate.low)
    if math.isnan(estimate.value):
        return "not defined"
    if math.isnan(half) or half <= 0:
        return number(estimate.value)
    digits = _digits(half)
    near = min(estimate.high - estimate.value, estimate.value - estimate.low)
    if near < half / 3:  # ± would promise values that the interval does not hold
        low, high = _rounded(estimate.low, digits), _rounded(estimate.high, digits)
        return f"{_rounded(estimate.value, digits)} ({low} to {high})"
    return f"{_rounded(estimate.value, digits)} ± {_rounded(half, digits)}"


def number(value: float) -> str:
    """A number with three digits that count."""
    if not math.isfinite(value):
        return "–" if math.isnan(value) else str(value)
    if value and not 1e-4 <= abs(value) < 1e7:
        return f"{value:.2e}"
    return _rounded(value, 2 - math.floor(math.log10(abs(value))) if value else 0)


def the(name: str) -> str:
    """A registered name as one speaks of it: decision-tree → the decision tree."""
    return f"the {name.replace('-', ' ')}"


def _digits(half: float) -> int:
    """Decimals worth writing beside an uncertainty: one digit of it, two where it begins with a 1."""
    first = math.floor(math.log10(half))
    return -first + (1 if half / 10**first < 2 else 0)


def _rounded(value: float, digits: int) -> str:
    return f"{round(value, digits):,.{max(0, digits)}f}"
