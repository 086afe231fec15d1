"""What the figures of a run say, line by line: the small print under a verdict."""

from __future__ import annotations

import math

from mapsto.core.nouns import Estimate, Scores
from mapsto.core.text import clean
from mapsto.insight.evidence import SPLITS, Course, Figures
from mapsto.insight.labels import Label
from mapsto.insight.mismatch import Mismatch
from mapsto.insight.noise import Noise
from mapsto.insight.words import number, unseeing, words

ONE_SIDED = 0.95  # a label that so large a share of the training rows has, or has not, is easily right without looking
SHOWN = 5  # labels named in one line


def remarks(
    figures: Figures,
    best: str | None,
    course: Course,
    noise: Noise | None,
    mismatch: Mismatch | None,
    counts: dict[str, int],
    labels: dict[str, Label],
    exam: Scores,
    separate: bool,
) -> list[str]:
    """Everything worth knowing, in the order a reader asks. The arguments are those of `judge`, read."""
    return [
        *_score(figures),
        *_baseline(figures, best),
        *_curve(course, figures),
        *_imbalance(counts, exam),
        *_one_sided(labels),
        *_untold(labels, figures),
        *_noise(noise),
        *_mismatch(figures, mismatch, separate),
        *_size(figures),
    ]


def given_away(mismatch: Mismatch) -> str:
    """The columns by which test rows are told from training rows, as the end of a sentence."""
    telling = [name for name, auc in mismatch.columns[:3] if auc > 0.6]
    return f", mostly by {', '.join(f'“{name}”' for name in telling)}" if telling else ""


def _score(figures: Figures) -> list[str]:
    told = ", ".join(f"{SPLITS[split]} {words(e)}" for split, e in figures.deep.items())
    lines = [f"{figures.measure}: {told}."]
    if figures.exam != "test":
        lines.append(f"There is no test set: {figures.chosen_by}, which chose the best step, flatter a little.")
    between = figures.gap
    if not math.isnan(between.value):
        beyond = "beyond" if between.low > 0 or between.high < 0 else "within"
        way = "worse" if between.value >= 0 else "better"
        ends = sorted([between.low, between.high] if between.value >= 0 else [-between.low, -between.high])
        size = Estimate(abs(between.value), *ends, between.n)
        told = (
            f"{number(size.value)} ({number(size.low)} to {number(size.high)})" if beyond == "beyond" else words(size)
        )
        lines.append(f"It does {told} {way} {figures.where} than on those it learned from: {beyond} chance.")
    return lines


def _baseline(figures: Figures, best: str | None) -> list[str]:
    lines = []
    if figures.trivial:
        won = "clearly better" if figures.helpful else "not clearly better"
        said = unseeing(figures.trivial)
        lines.append(f"{said[0].upper()}{said[1:]} has {words(figures.trivially)}; the deep model is {won}.")
    if best:
        simple = figures.shallow[best][figures.exam]
        lead = figures.ahead(figures.result, simple)
        how = "the better" if lead > 0 else "the worse" if lead < 0 else "the same"
        sure = "beyond chance" if abs(lead) > figures.chance(figures.result, simple) else "within chance"
        lines.append(
            f"The best of {len(figures.shallow)} simpler model{'s' * (len(figures.shallow) > 1)} by {figures.chosen_by} "
            f"is “{best}”, with {words(simple)} {figures.where}; the deep model ({words(figures.result)}) is {how}, {sure}."
        )
        ahead = [
            f"“{name}” ({words(scores[figures.exam])})"
            for name, scores in figures.shallow.items()
            if name != best
            and figures.ahead(scores[figures.exam], simple) > 0 < figures.ahead(scores[figures.exam], figures.result)
        ]
        if ahead:
            lines.append(f"Better still {figures.where}, though not chosen by {figures.chosen_by}: {', '.join(ahead)}.")
    return lines


def _curve(course: Course, figures: Figures) -> list[str]:
    if course.best_step is None:
        return []
    after = ""
    if course.overfits:
        after = "; after it the training loss went on falling while validation got worse"
    elif course.lost and figures.looks:
        after = "; after it what is drawn got worse again, so longer training alone will not help"
    elif course.unfinished:
        after = "; training and validation were both still getting better"
    return [f"Best on {figures.chosen_by} at step {course.best_step} of {course.last_step}{after}."]


def _imbalance(counts: dict[str, int], exam: Scores) -> list[str]:
    total = sum(counts.values())
    if len(counts) < 2 or not total:
        return []
    most, least = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    share, smallest = counts[most] / total, counts[least] / total
    if share < 0.7 and counts[most] < 10 * counts[least]:
        return []
    fairer = {name: e for name, e in exam.items() if any(word in name.lower() for word in ("f1", "auroc"))}
    shown = ", ".join(f"{name} {words(e)}" for name, e in fairer.items())
    most, least = clean(most, 30), clean(least, 30)
    line = f"Classes are unequal: {share:.0%} of the training rows are “{most}”, {smallest:.1%} “{least}”"
    if share >= 0.7:
        line += f", so accuracy alone misleads: answering “{most}” always would have about {share:.2f}"
    return [f"{line}. Fairer to rare classes: {shown}." if shown else f"{line}."]


def _one_sided(labels: dict[str, Label]) -> list[str]:
    """Labels that hold nearly always or hardly ever: what a plain score of them is worth."""
    odd = {name: label for name, label in labels.items() if not 1 - ONE_SIDED < label.share < ONE_SIDED}
    if not odd:
        return []
    order = sorted(odd, key=lambda name: -abs(odd[name].share - 0.5))
    told = "; ".join(
        f"“{name}”: {odd[name].share:.1%}, F1 {words(odd[name].f1)}, AUROC {words(odd[name].auroc)}"
        for name in order[:SHOWN]
    )
    more = f"; and {len(odd) - SHOWN} more" if len(odd) > SHOWN else ""
    line = f"Labels are unequal. Of the training rows, nearly all or hardly any have {told}{more}."
    if max(label.share for label in odd.values()) >= ONE_SIDED:
        line += " F1 of a label that is nearly always there is high without looking at the input; AUROC is not."
    return [line]


def _untold(labels: dict[str, Label], figures: Figures) -> list[str]:
    """Labels about which the exam shows no knowledge."""
    untold = [name for name, label in labels.items() if not label.auroc.low > 0.5]
    if not untold:
        return []
    told = ", ".join(f"“{name}” ({_rows_with(labels[name])})" for name in untold[:SHOWN])
    more = f" and {len(untold) - SHOWN} more" if len(untold) > SHOWN else ""
    return [f"Not shown {figures.where} to be better than guessing: {told}{more}."]


def _rows_with(label: Label) -> str:
    n = label.auroc.n
    if label.present in (0, n):
        return f"{'no' if not label.present else 'every'} row of {n} has it"
    return f"AUROC {words(label.auroc)}; {label.present} of {n} rows have it"


def _noise(noise: Noise | None) -> list[str]:
    if noise is None or math.isnan(noise.share.value):
        return []
    return [
        f"{noise.contradicted:.0%} of the labels are not the model's guess. About {noise.share.value:.0%} "
        f"({noise.share.low:.0%} to {noise.share.high:.0%}) stay so where it is surest: these are wrong, or their "
        "reason is not among the inputs."
    ]


def _mismatch(figures: Figures, mismatch: Mismatch | None, separate: bool) -> list[str]:
    if mismatch is None or math.isnan(mismatch.auc.value):
        return []
    drawn = figures.counted.drawn
    came = "which came as a set of their own" if separate else f"drawn from the same {drawn}"
    auc = words(mismatch.auc)
    if mismatch.auc.low <= 0.55:
        return [f"Test {drawn}, {came}, can hardly be told from training {drawn} (AUC {auc}, where 0.5 is not at all)."]
    line = f"Test {drawn}, {came}, can be told from training {drawn} (AUC {auc}{given_away(mismatch)})"
    valid = figures.deep.get("valid")
    if figures.exam != "test" or valid is None:
        return [f"{line}; without validation {drawn} beside them nobody can see what harm that does."]
    if figures.clearly(valid, figures.result):
        return [f"{line}."]
    return [f"{line}, but no harm is seen: on them it does as well as on the validation {drawn}, within chance."]


def _size(figures: Figures) -> list[str]:
    n = figures.result.n
    if not 0 < n < 100:
        return []
    drawn, judge = (figures.counted.drawn, "judge") if n > 1 else (figures.counted.drawn.removesuffix("s"), "judges")
    return [f"Only {n} {drawn} {judge} it, so the interval is wide: another {n} could have given another verdict."]
