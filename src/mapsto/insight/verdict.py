"""How far to trust a learned function, from figures alone: what limits it, which model to take, what to do next."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from mapsto.core.nouns import Estimate, Problem, Scores
from mapsto.insight.evidence import Course, Figures, course_of, figures_of
from mapsto.insight.labels import Label
from mapsto.insight.mismatch import Mismatch
from mapsto.insight.noise import Noise
from mapsto.insight.remarks import given_away, remarks
from mapsto.insight.words import the, unseeing, words

Limit = Literal["capacity", "data", "label-noise", "mismatch", "none"]
DEEP = "deep"
WITNESS = 1 / 3  # skill below which a model's contradictions say more of itself than of the labels
READABLE = ("logistic-regression", "ridge", "linear", "decision-tree", "tree")
MORE_TEXT = "train longer, or on more text."
INSTEAD = {
    "frequencies": MORE_TEXT,
    "random": "train longer, or with another rate or algorithm.",
}  # by what is not beaten
ALIKE = (
    "every episode returned the same, so nothing told one action from another: let episodes be longer (--set data.limit=…), or "
    "give rewards on the way (in a wrapper of the world)."
)
EXAMPLES, OF_TEXT = "more examples", "more text"
REGULARISATION = "stronger regularisation (weight decay, dropout, augmentation)"
OF_WORDS = "stronger regularisation (weight decay, dropout)"  # words have no augmentation
HAS_READ = "a body that has read more such text (--objective masked-words on text without labels, then --from that run)"


@dataclass(frozen=True)
class Verdict:
    """What the figures of a run come to. `take` is "deep" or the name of the baseline to use instead."""

    limit: Limit
    advice: str
    lines: list[str]
    gap: Estimate  # by how much the exam is worse than training, in the unit of the measure; positive is worse
    best_baseline: str | None  # of those that look at the input
    take: str

    def to_json(self) -> dict[str, Any]:
        """Plain values; a figure that is not defined is None."""
        written = asdict(self)
        written["gap"] = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in written["gap"].items()}
        return written


def judge(
    problem: Problem,
    measure: str,
    better: int,
    scores: dict[str, Scores],
    baselines: dict[str, dict[str, Scores]] | None = None,
    curve: list[dict[str, float]] | None = None,
    noise: Noise | None = None,
    mismatch: Mismatch | None = None,
    counts: dict[str, int] | None = None,
    labels: dict[str, Label] | None = None,
    separate: bool = False,
    linear: bool = False,
    perfect: float | None = None,
    text: bool = False,
) -> Verdict:
    """The verdict on a run.

    measure, better: the leading measure's name, and +1 where more of it is better, −1 where less is.
    scores: split (train, valid, test) → measure → estimate. The test split judges; without one, the validation split.
    baselines: name → split → measure → estimate; the one called "majority" or "mean" looks at no input.
    curve: points in order, each with "step" and any of "train_loss", "valid_loss", "train_score", "valid_score"; where there is
        no training loss, the training score stands for it.
    noise, mismatch: what `contradictions` and `tell_apart` found, where they were asked.
    counts: class → training rows. labels: where several may hold at once, each one's own figures.
    separate: the test rows came as a set of their own, and were not drawn at random.
    linear: the model is a single linear map, which has little capacity whatever the other models reach.
    perfect: the value of the measure that nothing is better than; 1 or, where less is better, 0 unless it is said.
    text: there is a text in each example.
    """
    perfect = float(better > 0) if perfect is None else perfect
    figures = figures_of(problem, measure, better, perfect, scores, baselines or {})
    best = _best_baseline(figures)
    take = _take(figures, best)
    course = course_of(curve or [], better)
    if problem == "acting":  # one learns in the world that one is examined in: there is nothing else to know by heart
        course = replace(course, overfits=False)
    limit, remedy = _limit(figures, best, course, noise, mismatch, linear, _helps(problem, text))
    counts = counts if problem == "classification" and counts else {}
    lines = remarks(figures, best, course, noise, mismatch, counts, labels or {}, scores[figures.exam], separate)
    advice = remedy
    if take != DEEP:
        advice = _take_advice(figures, take)
        lines = lines if limit == "none" else [remedy, *lines]  # "use it" would gainsay the advice
    return Verdict(limit, advice, lines, figures.gap, best, take)


# ---- which model


def _best_baseline(figures: Figures) -> str | None:
    """Chosen on the validation rows where all have been there: choosing on the exam would flatter the chosen one."""
    names = list(figures.shallow)
    if not names:
        return None
    split = "valid" if all("valid" in figures.shallow[n] for n in names) else figures.exam
    return max(names, key=lambda n: _or_worst(figures.better * figures.shallow[n][split].value))


def _take(figures: Figures, best: str | None) -> str:
    """The deep model, unless another does better, or one that a person can read does so nearly as well that chance may
    well account for the difference."""
    guess, result = figures.trivially, figures.result
    if best is not None:
        simple = figures.shallow[best][figures.exam]
        lead = figures.ahead(result, simple)  # where it is NaN, it decides nothing
        near = lead <= 0 or (best in READABLE and lead < figures.chance(result, simple) / 2)
        if near and not figures.ahead(simple, guess) <= 0:
            return best
    return figures.trivial if figures.trivial and figures.ahead(result, guess) <= 0 else DEEP


def _alike(*estimates: Estimate) -> bool:
    """Whether everything that was measured was one and the same number."""
    return len({bound for e in estimates for bound in (e.low, e.value, e.high)}) == 1


def _take_advice(figures: Figures, take: str) -> str:
    if take == figures.trivial:
        return (
            f"Nothing has been learned that helps: {unseeing(take)} does as well {figures.where} "
            f"({words(figures.trivially)}) as the deep model ({words(figures.result)}), so use neither yet: "
            + (
                ALIKE
                if take == "random" and _alike(figures.trivially, figures.result)
                else INSTEAD.get(take, "see whether the inputs say anything about the target.")
            )
        )
    simple, name = figures.shallow[take][figures.exam], f"T{the(take)[1:]}"
    many = take.endswith("s") and not take.endswith("-of-words")
    if figures.skill(simple) <= 0:
        return (
            f"Nothing has been learned that helps: {the(take)} does as well {figures.where} ({words(simple)}) as the deep "
            f"model ({words(figures.result)}), so use neither yet: {MORE_TEXT}"
        )
    if figures.clearly(simple, figures.result):
        return (
            f"{name} ({words(simple)}) {'beat' if many else 'beats'} the deep model ({words(figures.result)}) "
            f"{figures.where}: take {the(take)}."
        )
    if figures.ahead(simple, figures.result) >= 0:
        return (
            f"{name} ({words(simple)}) {'do' if many else 'does'} at least as well {figures.where} as the deep model "
            f"({words(figures.result)}): take {the(take)}, the simpler one."
        )
    return (
        f"{name} ({words(simple)}) {'are' if many else 'is'} as good {figures.where} as the deep model "
        f"({words(figures.result)}), whose lead is well within chance: take {the(take)}, the simpler one."
    )


# ---- what limits it


def _limit(
    figures: Figures,
    best: str | None,
    course: Course,
    noise: Noise | None,
    mismatch: Mismatch | None,
    linear: bool,
    helps: list[str],
) -> tuple[Limit, str]:
    """The first that the figures bear out, in this order, and what to do about it.

    Mismatch comes first, since an exam about something else makes every other figure mean less; then labels, since
    neither more capacity nor more of the same data mends wrong ones. helps: what does, where data are wanting.
    """
    result, exam = figures.result, figures.exam
    about, drawn = figures.counted.about, figures.counted.drawn
    if math.isnan(result.value):
        return "none", f"The {figures.measure} is not defined {figures.where}: see that every class is there."
    train, valid = figures.deep.get("train"), figures.deep.get("valid")
    beaten = best is not None and figures.clearly(figures.shallow[best][exam], result)
    fits = train is not None and figures.clearly(train, result)

    # Validation rows come from where the training rows do: what sets them apart from the test rows is not overfitting.
    if exam == "test" and valid and mismatch and mismatch.auc.low > 0.6 and figures.clearly(valid, result):
        return "mismatch", (
            f"The test {drawn} come from elsewhere (told from training {drawn} with an AUC of {words(mismatch.auc)}"
            f"{given_away(mismatch)}), and there {figures.measure} is {words(result)} where the validation {drawn} gave "
            f"{words(valid)}: train on {drawn} like those it will meet, or leave out what gives them away."
        )

    # Wrong labels: they account for most of what is contradicted at all (on Titanic, which is hard and not mislabelled,
    # a quarter to a little over half reads so), and no other model does clearly better, so that it is not this one's
    # blind spot; a model that has learned nothing cannot witness against labels.
    accused = noise is not None and noise.share.low > 0.02 and noise.share.value >= 0.6 * noise.contradicted
    accused = accused and not figures.skill(result) < WITNESS
    if accused and figures.helpful and not beaten:
        share = noise.share
        return "label-noise", (
            f"About {share.value:.0%} of the labels ({share.low:.0%} to {share.high:.0%}) contradict even the surest "
            f"predictions: look through the {len(noise.suspects)} suspects, and mend the labels, or add the input that "
            "explains them, before changing the model."
        )

    # Nothing: with next to nothing left to win, nothing limits it.
    if figures.skill(result) >= 0.98:
        return "none", _use(figures, "there is next to nothing left to win")

    # Data: it does clearly better on what it has seen, by more than a fiftieth of the way from guessing to perfection,
    # and would not have got further with more steps.
    if course.unfinished:
        return "capacity", (
            f"It was still getting better at step {course.last_step}, its last, where it has {words(result)} "
            f"{figures.where}: train longer."
        )
    if fits and (figures.trivial is None or figures.skill(train) - figures.skill(result) > 0.02):
        return "data", (
            f"It does better on the {about} it learned from ({words(train)}) than {figures.where} ({words(result)}): "
            f"{_or([*helps, 'a smaller model'])} should bring the two together."
        )

    # Capacity: on its own training rows not far from guessing, or behind a baseline on rows that one never saw; or,
    # where simpler models are clearly worse, far from perfect on training and exam alike. In between, data once more:
    # a model that was stopped before it learned its rows by heart has capacity to spare.
    if train is not None and not figures.helpful and figures.skill(train) < 0.5 and not fits:
        return "capacity", (
            f"Even on the {about} it learned from ({words(train)}) it has not come far from {unseeing(figures.trivial)} "
            f"({words(figures.trivially)} {figures.where}): try another learning rate and a larger "
            "model, and see whether the inputs say anything about the target."
        )
    if train is not None and beaten and figures.ahead(train, figures.shallow[best][exam]) <= 0:
        return "capacity", (
            f"Even on the {about} it learned from it reaches only {words(train)}, behind {the(best)} {figures.where} "
            f"({words(figures.shallow[best][exam])}): try more steps, another learning rate or a larger model."
        )
    if course.overfits:
        return "data", (
            f"After step {course.best_step} it learned its training {about} and nothing more ({words(result)} "
            f"{figures.where}): {_or(helps)} would let it use its capacity."
        )
    if train is not None and figures.skill(train) < 0.5 and not fits:
        alike = (
            f"It does no better on the {about} it learned from ({words(train)}) than {figures.where} ({words(result)})"
        )
        if linear or best is None or figures.clearly(result, figures.shallow[best][exam]):
            return "capacity", f"{alike}, and both are far from perfect: try a larger model, or inputs that say more."
        return "none", (
            f"{alike}, both are far from perfect, and a simpler model gets as far: inputs that say more about the "
            "target are likelier to help than a larger model."
        )
    if not figures.helpful:
        return "none", (
            f"It is not clearly better {figures.where} ({words(result)}) than {unseeing(figures.trivial)} "
            f"({words(figures.trivially)}): do not rely on it before more {drawn} have judged it."
        )
    return "none", _use(figures, "no single limit stands out")


def _helps(problem: Problem, text: bool) -> list[str]:
    """What is there to be done for want of data, by what examples are made of."""
    if problem in ("language-model", "fill-in"):
        return [OF_TEXT, OF_WORDS]
    if problem in ("tagging", "translation"):
        return [EXAMPLES, OF_WORDS]
    return [EXAMPLES, HAS_READ, OF_WORDS] if text else [EXAMPLES, REGULARISATION]


def _or(several: list[str]) -> str:
    return f"{', '.join(several[:-1])} or {several[-1]}"


def _use(figures: Figures, why: str) -> str:
    over = f", where {unseeing(figures.trivial)} has {words(figures.trivially)}" if figures.trivial else ""
    if figures.looks:
        return (
            f"Look at what it draws before using it: {figures.measure} is {words(figures.result)} {figures.where}{over}, which "
            "compares runs on the same data and does not say how pictures look. "
            + (_of_the_judge(figures.judged) or "A judge does: mapsto evaluate RUN --judge RUN")
        )
    return f"Use it and expect {figures.measure} {words(figures.result)} {figures.where}{over}: {why}."


def _of_the_judge(said: Scores) -> str:
    """What a judge says of what is drawn, in a sentence; "" where there is none."""
    found = []
    if "classes-covered" in said:
        found.append(f"classes within half and twice their share: {said['classes-covered'].value:.0f}")
    if "as-asked" in said:
        found.append(f"of what was asked for: {said['as-asked'].value:.1%}")
    return f"The judge: {', '.join(found)}." if found else ""


def _or_worst(value: float) -> float:
    return -math.inf if math.isnan(value) else value
