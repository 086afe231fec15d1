"""result.json of a run, read back: strictly, since anybody may have written it."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from mapsto.core.errors import Damaged
from mapsto.core.hints import Unfit, fitted
from mapsto.core.reading import RESTORE
from mapsto.learner.run import Run


class Figure(TypedDict):
    """A measured value with its interval; None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None
    n: int


Figures = dict[str, Figure]  # by measure


class Beside(TypedDict):
    """A simple model: its figures on each split, and what is to be known about it."""

    train: NotRequired[Figures]
    valid: NotRequired[Figures]
    test: NotRequired[Figures]
    rows: int
    note: str
    seconds: float


class Labelled(TypedDict):
    """One of several labels."""

    share: float
    present: int
    auroc: Figure
    f1: Figure


class Judged(TypedDict):
    """The verdict."""

    limit: str
    advice: str
    lines: list[str]


class Finished(TypedDict):
    """result.json, as far as anything reads it again."""

    problem: str
    measure: str
    better: Literal[1, -1]
    scores: dict[str, Figures]
    baselines: dict[str, Beside]
    verdict: Judged
    steps: int
    seconds: float
    seed: int
    parameters: int
    best: dict[str, Any]
    findings: list[Any]
    examples: dict[str, int]
    reads: NotRequired[str]
    signatures: NotRequired[dict[str, str]]
    labels: NotRequired[dict[str, Labelled]]
    worst: NotRequired[list[dict[str, str]]]
    model_from: NotRequired[str]


def finished(folder: Run) -> dict[str, Any]:
    """What came of a run. BadInput while its training has not ended, Damaged where the file does not say what a run leaves."""
    where = folder.path / "result.json"
    try:
        found = fitted(folder.result(), Finished)
    except Unfit as error:
        raise Damaged(f"{where}: {error}.", RESTORE, "M006") from error
    if not any(found["scores"].values()):
        raise Damaged(f"{where}: it has no scores.", RESTORE, "M006")
    return found
