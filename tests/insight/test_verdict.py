"""The verdict follows from the figures, quotes them, and never says what they contradict."""

from __future__ import annotations

import json
import math
import random

import pytest

from mapsto.core.errors import FrameError
from mapsto.core.nouns import Estimate
from mapsto.insight.evidence import course_of
from mapsto.insight.mismatch import Mismatch
from mapsto.insight.noise import Noise
from mapsto.insight.verdict import Verdict, judge
from mapsto.insight.words import number, words
from mapsto.measures.interval import wilson

SIZES = {"train": 6000, "valid": 1000, "test": 1000}


def share(value: float, n: int) -> Estimate:
    return Estimate(value, *wilson(value, n), n)


def accuracy(sizes: dict[str, int] = SIZES, **splits: float) -> dict[str, dict[str, Estimate]]:
    return {split: {"accuracy": share(value, sizes[split])} for split, value in splits.items()}


def error(**splits: tuple[float, float]) -> dict[str, dict[str, Estimate]]:
    return {s: {"RMSE": Estimate(value, value - half, value + half, SIZES[s])} for s, (value, half) in splits.items()}


def curve(train: list[float], valid: list[float]) -> list[dict[str, float]]:
    return [{"step": 100 * k, "train_loss": t, "valid_score": v}
            for k, (t, v) in enumerate(zip(train, valid, strict=True), 1)]  # fmt: skip


MAJORITY = {"majority": accuracy(train=0.5, test=0.5)}
FINISHED = curve([0.9, 0.6, 0.5, 0.45, 0.44, 0.44, 0.44, 0.44], [0.6, 0.7, 0.75, 0.78, 0.79, 0.79, 0.79, 0.79])


def verdict(scores, baselines=None, **more) -> Verdict:
    return judge("classification", "accuracy", +1, scores, MAJORITY | (baselines or {}), **more)


def noisy(share_: float, contradicted: float, n: int = 400) -> Noise:
    return Noise(Estimate(share_, *wilson(share_, n // 4), n), contradicted, list(range(round(contradicted * n))))


# ---- the limits


def test_a_large_gap_beyond_chance_is_for_want_of_data():
    told = verdict(accuracy(train=0.99, valid=0.81, test=0.80), curve=FINISHED)
    assert told.limit == "data" and told.take == "deep"
    assert told.advice == (
        "It does better on the rows it learned from (0.990 ± 0.003) than on the test rows (0.80 ± 0.03): more "
        "examples, stronger regularisation (weight decay, dropout, augmentation) or a smaller model should bring the "
        "two together."
    )
    assert told.gap.value == pytest.approx(0.19) and told.gap.low > 0.15


def test_for_want_of_text_there_is_a_body_that_has_read_more_and_no_augmentation():
    gap = accuracy(train=0.99, valid=0.81, test=0.80)
    told = verdict(gap, curve=FINISHED, text=True).advice
    assert told.endswith(
        "more examples, a body that has read more such text (--objective masked-words on text without labels, then --from "
        "that run), stronger regularisation (weight decay, dropout) or a smaller model should bring the two together."
    )
    for problem, more in (("tagging", "more examples"), ("translation", "more examples"), ("fill-in", "more text")):
        told = judge(problem, "accuracy", +1, gap, MAJORITY, FINISHED).advice
        assert f": {more}, stronger regularisation (weight decay, dropout) or a smaller model" in told


def test_the_same_gap_among_thirty_rows_is_within_chance():
    few = {"train": 6000, "valid": 30, "test": 30}
    told = verdict(accuracy(few, train=0.9, valid=0.8, test=0.8))
    assert told.limit == "none" and told.gap.low < 0
    assert any("Only 30 rows judge it, so the interval is wide" in line for line in told.lines)


def test_stopped_before_it_overfitted_is_still_for_want_of_data():
    course = curve([0.9, 0.6, 0.4, 0.3, 0.2, 0.1, 0.05, 0.02], [0.6, 0.7, 0.78, 0.8, 0.79, 0.78, 0.77, 0.76])
    told = verdict(accuracy(train=0.82, valid=0.80, test=0.80), curve=course)
    assert told.limit == "data"
    assert told.advice.startswith("After step 400 it learned its training rows and nothing more (0.80 ± 0.03")


def test_a_model_poor_on_its_own_rows_is_for_want_of_capacity():
    told = verdict(accuracy(train=0.62, valid=0.62, test=0.61), {"decision-tree": accuracy(train=0.95, test=0.9)})
    assert told.limit == "capacity" and told.take == "decision-tree"
    assert told.advice == (
        "The decision tree (0.90 ± 0.02) beats the deep model (0.61 ± 0.03) on the test rows: take the decision tree."
    )
    assert told.lines[0].startswith("Even on the rows it learned from it reaches only 0.620 ± 0.012")


def test_still_getting_better_at_the_last_step_means_train_longer():
    course = curve([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.25], [0.5, 0.55, 0.6, 0.65, 0.7, 0.74, 0.78, 0.8])
    told = verdict(accuracy(train=0.82, valid=0.80, test=0.80), curve=course)
    assert told.limit == "capacity" and told.advice.endswith("train longer.")


def test_far_from_perfect_on_both_wants_a_larger_model_only_where_simpler_ones_are_worse():
    scores = accuracy(train=0.70, valid=0.69, test=0.69)
    worse, alike = {"linear": accuracy(test=0.60)}, {"linear": accuracy(test=0.69)}
    assert verdict(scores, worse, curve=FINISHED).limit == "capacity"
    assert "larger model" in verdict(scores, worse, curve=FINISHED).advice
    assert verdict(scores, alike, curve=FINISHED).limit == "none"


def test_contradicted_where_it_is_surest_is_label_noise_even_if_it_learned_them_by_heart():
    for train in (0.81, 1.0):
        told = verdict(accuracy(train=train, valid=0.79, test=0.79), noise=noisy(0.19, 0.21))
        assert told.limit == "label-noise"
        assert told.advice.startswith("About 19% of the labels (") and "84 suspects" in told.advice


def test_hard_is_not_noisy():
    told = verdict(accuracy(train=0.82, valid=0.79, test=0.79), noise=noisy(0.09, 0.16))  # as on Titanic
    assert told.limit != "label-noise"


def test_a_model_that_learned_nothing_or_is_clearly_beaten_cannot_witness_against_labels():
    guessing = verdict(accuracy(train=0.51, valid=0.5, test=0.5), noise=noisy(0.45, 0.5))
    beaten = verdict(accuracy(train=0.8, test=0.8), {"tree": accuracy(test=0.95)}, noise=noisy(0.19, 0.2))
    assert guessing.limit == beaten.limit == "capacity"


SHIFTED = Mismatch(Estimate(0.85, 0.82, 0.88, 2000), [("fare", 0.81), ("age", 0.52)])


def test_an_exam_about_something_else_comes_before_all_else():
    told = verdict(accuracy(train=0.99, valid=0.9, test=0.7), mismatch=SHIFTED, noise=noisy(0.2, 0.3), separate=True)
    assert told.limit == "mismatch"
    assert "“fare”" in told.advice and "“age”" not in told.advice
    assert "accuracy is 0.70 ± 0.03 where the validation rows gave 0.90 ± 0.02" in told.advice


def test_rows_that_differ_without_harm_are_said_and_not_blamed():
    told = verdict(accuracy(train=0.91, valid=0.9, test=0.9), mismatch=SHIFTED)
    assert told.limit == "none"
    assert any("no harm is seen" in line for line in told.lines)


def test_a_gap_that_validation_rows_show_as_well_is_no_mismatch():
    assert verdict(accuracy(train=0.99, valid=0.71, test=0.7), mismatch=SHIFTED).limit == "data"


def test_next_to_nothing_left_to_win_is_no_limit():
    told = verdict(accuracy(train=1.0, valid=0.992, test=0.992), {"linear": accuracy(train=0.93, test=0.92)})
    assert (told.limit, told.take, told.best_baseline) == ("none", "deep", "linear")
    assert told.advice.startswith("Use it and expect accuracy 0.992 ± 0.0")
    assert told.advice.endswith("next to nothing left to win.")


# ---- which model to take


@pytest.mark.parametrize(("deep", "tree", "take", "said"), [
    (0.80, 0.90, "decision-tree", "beats the deep model"),
    (0.80, 0.81, "decision-tree", "does at least as well"),
    (0.80, 0.80, "decision-tree", "does at least as well"),
    (0.81, 0.80, "decision-tree", "is as good"),
    (0.90, 0.80, "deep", "Use it"),
])  # fmt: skip
def test_the_simpler_model_is_taken_when_it_is_better_or_as_good(deep, tree, take, said):
    told = verdict(accuracy(train=deep, test=deep), {"decision-tree": accuracy(test=tree)})
    assert told.take == take and said in told.advice
    if take != "deep":
        assert words(share(tree, 1000)) in told.advice and words(share(deep, 1000)) in told.advice


def test_the_best_baseline_is_chosen_on_validation_rows_where_it_has_been_there():
    baselines = {"tree": accuracy(valid=0.70, test=0.85), "linear": accuracy(valid=0.75, test=0.72)}
    assert verdict(accuracy(train=0.8, test=0.8), baselines).best_baseline == "linear"


def test_no_better_than_the_majority_is_not_to_be_used():
    told = verdict(accuracy(train=0.52, valid=0.5, test=0.49))
    assert told.take == "majority" and told.limit == "capacity"
    assert told.advice.startswith("Nothing has been learned that helps")
    assert not any("Use it" in line for line in told.lines)


def test_errors_are_better_when_smaller():
    told = judge("regression", "RMSE", -1, error(train=(10_000, 200), test=(48_213, 431)),
                 {"mean": error(test=(115_000, 900)), "k-nearest-neighbours": error(test=(61_000, 600))})  # fmt: skip
    assert (told.limit, told.take) == ("data", "deep")
    assert told.gap.value == 38_213 and told.gap.low == pytest.approx(38_213 - math.hypot(200, 431))
    assert "(48,200 ± 400)" in told.advice
    beaten = judge("regression", "RMSE", -1, error(train=(70_000, 500), test=(71_000, 600)),
                   {"mean": error(test=(115_000, 900)), "k-nearest-neighbours": error(test=(61_000, 600))})  # fmt: skip
    assert (beaten.limit, beaten.take) == ("capacity", "k-nearest-neighbours")
    assert beaten.advice.startswith("The k nearest neighbours (61,000 ± 600) beat the deep model (71,000 ± 600)")


# ---- what is said besides


def test_an_unequal_share_of_classes_is_said_with_fairer_measures():
    scores = accuracy(train=0.95, test=0.94)
    scores["test"]["macro F1"] = Estimate(0.61, 0.55, 0.66, 1000)
    told = verdict(scores, counts={"fine": 5400, "fraud": 600})
    (line,) = [line for line in told.lines if "unequal" in line]
    assert "90% of the training rows are “fine”" in line and "accuracy alone misleads" in line
    assert "macro F1 0.61 ± 0.06" in line
    assert not any("unequal" in line for line in verdict(scores, counts={"a": 3500, "b": 2500}).lines)


def test_without_a_test_set_the_validation_rows_judge_and_that_is_said():
    told = verdict(accuracy(train=0.99, valid=0.8), {"linear": accuracy(valid=0.6)})
    assert told.limit == "data" and "on the validation rows" in told.advice
    assert any("There is no test set" in line for line in told.lines)
    with pytest.raises(FrameError, match="needs 'accuracy' on the test or the validation rows"):
        verdict(accuracy(train=0.9))


def test_undefined_figures_give_a_verdict_that_claims_nothing():
    none = Estimate(math.nan, math.nan, math.nan, 3)
    told = judge("classification", "AUROC", +1, {"train": {"AUROC": none}, "test": {"AUROC": none}})
    assert (told.limit, told.take) == ("none", "deep") and "not defined" in told.advice
    assert json.loads(json.dumps(told.to_json(), allow_nan=False))["gap"]["value"] is None


def test_a_verdict_can_be_written_down():
    told = verdict(accuracy(train=0.99, valid=0.81, test=0.80))
    written = json.loads(json.dumps(told.to_json()))
    assert (written["limit"], written["take"], written["gap"]["n"]) == ("data", "deep", 1000)


def test_figures_are_written_with_the_digits_that_their_intervals_bear():
    assert words(Estimate(0.8312, 0.81, 0.85, 100)) == "0.83 ± 0.02"
    assert words(Estimate(0.8312, 0.8190, 0.8440, 100)) == "0.831 ± 0.013"
    assert words(Estimate(48_213.0, 47_782.0, 48_600.0, 100)) == "48,200 ± 400"
    assert words(Estimate(1.0, 1.0, 1.0, 100)) == "1.00"
    assert words(Estimate(math.nan, math.nan, math.nan, 0)) == "not defined"
    assert [number(v) for v in (0.0, 0.12345, 1234.5, 1e-9, math.inf)] == ["0", "0.123", "1,230", "1.00e-09", "inf"]


def test_whatever_the_figures_nothing_is_said_that_they_contradict():
    draw = random.Random(0)
    seen = set()
    for _ in range(2000):
        n = {split: draw.choice([25, 200, 3000]) for split in SIZES}
        scores = accuracy(n, **{split: draw.random() for split in SIZES})
        baselines = {"majority": accuracy(n, test=draw.random()), "tree": accuracy(n, test=draw.random())}
        course = curve([draw.random() for _ in range(8)], [draw.random() for _ in range(8)])
        auc = draw.uniform(0.4, 1)
        mismatch = Mismatch(Estimate(auc, auc - 0.1, auc + 0.1, 400), [("fare", auc)])
        noise = noisy(draw.random() / 2, draw.random())
        told = judge("classification", "accuracy", +1, scores, baselines, course, noise, mismatch)
        seen.add((told.limit, told.take))
        train, valid, test = (scores[s]["accuracy"] for s in ("train", "valid", "test"))
        tree, majority = baselines["tree"]["test"]["accuracy"], baselines["majority"]["test"]["accuracy"]
        if " beats " in told.advice:
            assert tree.value > test.value
        if told.take == "tree":
            chance = math.hypot(test.value - test.low, tree.high - tree.value)
            assert test.value - tree.value < chance / 2 and tree.value > majority.value
        if told.take == "deep":
            assert test.value > max(tree.value, majority.value)
        if told.take == "majority":
            assert majority.value >= test.value and majority.value >= min(tree.value, test.value)
        if told.limit == "mismatch":
            assert auc > 0.6 and test.high < valid.value
        if told.limit == "label-noise":
            assert test.value > majority.value
        if "Use it" in told.advice:
            assert test.value > max(majority.value, tree.value)
        everything = " ".join([told.advice, *told.lines])
        if "larger model" in told.advice and told.limit == "capacity":
            assert train.value < 0.99
        if "does better on the rows it learned from" in everything:
            assert train.value > test.value
        assert "nan" not in everything and "inf" not in everything.replace("information", "")
    assert len(seen) >= 10


def test_a_weak_model_is_no_witness_against_the_labels():
    noise = Noise(share(0.35, 500), 0.44, [1, 2, 3])
    baselines = {"majority": accuracy(test=0.5), "decision-tree": accuracy(test=0.58)}
    told = verdict(accuracy(train=0.585, test=0.57), baselines, noise=noise, linear=True)
    assert told.limit == "capacity"


# ---- texts


MAJORITY_LOW = {"majority": accuracy(train=0.1, test=0.1)}


def bleu(sizes: dict[str, int] = SIZES, **splits: float) -> dict[str, dict[str, Estimate]]:
    return {s: {"bleu": Estimate(v, max(0.0, v - 1), v + 1, sizes[s])} for s, v in splits.items()}


def translated(scores, nearest: float = 5.0, **more) -> Verdict:
    beside = {"nearest-sentence": bleu(valid=nearest, test=nearest)}
    return judge("translation", "bleu", +1, scores, beside, perfect=100.0, **more)


@pytest.mark.parametrize(
    ("problem", "where", "learned", "few"),
    [
        ("classification", "on the test rows", "on the rows it learned from", "Only 40 rows judge it"),
        ("tagging", "on the test words", "on the words it learned from", "Only 40 sentences judge it"),
        ("translation", "on the test sentences", "on the sentences it learned from", "Only 40 sentences judge it"),
        ("language-model", "on the test tokens", "on the tokens it learned from", "Only 40 windows judge it"),
        ("fill-in", "on the test words", "on the words it learned from", "Only 40 texts judge it"),
    ],
)
def test_a_verdict_speaks_of_what_its_problem_counts(problem, where, learned, few):
    sizes = {"train": 6000, "valid": 40, "test": 40}
    told = judge(problem, "accuracy", +1, accuracy(sizes, train=0.99, valid=0.5, test=0.5), MAJORITY_LOW)
    everything = " ".join([told.advice, *told.lines])
    assert where in everything and learned in everything and few in everything
    assert problem == "classification" or " rows" not in everything


def test_a_translator_of_nothing_is_not_to_be_used():
    told = translated(bleu(train=0.0, valid=0.0, test=0.0), nearest=0.0)
    assert told.take == "nearest-sentence" and told.advice.startswith("Nothing has been learned that helps")
    assert not any("Use it" in line for line in [told.advice, *told.lines])
    alone = judge("translation", "bleu", +1, bleu(train=0.0, test=0.0), perfect=100.0)
    assert "Use it" not in alone.advice and alone.limit == "capacity"


def test_a_translator_has_to_beat_the_nearest_sentence():
    behind = translated(bleu(train=2.0, valid=2.0, test=2.0))
    assert behind.advice == (
        "The nearest sentence (5.0 ± 1.0) beats the deep model (2.0 ± 1.0) on the test sentences: take the nearest sentence."
    )
    assert behind.limit == "capacity" and "reaches only 2.0 ± 1.0, behind the nearest sentence" in behind.lines[0]
    ahead = translated(bleu(train=60.0, valid=58.0, test=59.5))
    assert ahead.take == "deep" and ahead.advice.startswith("Use it and expect bleu 59.5 ± 1.0 on the test sentences")


def test_a_gap_of_bleu_reads_as_too_little_data_and_low_bleu_everywhere_as_too_small_a_model():
    over = translated(bleu(train=80.0, valid=34.0, test=34.0))
    assert over.limit == "data" and "on the sentences it learned from (80.0 ± 1.0)" in over.advice
    assert over.gap.value == 46.0
    under = translated(bleu(train=12.0, valid=12.0, test=12.0))
    assert under.limit == "capacity" and "both are far from perfect" in under.advice


def test_perplexity_is_perfect_at_one_and_frequencies_are_no_answer():
    scores = {s: {"perplexity": Estimate(v, v - 0.5, v + 0.5, 500)} for s, v in (("train", 30), ("test", 31))}
    beside = {"frequencies": {"test": {"perplexity": Estimate(400, 390, 410, 500)}}}
    told = judge("fill-in", "perplexity", -1, scores, beside, perfect=1.0)
    assert "where going by the frequencies of tokens has 400 ± 10" in told.advice and "always" not in told.advice
    assert any(line.startswith("Going by the frequencies of tokens has 400") for line in told.lines)
    nothing = judge("fill-in", "perplexity", -1, {"test": {"perplexity": Estimate(410, 400, 420, 500)}}, beside)
    assert nothing.advice.startswith("Nothing has been learned that helps: going by the frequencies of tokens does")
    perfect = {s: {"perplexity": Estimate(v, v, v + 0.1, 500)} for s, v in (("train", 1.0), ("test", 1.01))}
    assert "next to nothing left to win" in judge("fill-in", "perplexity", -1, perfect, beside, perfect=1.0).advice


def test_where_all_episodes_return_the_same_more_of_them_are_not_advised():
    def returned(value: float, half: float) -> dict:
        return {split: {"return": Estimate(value, value - half, value + half, 100)} for split in ("valid", "test")}

    told = judge("acting", "return", +1, returned(-200, 0), {"random": returned(-200, 0)}).advice
    assert "every episode returned the same" in told and "--set data.limit" in told
    told = judge("acting", "return", +1, returned(-190, 0), {"random": returned(-180, 5)}).advice
    assert told.endswith("train longer, or with another rate or algorithm.")


def test_of_steps_that_are_as_good_the_later_is_best_where_there_are_no_losses():
    returns = [10.0, 500.0, 300.0, 500.0, 500.0, 500.0]
    curve = [{"step": 10 * k, "train_score": 9.0 + k, "valid_score": each} for k, each in enumerate(returns)]
    assert course_of(curve, 1).best_step == 50
    with_losses = [{**point, "valid_loss": 1.0 + k} for k, point in enumerate(curve)]
    assert course_of(with_losses, 1).best_step == 10


def test_what_is_drawn_is_to_be_looked_at_and_that_it_got_worse_is_said():
    scores = {s: {"frechet-distance": Estimate(13.0, 11.0, 15.0, 400)} for s in ("train", "valid", "test")}
    course = curve([3.4, 3.3, 3.6, 3.5, 3.7, 3.9, 4.4, 4.0], [18.0, 13.0, 15.0, 16.0, 17.0, 20.0, 24.0, 30.0])
    told = judge("generation", "frechet-distance", -1, scores, curve=course)
    assert told.advice == (
        "Look at what it draws before using it: frechet-distance is 13 ± 2 on the test pictures, which compares runs on the "
        "same data and does not say how pictures look. A judge does: mapsto evaluate RUN --judge RUN"
    )
    assert any("at step 200 of 800; after it what is drawn got worse again" in line for line in told.lines)
    scores["test"] |= {
        "classes-covered": Estimate(3, math.nan, math.nan, 100),
        "as-asked": Estimate(0.69, 0.6, 0.7, 100),
    }
    told = judge("generation", "frechet-distance", -1, scores, curve=course).advice
    assert told.endswith("The judge: classes within half and twice their share: 3, of what was asked for: 69.0%.")
    (alone,) = [
        line
        for line in judge("generation", "nats", -1, {"test": {"nats": Estimate(9.0, 8.0, 10.0, 1)}}).lines
        if "Only" in line
    ]
    assert alone.startswith("Only 1 picture judges it")
