"""What was promised before it was measured, and whether it is held: computed from the rows, by the interval's worse end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.speed import pairs
from benchmarks.speed.contest import Arm, Contest
from benchmarks.speed.pairs import Row

Kinds = tuple[str, ...]
LOOPS: Kinds = ("loop",)
DEFAULTS: Kinds = ("defaults",)
EITHER: Kinds = ("defaults", "tuned")  # whichever is the faster
NEAR = 0.03  # what a promise of parity leaves to chance: 1.02 is held where the interval ends at 1.05 or before


@dataclass(frozen=True)
class Gate:
    """family: whom mapsto is held against; the fastest of its arms of these `kinds` counts, or the one of that `name`.

    "at most": mapsto takes at most `bound` times as long. "near": the same, with NEAR for chance. "times": the rival takes at least
    `bound` times as long. "within": at most `bound` seconds more. "share": at most that share of training.
    who: mapsto's arm.
    """

    contest: str
    rule: Literal["at most", "near", "times", "within", "share"]
    bound: float
    family: str = ""
    kinds: Kinds = EITHER
    name: str = ""
    who: str = "mapsto"
    words: str = ""


@dataclass(frozen=True)
class Verdict:
    """measured: the figure and its interval in words. held: None where it was not measured."""

    where: str
    promise: str
    measured: str
    held: bool | None


GATES = (
    Gate("digits-sgd", "at most", 0.75, name="loop-tuned"),
    Gate("digits-adamw", "at most", 0.65, name="loop-tuned"),
    *(
        Gate(contest, "times", bound, family)
        for contest in ("digits-sgd", "digits-adamw")
        for family, bound in (
            ("Lightning", 7.0),
            ("fastai", 7.0),
            ("skorch", 3.5),
            ("Keras on JAX", 3.5),
            ("scikit-learn", 1.1),
        )
    ),
    *(
        Gate("digits-whole", "times", 1.0, family)
        for family in ("PyTorch", "skorch", "Keras on JAX", "Keras on PyTorch", "HF Trainer", "fastai", "Lightning")
    ),
    Gate("mnist-epoch", "near", 1.02, "PyTorch", LOOPS),
    Gate("mnist-epoch", "times", 2.8, "fastai", DEFAULTS),
    Gate("mnist-epoch", "times", 2.8, "Lightning", DEFAULTS),
    Gate("mnist-epoch", "times", 2.4, "skorch", DEFAULTS),
    Gate("mnist-epoch", "times", 3.7, "Keras on PyTorch", DEFAULTS),
    Gate("mnist-epoch", "times", 3.7, "Keras on JAX", DEFAULTS),
    *(
        Gate("mnist-score", "times", 5.0, family, DEFAULTS)
        for family in ("PyTorch", "fastai", "Lightning", "skorch", "HF Trainer", "Keras on PyTorch", "Keras on JAX")
    ),
    Gate("table", "times", 3.0, "scikit-learn"),
    Gate("table", "times", 3.0, "scikit-learn", who="mapsto-own"),
    Gate("gpt", "near", 1.02, "PyTorch", LOOPS),
    Gate("gpt", "times", 1.1, "HF Trainer"),
    Gate("sentences", "near", 1.02, "PyTorch", LOOPS),
    Gate("sentences", "times", 1.8, "HF Trainer"),
    Gate("sentences", "times", 1.8, "fastai"),
    Gate("cora", "times", 3.0, "PyTorch Geometric"),
    Gate("acting-tensors", "times", 5.0, "PyTorch"),
    Gate("acting-gymnasium", "times", 1.5, "PyTorch"),
    Gate("start", "within", 0.05, name="import-torch", who="import-mapsto", words="`import mapsto` and its Learner"),
    Gate("start", "within", 0.2, name="python", who="help", words="`mapsto --help`"),
    Gate(
        "start", "within", 1.2, name="import-torch", who="first-step", words="`mapsto train digits` to its first step"
    ),
    Gate("overheads", "share", 0.03, who="saving"),
    Gate("overheads", "share", 0.02, who="nan"),
    Gate("overheads", "share", 0.02, who="nan-cnn"),
    Gate("overheads", "share", 0.01, who="progress"),
)


def verdict(gate: Gate, contest: Contest | None, rows: Sequence[Row]) -> Verdict:
    if contest is None:
        return Verdict(gate.contest, _bound(gate, gate.family or gate.name), "–", None)
    if gate.rule == "share":
        measured, held = _share(gate, rows)
        return Verdict(contest.title, f"{contest.arm(gate.who).label}: {_bound(gate, '')}", measured, held)
    if gate.rule == "within":
        measured, held = _difference(gate, contest, rows)
        return Verdict(contest.title, f"{gate.words}: {_bound(gate, contest.arm(gate.name).label)}", measured, held)
    measured, held = _ratio(gate, contest, rows)
    rival = contest.arm(gate.name).label if gate.name else gate.family
    who = "" if contest.arm(gate.who) == contest.reference() else f" as {contest.arm(gate.who).label}"
    return Verdict(contest.title, _bound(gate, rival) + who, measured, held)


def _ratio(gate: Gate, contest: Contest, rows: Sequence[Row]) -> tuple[str, bool | None]:
    found = []
    for rival in [arm for arm in contest.arms if _meant(gate, arm)]:
        over, under = (rival.name, gate.who) if gate.rule == "times" else (gate.who, rival.name)
        if ratio := pairs.ratio(rows, over, under, contest.counts):
            found.append((ratio, rival))
    if not found:
        return "–", None
    fastest = min if gate.rule == "times" else max
    ratio, rival = fastest(found, key=lambda pair: pair[0].value)
    held = {
        "times": ratio.low >= gate.bound,
        "at most": ratio.high <= gate.bound,
        "near": ratio.high <= gate.bound + NEAR,
    }[gate.rule]
    beside = f" ({rival.label})" if len(found) > 1 else ""
    slower = [f"; {other.value:.2f} ({arm.label})" for other, arm in found if arm != rival and gate.rule == "times"]
    said = f"{ratio.value:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]{beside}{''.join(slower)}"
    return said if held else said + _by_hand(gate, contest, rows, rival), held


def _by_hand(gate: Gate, contest: Contest, rows: Sequence[Row], rival: Arm) -> str:
    """Beside a missed promise, how many times as long as the best loop by hand a rival takes: what might have been had."""
    loops = [arm for arm in contest.arms if arm.kind in LOOPS]
    if gate.rule != "times" or rival in loops:
        return ""
    found = [ratio.value for loop in loops if (ratio := pairs.ratio(rows, rival.name, loop.name, contest.counts))]
    return f"; of the best loop by hand {max(found):.2f}" if found else ""


def _difference(gate: Gate, contest: Contest, rows: Sequence[Row]) -> tuple[str, bool | None]:
    later = pairs.difference(rows, gate.who, gate.name, contest.counts)
    if later is None:
        return "–", None
    return f"{later.value:+.3f} s [{later.low:+.3f}, {later.high:+.3f}]", later.high <= gate.bound


def _share(gate: Gate, rows: Sequence[Row]) -> tuple[str, bool | None]:
    shares = [row["share"] for row in rows if row["arm"] == gate.who]
    if not shares:
        return "–", None
    middle = pairs.median(shares)
    return f"{100 * middle.value:.2f} % [{100 * middle.low:.2f}, {100 * middle.high:.2f}]", middle.high <= gate.bound


def _meant(gate: Gate, arm: Arm) -> bool:
    return arm.name == gate.name if gate.name else arm.family == gate.family and arm.kind in gate.kinds


def _bound(gate: Gate, rival: str) -> str:
    defaults = " at its defaults" if gate.kinds == DEFAULTS else ""
    return {
        "at most": f"at most {gate.bound:g} × the time of {rival}",
        "near": f"at most {gate.bound:g} × the time of the best tuned loop",
        "times": f"{rival}{defaults} takes at least {gate.bound:g} × as long",
        "within": f"at most {gate.bound:g} s more than {rival}",
        "share": f"at most {100 * gate.bound:g} %",
    }[gate.rule]
