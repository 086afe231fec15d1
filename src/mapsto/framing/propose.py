"""The four components for a task, each with its reason and what else there is. Only proposals: every one can be overruled."""

from __future__ import annotations

from dataclasses import dataclass, field

from mapsto.core import names
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Problem, Solvable
from mapsto.core.text import clean
from mapsto.framing.mistakes import GIVEN
from mapsto.framing.prepare import Prepared
from mapsto.framing.start import Start
from mapsto.framing.ways import WAYS
from mapsto.framing.ways.languages import Languages
from mapsto.framing.ways.way import Table, Way, Written, one_cycle

OBJECTIVES: dict[Problem, tuple[str, ...]] = {
    "regression": ("squared-error", "absolute-error", "huber"),
    "classification": ("cross-entropy",),
    "multi-label": ("binary-cross-entropy",),
    "translation": ("translation",),
    "language-model": ("next-token",),
    "tagging": ("tagging",),
    "fill-in": ("masked-words",),
    "acting": ("clipped-surrogate", "policy-gradient", "temporal-difference"),
    "generation": ("denoising", "variational", "adversarial", "reconstruction"),
}


@dataclass
class Proposal:
    """Written components, and for each the reason and the alternatives."""

    augment: list[Table]
    model: Table
    objective: Table
    algorithm: Table
    because: dict[str, str] = field(default_factory=dict)
    instead: dict[str, list[str]] = field(default_factory=dict)


def propose(
    prepared: Prepared, model: str | None = None, own: bool = False, start: Start | None = None, experience: str = ""
) -> Proposal:
    """Fill in the four components. `model` is a registered name that is already settled; `own`: it is the user's module; `start`:
    what to go on from, which brings its model; `experience`: the name of one that is settled."""
    rows = prepared.examples["train"]
    way = next(way for way in WAYS if way.fits(prepared))
    chosen, why_model = way.model(prepared, rows)
    if start is not None and not own:
        chosen, why_model = _started(start, prepared, model)
    elif own:
        chosen, why_model = {"name": "mlp"}, "you say so"  # a stand-in
    elif model is not None and names.squash(str(model)) != names.squash(chosen["name"]):
        chosen, why_model = {"name": model}, "you say so"
    cls = names.find("model", chosen["name"])
    way = way.given(names.name_of(cls)).drawn(experience)
    if prepared.row is not None and prepared.row.texts and not own and names.name_of(cls) not in way.models:
        why_model += "; of these rows it sees what stands beside the text, and not the text"
    objective, why_objective = way.objective(prepared)
    if issubclass(cls, Solvable):
        algorithm, why_algorithm, augment, why_data = _solve(), "solved exactly in one step", [], ""
        if (looked_at := prepared.looked_at) and (some := len(looked_at["train"])) < rows:
            algorithm["experience"]["at_most"] = some
            why_algorithm += f"; of {some:,} of {rows:,} rows, for it needs them all in memory"
    else:
        augment, why_data = way.augment(prepared)
        algorithm, why_algorithm = way.descent(prepared, rows, "" if own else chosen["name"])
        if start is not None and prepared.problem != "fill-in":
            algorithm, why_algorithm = _fine_tuning(algorithm, rows)
    shelf = [n for n in names.listed("model") if n != names.name_of(cls)]
    return Proposal(
        augment=[names.complete("augmentation", a) for a in augment],
        model=names.complete("model", chosen, without=GIVEN),
        objective=names.complete("objective", objective),
        algorithm={k: names.complete(k, v) for k, v in algorithm.items()},
        because={"data": why_data, "model": why_model, "objective": why_objective, "algorithm": why_algorithm},
        instead={
            "model": [] if start else [n for n in shelf if _offers(way, n)],
            "objective": [n for n in OBJECTIVES[prepared.problem] if n != objective["name"]],
            "algorithm": [
                "optimizer sgd, adam",
                "schedule cosine, step-decay, constant",
                "until plateau, steps, minutes",
            ],
        },
    )


def _offers(way: Way, model: str) -> bool:
    """Whether a model is for this kind of task, or for none in particular where that will do."""
    return model in way.models or (way.general and not any(model in other.models for other in WAYS))


def _started(start: Start, prepared: Prepared, model: str | None) -> Written:
    """The model that the body of an earlier run fits into."""
    chosen = start.proposed(prepared.problem)
    writes = chosen["name"] in Languages.models
    if writes != (prepared.problem == "language-model"):
        says = "says how a text goes on" if writes else "does not say how a text goes on"
        raise FrameError(
            f"{start.where} brings a {chosen['name']}, which {says}, but this is {prepared.problem}.",
            "Name data of the kind that it learned from, or leave out --from.",
            "F004",
        )
    if model is not None and names.squash(str(model)) != names.squash(chosen["name"]):
        raise FrameError(
            f"{start.where} brings a {chosen['name']}, but the model is to be {clean(str(model), 40)}.",
            "Leave out one of them.",
            "F004",
        )
    return chosen, start.told(chosen, prepared.input.shape, prepared.target)


def _solve() -> dict[str, Table]:
    return {"experience": {"name": "whole"}, "update": {"name": "solve"}, "until": {"name": "steps", "count": 1}}


def _fine_tuning(algorithm: dict[str, Table], rows: int) -> tuple[dict[str, Table], str]:
    """What is there is changed little, and least where it is farthest from the answer."""
    batch, epochs = (16 if rows < 2000 else 32), min(20, max(3, round(60 * rows**-0.25)))
    made, _ = one_cycle(batch, epochs, algorithm["update"]["learning_rate"] / 2, 0.01, clip=1.0, layer_rate=0.9)
    return made, "a body that has learned already is changed a little, and the less the farther from the answer"
