"""What a run showed: its leading measure on every split, its baselines, and the course of its training.

Two figures *clearly* differ when their distance is beyond chance: beyond the root of the summed squares of the half
intervals that face each other. On the same test rows two models err alike, so there this is cautious: it calls fewer
differences real.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from mapsto.core.errors import FrameError
from mapsto.core.nouns import Estimate, Problem, Scores
from mapsto.insight.words import Counted, counted

JUDGED = (
    "classes-covered",
    "as-asked",
)  # of a judge's figures (framing/judging.py) those that can be read by themselves
TRIVIAL = ("majority", "mean", "frequencies", "random")  # baselines that look at no input
SPLITS = {"train": "training", "valid": "validation", "test": "test"}


@dataclass(frozen=True)
class Figures:
    """What a run showed, with the leading measure picked out and turned so that questions read the same for all."""

    measure: str
    better: int
    exam: str  # the split that judges: test, or valid where there is no test
    deep: dict[str, Estimate]  # split → estimate
    shallow: dict[str, dict[str, Estimate]]  # baseline → split → estimate, without the trivial one
    trivial: str | None
    trivially: Estimate  # what the trivial baseline scores on the exam
    perfect: float  # what nothing is better than
    counted: Counted
    looks: bool = False  # whether what is made is to be looked at, and the measure does not say how it looks
    judged: Scores = field(default_factory=dict)  # what a judge says of it on the exam, where there is one

    def ahead(self, a: Estimate, b: Estimate) -> float:
        """By how much a is better than b."""
        return self.better * (a.value - b.value)

    def clearly(self, a: Estimate, b: Estimate) -> bool:
        return self.ahead(a, b) > self.chance(a, b)

    def chance(self, a: Estimate, b: Estimate) -> float:
        """How far apart chance may put a and b: the half intervals that face each other, added in squares."""
        up = (a, b) if a.value >= b.value else (b, a)
        return _or_infinite(math.hypot(up[0].value - up[0].low, up[1].high - up[1].value))

    def skill(self, a: Estimate) -> float:
        """0 for the trivial baseline, 1 for perfection. Without one, 0 is nothing right; NaN where less is better."""
        nothing = 0.0 if self.trivial is None and self.better > 0 else self.trivially.value
        reach = self.perfect - nothing
        return (a.value - nothing) / reach if reach else math.nan

    @property
    def gap(self) -> Estimate:
        """By how much the exam is worse than training, in the unit of the measure. NaN where training is not known."""
        if "train" not in self.deep:
            return Estimate(math.nan, math.nan, math.nan, 0)
        a, b = self.deep["train"], self.result
        up, down = (a, b) if self.better > 0 else (b, a)
        worse = up.value - down.value
        low = worse - math.hypot(up.value - up.low, down.high - down.value)
        high = worse + math.hypot(up.high - up.value, down.value - down.low)
        return Estimate(worse, low, high, min(a.n, b.n))

    @property
    def helpful(self) -> bool:
        """Whether the deep model clearly beats answering without looking."""
        return self.trivial is None or self.clearly(self.result, self.trivially)

    @property
    def result(self) -> Estimate:
        """What the deep model scores on the exam."""
        return self.deep[self.exam]

    @property
    def where(self) -> str:
        return f"on the {SPLITS[self.exam]} {self.counted.about}"

    @property
    def chosen_by(self) -> str:
        """What the best step was chosen by."""
        return f"the validation {self.counted.about}"


@dataclass(frozen=True)
class Course:
    """What the learning curve shows; None where it does not say."""

    best_step: int | None = None
    last_step: int | None = None
    overfits: bool = False  # training went on getting better while validation got worse
    unfinished: bool = False  # training and validation were both still getting better at the end
    lost: bool = False  # validation got worse again, whatever training did


def course_of(curve: list[dict[str, float]], better: int) -> Course:
    """Read a learning curve: points with "step", "train_loss" or else "train_score", and "valid_score" or else "valid_loss"."""
    valid = "valid_score" if any("valid_score" in point for point in curve) else "valid_loss"
    sign = better if valid == "valid_score" else -1
    train, fall = ("train_loss", 1) if any("train_loss" in point for point in curve) else ("train_score", -better)
    points = [p for p in curve if all(math.isfinite(p.get(key, math.nan)) for key in (valid, train))]
    if len(points) < 5:  # too few to see a course
        return Course()
    best = max(range(len(points)), key=lambda i: (sign * points[i][valid], _tied(points[i])))
    first, peak, last = points[0], points[best], points[-1]
    late = points[-max(2, len(points) // 5) :]  # the last fifth of the way
    gained = sign * (peak[valid] - first[valid])
    fallen = fall * (first[train] - last[train])
    lost = sign * (peak[valid] - sum(p[valid] for p in late) / len(late))
    worse = best < len(points) - len(late) and lost > max(
        0.0, 0.1 * gained
    )  # a tenth of all that was gained is lost again
    return Course(
        int(peak["step"]),
        int(last["step"]),
        # while a tenth of the training loss's whole fall was yet to come
        overfits=worse and fallen > 0 and fall * (peak[train] - last[train]) > 0.1 * fallen,
        # best in the last fifth, where both still make more than a twentieth of their whole way
        unfinished=fallen > 0
        and best >= len(points) - len(late)
        and sign * (peak[valid] - late[0][valid]) > 0.05 * gained
        and fall * (late[0][train] - last[train]) > 0.05 * fallen,
        lost=worse,
    )


def _tied(point: dict[str, float]) -> float:
    """Which of equals is best, as `Best` has it: the one of lower loss, or where there are no losses the later one."""
    return -point["valid_loss"] if "valid_loss" in point else point["step"]


def figures_of(
    problem: Problem,
    measure: str,
    better: int,
    perfect: float,
    scores: dict[str, Scores],
    baselines: dict[str, dict[str, Scores]],
) -> Figures:
    """Pick out the leading measure. FrameError where neither test nor validation rows have it."""
    deep = {split: scores[split][measure] for split in ("train", "valid", "test") if measure in scores.get(split, {})}
    exam = next((split for split in ("test", "valid") if split in deep), None)
    if exam is None:
        raise FrameError(
            f"a verdict needs '{measure}' on the test or the validation rows, but was given "
            f"{ {split: sorted(told) for split, told in scores.items()} }.",
            "Run the exam on a split that was not trained on.",
        )
    told = {
        name: {split: s[measure] for split, s in splits.items() if measure in s}
        for name, splits in baselines.items()
        if measure in splits.get(exam, {})
    }
    trivial = next((name for name in TRIVIAL if name in told and not math.isnan(told[name][exam].value)), None)
    trivially = told[trivial][exam] if trivial else Estimate(math.nan, math.nan, math.nan, 0)
    shallow = {name: splits for name, splits in told.items() if name not in TRIVIAL}
    return Figures(
        measure,
        better,
        exam,
        deep,
        shallow,
        trivial,
        trivially,
        perfect,
        counted(problem),
        looks=problem == "generation",
        judged={name: scores[exam][name] for name in JUDGED if name in scores[exam]},
    )


def _or_infinite(value: float) -> float:
    return math.inf if math.isnan(value) else value  # nothing known of chance: then nothing is beyond it
