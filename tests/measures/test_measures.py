"""Every measure gives scikit-learn's number, or sacreBLEU's, however the examples were cut into batches."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import sacrebleu
import torch
from sklearn import metrics

from mapsto.core.errors import ShapeError
from mapsto.core.names import build, listed, spec
from mapsto.measures import (
    AUROC,
    BLEU,
    MAE,
    R2,
    RMSE,
    Accuracy,
    Average,
    AveragePrecision,
    BitsPerByte,
    CalibrationError,
    ExactMatch,
    FrechetDistance,
    LabelF1,
    LogLoss,
    MacroF1,
    MaskedAccuracy,
    MaskedPerplexity,
    MicroF1,
    NatsPerToken,
    SacreBLEU,
    SpanF1,
    TagAccuracy,
    WordPerplexity,
)
from mapsto.measures.frechet_distance import features
from mapsto.measures.word_perplexity import marks_of

N, CLASSES, LABELS = 503, 7, 5


def classes(count: int = CLASSES) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(count)
    target = torch.randint(count, (N,), generator=draw)
    logits = torch.randn(N, count, generator=draw) + 1.5 * torch.nn.functional.one_hot(target, count)
    return (logits * 4).round().div(4).softmax(1), target  # rounded, so that scores tie


def labels() -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(1)
    target = (torch.rand(N, LABELS, generator=draw) < torch.tensor([0.5, 0.3, 0.1, 0.6, 0.02])).float()
    score = torch.randn(N, LABELS, generator=draw) + 1.5 * target - 0.5
    return (score * 3).round().div(3).sigmoid(), target


def numbers() -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(2)
    target = 2e5 + 1e4 * torch.randn(N, generator=draw)
    return target + 5e3 * torch.randn(N, generator=draw), target


def texts() -> tuple[torch.Tensor, torch.Tensor]:
    """Numbers that stand for words, some of them said otherwise, some not at all."""
    draw = torch.Generator().manual_seed(6)
    target = torch.randint(9, (N, 12), generator=draw)
    prediction = torch.where(torch.rand(N, 12, generator=draw) < 0.2, torch.randint(9, (N, 12), generator=draw), target)
    for words in (prediction, target):
        length = torch.randint(3, 13, (N, 1), generator=draw)
        words.masked_fill_(torch.arange(12) >= length, -1)
    return prediction, target


def sacre_bleu(smooth: str) -> Callable[[np.ndarray, np.ndarray], float]:
    def score(p: np.ndarray, t: np.ndarray) -> float:
        said, true = ([" ".join(str(int(w)) for w in row if w >= 0) for row in rows] for rows in (p, t))
        return sacrebleu.corpus_bleu(said, [true], smooth_method=smooth, force=True).score

    return score


def next_tokens() -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities of six tokens at five places, and those that came; texts are of several lengths."""
    draw = torch.Generator().manual_seed(4)
    count = torch.randint(1, 6, (N, 1), generator=draw)
    target = torch.randint(6, (N, 5), generator=draw).masked_fill(torch.arange(5) >= count, -1)
    return torch.randn(N, 5, 6, generator=draw).log_softmax(2), target


def nats(p: np.ndarray, t: np.ndarray) -> float:
    return float(np.mean([-p[i, j, t[i, j]] for i, j in zip(*np.nonzero(t >= 0), strict=True)]))


def tags() -> tuple[torch.Tensor, torch.Tensor]:
    """Places among O, B and I; sentences of 1 to 12 words."""
    draw = torch.Generator().manual_seed(3)
    target, guess = torch.randint(3, (2, N, 12), generator=draw)
    prediction = torch.where(torch.rand(N, 12, generator=draw) < 0.7, target, guess)
    ended = torch.arange(12) >= torch.randint(1, 13, (N, 1), generator=draw)
    return prediction.masked_fill(ended, -1), target.masked_fill(ended, -1)


def span_f1(p: np.ndarray, t: np.ndarray) -> float:
    """seqeval's reading of O, B and I, word by word."""

    def spans(rows: np.ndarray) -> set[tuple[int, int, int]]:
        found = set()
        for number, row in enumerate(rows.astype(int).tolist()):
            begun = None
            for place, (before, now) in enumerate(pairwise([0, *row, 0])):
                if begun is not None and now != 2:
                    found.add((number, begun, place))
                    begun = None
                if now == 1 or (now == 2 and before in (0, -1)):
                    begun = place
        return found

    true, said = spans(t), spans(p)
    return 2 * len(true & said) / (len(true) + len(said))


def macro_auroc(p: np.ndarray, t: np.ndarray) -> float:
    return metrics.roc_auc_score(t, p, multi_class="ovr") if t.ndim == 1 else metrics.roc_auc_score(t, p)


def masked() -> tuple[torch.Tensor, torch.Tensor]:
    """Texts of 7 tokens, of which about a third are hidden: what is said of each, and its surprise; NaN elsewhere."""
    g = torch.Generator().manual_seed(4)
    target = torch.randint(6, 12, (N, 7), generator=g)
    guess, surprise = torch.randint(6, 12, (N, 7), generator=g).float(), torch.rand(N, 7, generator=g) * 4
    hidden = torch.rand(N, 7, generator=g) < 0.3
    told = [value.masked_fill(~hidden, float("nan")) for value in (guess, surprise)]
    return torch.stack([target.float(), *told], dim=2), target


def pictures() -> tuple[torch.Tensor, torch.Tensor]:
    """Dark pictures for bright ones."""
    draw = torch.Generator().manual_seed(7)
    return 90 * torch.rand(N, 1, 8, 8, generator=draw), torch.randint(100, 256, (N, 1, 8, 8), generator=draw).byte()


def frechet(p: np.ndarray, t: np.ndarray) -> float:
    """Heusel et al.'s equation 6, with the eigenvalues of Σ S as they are."""
    drawn, real = (features(torch.from_numpy(x)).double().numpy() for x in (p, t))
    first, second = (np.cov(x, rowvar=False, bias=True) for x in (drawn, real))
    shared = np.sqrt(np.linalg.eigvals(first @ second).real.clip(0)).sum()
    return ((drawn.mean(0) - real.mean(0)) ** 2).sum() + np.trace(first) + np.trace(second) - 2 * shared


def one_hot(t: np.ndarray) -> np.ndarray:
    return np.eye(t.max() + 1)[t]


def calibration(p: np.ndarray, t: np.ndarray, bins: int = 15) -> float:
    """Guo et al.'s equation 3, as it stands in the paper: a loop over bins (a, b]."""
    stated, came = (p.max(1), p.argmax(1) == t) if t.ndim == 1 else (p.ravel(), t.ravel())
    edges, error = np.linspace(0, 1, bins + 1), 0.0
    for a, b in pairwise(edges):
        inside = (stated > a) & (stated <= b)
        if inside.any():
            error += inside.mean() * abs(came[inside].mean() - stated[inside].mean())
    return error


def label_log_loss(p: np.ndarray, t: np.ndarray) -> float:
    return float(np.mean([metrics.log_loss(t[:, k], p[:, k]) for k in range(t.shape[1])]))


CASES = {
    "accuracy": (Accuracy, classes, lambda p, t: metrics.accuracy_score(t, p.argmax(1))),
    "macro F1": (MacroF1, classes, lambda p, t: metrics.f1_score(t, p.argmax(1), average="macro")),
    "macro F1 of labels": (LabelF1, labels, lambda p, t: metrics.f1_score(t, p >= 0.5, average="macro")),
    "micro F1 of labels": (MicroF1, labels, lambda p, t: metrics.f1_score(t, p >= 0.5, average="micro")),
    "exact match": (ExactMatch, labels, lambda p, t: metrics.accuracy_score(t, p >= 0.5)),
    "AUROC of two classes": (AUROC, lambda: classes(2), lambda p, t: metrics.roc_auc_score(t, p[:, 1])),
    "AUROC of classes": (AUROC, classes, macro_auroc),
    "AUROC of labels": (AUROC, labels, macro_auroc),
    "average precision of two classes": (
        AveragePrecision, lambda: classes(2), lambda p, t: metrics.average_precision_score(t, p[:, 1])),
    "average precision of classes": (
        AveragePrecision, classes, lambda p, t: metrics.average_precision_score(one_hot(t), p)),
    "average precision of labels": (AveragePrecision, labels, lambda p, t: metrics.average_precision_score(t, p)),
    "log loss of classes": (LogLoss, classes, lambda p, t: metrics.log_loss(t, p.astype(float) / p.sum(1, keepdims=1))),
    "log loss of labels": (LogLoss, labels, label_log_loss),
    "calibration of classes": (CalibrationError, classes, calibration),
    "calibration of labels": (CalibrationError, labels, calibration),
    "nats per token": (NatsPerToken, next_tokens, nats),
    "bits per byte": (BitsPerByte, next_tokens, lambda p, t: nats(p, t) / np.log(2)),
    "word perplexity": (WordPerplexity, next_tokens, lambda p, t: np.exp(nats(p, t))),
    "R2": (R2, numbers, lambda p, t: metrics.r2_score(t, p)),
    "RMSE": (RMSE, numbers, lambda p, t: metrics.root_mean_squared_error(t, p)),
    "MAE": (MAE, numbers, lambda p, t: metrics.mean_absolute_error(t, p)),
    "BLEU": (BLEU, texts, sacre_bleu("none")),
    "sacreBLEU": (SacreBLEU, texts, sacre_bleu("exp")),
    "tag accuracy": (TagAccuracy, tags, lambda p, t: metrics.accuracy_score(t[t >= 0], p[t >= 0])),
    "perplexity of masked words": (
        MaskedPerplexity, masked, lambda p, t: np.exp(p[..., 2][~np.isnan(p[..., 2])].mean())),
    "accuracy of masked words": (
        MaskedAccuracy, masked, lambda p, t: (p[..., 1] == t)[~np.isnan(p[..., 1])].mean()),
    "span F1": (SpanF1, tags, span_f1),
    "average": (Average, numbers, lambda p, t: p.mean()),
    "Frechet distance": (FrechetDistance, pictures, frechet),
}  # fmt: skip
LOOSE = {FrechetDistance: 1e-5}  # what a network sees, in float32, hangs a little on what it sees beside it
every = pytest.mark.parametrize(("measure", "examples", "reference"), CASES.values(), ids=CASES.keys())


@every
def test_the_number_is_the_reference_implementation_s(measure, examples, reference):
    prediction, target = examples()
    told = measure()
    told.update(prediction, target)
    expected = reference(prediction.double().numpy(), target.numpy())
    assert told.total() == pytest.approx(expected, rel=1e-6, abs=1e-6)


@every
def test_batches_of_unequal_size_and_merged_halves_give_the_number_of_the_whole(measure, examples, reference):
    prediction, target = examples()
    whole, batches, first, second = measure(), measure(), measure(), measure()
    whole.update(prediction, target)
    for a, b in [(0, 1), (1, 200), (200, 203), (203, N)]:
        batches.update(prediction[a:b], target[a:b])
        (first if b < 203 else second).update(prediction[a:b], target[a:b])
    first.merge(second)
    assert batches.total() == pytest.approx(whole.total(), rel=LOOSE.get(measure, 1e-12))
    assert first.total() == pytest.approx(whole.total(), rel=LOOSE.get(measure, 1e-12))


@every
def test_a_whole_weight_is_a_row_repeated(measure, examples, reference):
    prediction, target = examples()
    weight = torch.randint(0, 4, (N,), generator=torch.Generator().manual_seed(5))
    repeated = torch.arange(N).repeat_interleave(weight)
    weighed, copied = measure(), measure()
    weighed.update(prediction, target)
    copied.update(prediction[repeated], target[repeated])
    assert float(weighed.formula(weighed.rows(), weight.float())) == pytest.approx(copied.total(), rel=1e-9)


@every
def test_order_of_rows_does_not_matter(measure, examples, reference):
    prediction, target = examples()
    turned = torch.randperm(N, generator=torch.Generator().manual_seed(3))
    told, shuffled = measure(), measure()
    told.update(prediction, target)
    shuffled.update(prediction[turned], target[turned])
    assert shuffled.total() == pytest.approx(told.total(), rel=1e-9)


def test_every_measure_on_the_shelf_is_compared_here_and_can_be_written_down():
    compared = {case[0].__name__ for case in CASES.values()}
    assert compared == {place.split(":")[1] for place in listed("measure").values()}
    assert spec(LabelF1([0.2, 0.4])) == {"name": "label-f1", "thresholds": [0.2, 0.4]}
    for name in listed("measure"):
        assert spec(build("measure", {"name": name}))["name"] == name


def test_less_is_better_exactly_where_it_is_an_error():
    assert {case[0] for case in CASES.values() if case[0].better == -1} == {
        LogLoss,
        CalibrationError,
        RMSE,
        MAE,
        MaskedPerplexity,
        NatsPerToken,
        BitsPerByte,
        WordPerplexity,
        Average,
        FrechetDistance,
    }


def test_thresholds_may_differ_by_label():
    prediction, target = labels()
    thresholds = [0.2, 0.5, 0.3, 0.6, 0.1]
    told = LabelF1(thresholds)
    told.update(prediction, target)
    predicted = prediction.numpy() >= np.array(thresholds, dtype=np.float32)
    assert told.total() == pytest.approx(metrics.f1_score(target.numpy(), predicted, average="macro"))


def test_a_class_or_label_that_does_not_occur_is_left_out():
    probabilities = torch.tensor([[0.8, 0.1, 0.1], [0.2, 0.1, 0.7], [0.6, 0.1, 0.3], [0.3, 0.1, 0.6]])
    for measure in [MacroF1(), AUROC(), AveragePrecision()]:
        measure.update(probabilities, torch.tensor([0, 2, 0, 2]))
        assert measure.total() == 1.0
    told = LabelF1()
    told.update(torch.tensor([[0.9, 0.1], [0.1, 0.1]]), torch.tensor([[1, 0], [0, 0]]))
    assert told.total() == 1.0


def test_what_is_not_defined_is_nan():
    alone = AUROC()
    alone.update(torch.tensor([[0.2, 0.8], [0.6, 0.4]]), torch.tensor([1, 1]))
    flat = R2()
    flat.update(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 3.0]))
    assert np.isnan(alone.total()) and np.isnan(flat.total())


def test_every_bin_of_confidence_is_judged_apart_and_owns_its_upper_edge():
    prediction = torch.tensor([[0.25], [0.5], [0.5], [0.75], [0.0]])  # with two bins: 0, 0.25, 0.5, 0.5 and 0.75
    told = CalibrationError(bins=2)
    told.update(prediction, torch.tensor([[1], [1], [1], [0], [0]]))
    assert told.total() == pytest.approx((abs(0.25 + 0.5 + 0.5 - 3) + 0.75) / 5)


def test_a_certain_and_wrong_prediction_has_a_finite_log_loss():
    told = LogLoss()
    told.update(torch.tensor([[1.0, 0.0]]), torch.tensor([1]))
    assert 15 < told.total() < 17  # −log of float32's eps


def test_small_errors_of_large_numbers_are_not_lost():
    target = torch.tensor([1e7, 1e7 + 1, 1e7 + 2, 1e7 + 3])
    told = R2()
    told.update(target + torch.tensor([1.0, -1.0, 1.0, -1.0]), target)
    assert told.total() == pytest.approx(1 - 4 / 5)


@pytest.mark.parametrize("measure", [R2(), RMSE(), MAE()])
def test_a_column_against_a_row_is_refused_and_not_broadcast(measure):
    with pytest.raises(ShapeError, match=r"\[8, 1\] and \[8\]"):
        measure.update(torch.zeros(8, 1), torch.zeros(8))


@pytest.mark.parametrize("measure", [Accuracy(), MacroF1(), AUROC(), LogLoss(), CalibrationError()])
def test_class_indices_must_be_whole_numbers(measure):
    with pytest.raises(ShapeError, match="int64"):
        measure.update(torch.full((8, 3), 1 / 3), torch.zeros(8))


@pytest.mark.parametrize("measure", [LabelF1(), MicroF1(), ExactMatch()])
def test_labels_must_stand_beside_their_probabilities(measure):
    with pytest.raises(ShapeError, match="zeros and ones"):
        measure.update(torch.zeros(8, 3), torch.zeros(8, dtype=torch.int64))


def test_bytes_are_those_of_the_tokens():
    told = BitsPerByte([0, 1, 3])
    target = torch.tensor([[1, 2, -1], [2, 2, 0]])
    told.update(torch.full((2, 3, 3), 1 / 3).log(), target)
    assert told.total() == pytest.approx(5 * np.log2(3) / 10)


@pytest.mark.parametrize("window", [1, 2, 3, 5, 50])
def test_words_are_counted_across_tokens_and_windows(window):
    spelled = [b"", b"the", b" ", b" end", b"s\n", b"an", b"d a b ", b"\xeb\x81", b"\x9d"]
    tokens = torch.tensor([1, 3, 4, 5, 6, 2, 7, 8, 2, 1, 1, 4, 2, 3])
    text = b"".join(spelled[t] for t in tokens.tolist()).decode()
    told = WordPerplexity(marks_of(spelled))
    for part in tokens.split(window):
        told.update(torch.full((1, len(part), 9), 1 / 9).log(), part[None])
    assert told.total() == pytest.approx(9 ** (len(tokens) / len(text.split())), rel=1e-6)


@pytest.mark.parametrize("measure", [NatsPerToken(), BitsPerByte(), WordPerplexity()])
def test_tokens_must_stand_beside_their_log_probabilities(measure):
    with pytest.raises(ShapeError, match=r"log-probabilities \[B, T, V\]"):
        measure.update(torch.zeros(8, 3), torch.zeros(8, dtype=torch.int64))
