"""What simple models reach on the same split: the trivial answer, a straight line, a tree, boosting, neighbours."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from mapsto.algorithms.experience.whole import Whole
from mapsto.algorithms.update.solve import Solve
from mapsto.core import devices, names
from mapsto.core.nouns import Algorithm, Data, Objective, Scores, Shape
from mapsto.insight.words import counted
from mapsto.layers.columns import beside_text
from mapsto.learner.learner import Learner
from mapsto.learner.until import Steps

AT_MOST = 20_000  # rows of an exam on training data
NEIGHBOURS = ("k-nearest", "nearest-sentence")  # that know their own rows


@dataclass(frozen=True)
class Baseline:
    """One simple model's scores. rows: training rows it was fitted on; note: what to know about it."""

    scores: dict[str, Scores]  # by split
    predictions: dict[str, Tensor]  # by split, in the target domain's encoding
    rows: int
    seconds: float
    note: str


@dataclass(frozen=True)
class Candidate:
    """A model to try: how it is called here, its registered name and settings, and how many numbers (of texts, tokens) it may
    look at. reads: what it has to have, numbers of columns or tokens of a text, either if both are named; also: what it sees
    beside."""

    label: str
    model: dict
    numbers: float  # rows × columns; where the data have more, a fixed random part of the rows is taken
    problems: tuple[str, ...] = ("classification", "multi-label", "regression")
    rows: int = 1_000_000
    reads: tuple[str, ...] = ("numbers",)
    objectives: tuple[str, ...] = ()  # by their names, where it is not for all of a problem
    also: tuple[str, ...] = ()


CANDIDATES = [
    Candidate("majority", {"name": "prior"}, 1e12, ("classification", "multi-label"), reads=("numbers", "tokens")),
    Candidate("mean", {"name": "prior"}, 1e12, ("regression",), reads=("numbers", "tokens")),
    Candidate(
        "mean",
        {"name": "mean-picture"},
        1e12,
        ("generation",),
        reads=("numbers", "tokens"),
        objectives=("variational", "reconstruction"),
    ),
    Candidate(
        "bag-of-words",
        {"name": "bag-of-words"},
        1e9,
        ("classification", "regression"),
        reads=("tokens",),
        also=("numbers",),
    ),
    Candidate("nearest-sentence", {"name": "nearest-sentence"}, 1e9, ("translation",), 50_000, ("tokens",)),
    Candidate("frequencies", {"name": "n-gram", "order": 1}, 2e7, ("language-model",), reads=("tokens",)),
    Candidate("frequencies", {"name": "n-gram", "order": 1}, 1e9, ("fill-in",), 20_000, ("tokens",)),
    Candidate("bigram", {"name": "n-gram", "order": 2}, 2e7, ("language-model",), reads=("tokens",)),
    Candidate("majority", {"name": "usual-tag", "at_least": 2**53}, 1e12, ("tagging",), 20_000, ("tokens",)),
    Candidate("usual-tag", {"name": "usual-tag"}, 1e12, ("tagging",), 20_000, ("tokens",)),
    Candidate("logistic-regression", {"name": "logistic-regression"}, 6e6, ("classification", "multi-label")),
    Candidate("ridge", {"name": "ridge"}, 1e8, ("regression",)),
    Candidate("decision-tree", {"name": "decision-tree", "depth": 8}, 1e7),
    Candidate("gradient-boosting", {"name": "gradient-boosting"}, 2e7),
    Candidate("k-nearest", {"name": "k-nearest"}, 1e7, rows=20_000),
]


def baselines(
    data: Data,
    objective: Objective,
    outputs: int | tuple[int, ...],
    seed: int,
    seconds: float = 30.0,
    splits: tuple[str, ...] = ("train", "valid", "test"),
    told: Callable[[str], None] = lambda label: None,
    looked_at: Mapping[str, Tensor] | None = None,
) -> dict[str, Baseline]:
    """Fit each candidate to the same training rows and put it to the same exam, while `seconds` last.

    The trivial answer always comes; the others in the order above. Where data are large, a stated part of them is looked at.
    looked_at: of data that need not fit into memory, the rows of each split that are predicted, and as many are fitted to.
    """
    found: dict[str, Baseline] = {}
    begun = time.perf_counter()
    rows, width = data.train.epoch, _width(data.input.shape) * data.train.window
    there = _there(data.input.shape)
    for candidate in CANDIDATES:
        if objective.problem not in candidate.problems or not there & set(candidate.reads):
            continue
        if candidate.objectives and names.name_of(type(objective)) not in candidate.objectives:
            continue
        late = time.perf_counter() - begun > seconds
        heavy = (
            candidate.label == "gradient-boosting" and width * data.target.numbers > 2000
        )  # hundreds of trees over hundreds of columns
        if found and (late or heavy):
            continue
        told(candidate.label)
        limit = min(candidate.rows, max(500, int(candidate.numbers / width)))
        if looked_at:
            limit = min(limit, len(looked_at["train"]))
        model = names.build("model", {**candidate.model, "inputs": data.input.shape, "outputs": outputs})
        algorithm = Algorithm(Whole(at_most=limit if rows > limit else 0), Solve(), Steps(1))
        learner = Learner(data, model, objective, algorithm, seed, device=str(data.device))
        exams = [s for s in splits if s != "train" or candidate.label not in NEIGHBOURS]
        try:
            found[candidate.label] = _tried(learner, exams, min(rows, limit), looked_at or {}, _blind(candidate, there))
        except (RuntimeError, MemoryError) as error:
            if not devices.is_out_of_memory(error) or not found:
                raise
            told(f"{candidate.label}: left out, for memory does not suffice")
    return found


def _tried(
    learner: Learner, exams: list[str], fitted: int, looked_at: Mapping[str, Tensor], note: str = ""
) -> Baseline:
    """The learner's model, fitted to so many rows and put to these exams; of `looked_at`, where that is given. note: what else
    there is to know about it."""
    since, data = time.perf_counter(), learner.data
    learner.fit()
    most = {split: len(rows) for split, rows in looked_at.items()} or {"train": AT_MOST}
    scores = {split: exam for split in exams if (exam := learner.evaluate(split, at_most=most.get(split, 0)))}
    held_out = {split: data.predictions(learner, split, looked_at.get(split)) for split in ("valid", "test")}
    rows = data.train.epoch
    drawn = counted(learner.objective.problem).drawn
    notes = [f"fitted on {fitted:,} of {rows:,} {drawn}"] * (fitted < rows) + [note] * bool(note)
    return Baseline(scores, held_out, fitted, time.perf_counter() - since, "; ".join(notes))


def _there(shape: Shape) -> set[str]:
    """What a model may read of an input of this shape."""
    if not isinstance(shape, dict) or "tokens" not in shape:
        return {"numbers"}
    return {"tokens", "numbers"} if beside_text(shape) else {"tokens"}


def _blind(candidate: Candidate, there: set[str]) -> str:
    """What of an input a candidate does not see, in words; "" where it sees all."""
    unseen = there - {*candidate.reads, *candidate.also}
    return {"tokens": "without the text", "numbers": "the text alone"}.get("".join(unseen), "")


def _width(shape: Shape) -> int:
    if isinstance(shape, dict):
        return max(1, sum(shape.get("number", [])) + sum(shape.get("category", [])))
    width = 1
    for side in shape:
        width *= side
    return max(1, width)
