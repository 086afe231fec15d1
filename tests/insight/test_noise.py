"""Wrong labels are found where they were planted, and not where a problem is merely hard."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from mapsto.core.errors import ShapeError
from mapsto.insight.noise import Noise, contradictions


def held_out(rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300))
    return cross_val_predict(model, rows, labels, cv=4, method="predict_proba")


def gaussians(apart: float, n: int = 1600) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 2, n)
    return draw.normal(size=(n, 3)) + apart * labels[:, None] * np.array([1, 0, 0]), labels


def mixed_up(labels: np.ndarray, share: float) -> np.ndarray:
    """So many labels replaced by another class."""
    draw = np.random.default_rng(1)
    hit, classes = draw.random(len(labels)) < share, labels.max() + 1
    return np.where(hit, (labels + draw.integers(1, classes, len(labels))) % classes, labels)


def judged(rows: np.ndarray, labels: np.ndarray) -> Noise:
    return contradictions(held_out(rows, labels), labels)


PROBLEMS = {
    "gaussians": gaussians(6),
    "breast cancer": load_breast_cancer(return_X_y=True),
    "digits": load_digits(return_X_y=True),
}


@pytest.mark.parametrize("rows_labels", PROBLEMS.values(), ids=PROBLEMS.keys())
def test_planted_noise_is_measured_and_clean_labels_are_left_alone(rows_labels):
    rows, labels = rows_labels
    assert judged(rows, labels).share.value < 0.01
    noise = judged(rows, mixed_up(labels, 0.2)).share
    assert noise.value == pytest.approx(0.2, abs=0.07)
    assert noise.low < 0.2 < noise.high


def test_overlapping_classes_are_not_taken_for_wrong_labels():
    noise = judged(*gaussians(2))
    assert noise.contradicted == pytest.approx(0.16, abs=0.02)  # Φ(−1): the best that anyone can do
    assert noise.share.value < 0.02


def test_noise_on_top_of_overlap_is_told_from_it():
    rows, labels = gaussians(2)
    noise = judged(rows, mixed_up(labels, 0.2))
    assert noise.contradicted > 0.27
    assert noise.share.value == pytest.approx(0.2, abs=0.06)


def test_one_class_mixed_up_into_the_other_is_seen_though_the_other_is_clean():
    rows, labels = gaussians(6)
    hit = (labels == 0) & (np.random.default_rng(2).random(len(labels)) < 0.3)
    noise = judged(rows, np.where(hit, 1, labels))
    assert noise.share.value == pytest.approx(hit.mean(), abs=0.05)


def test_suspects_are_the_planted_ones_worst_first():
    rows, labels = load_digits(return_X_y=True)
    given = mixed_up(labels, 0.1)
    suspects = judged(rows, given).suspects
    planted = np.flatnonzero(given != labels)
    assert np.isin(suspects[: len(planted) // 2], planted).mean() > 0.9
    assert np.isin(planted, suspects).mean() > 0.6


def test_a_blind_spot_of_one_model_is_not_noise_when_a_second_one_sees():
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 2, 1600)
    stray = draw.random(1600) < 0.15  # of either class: far out on the other side, where no straight line can follow
    rows = np.where(stray, 8, 1.5)[:, None] * (1 - 2 * (labels ^ stray))[:, None] + 0.3 * draw.normal(size=(1600, 1))
    linear = held_out(rows, labels)
    tree = cross_val_predict(DecisionTreeClassifier(max_depth=4, random_state=0), rows, labels, method="predict_proba")
    assert contradictions(linear, labels).contradicted > 0.1
    assert contradictions(linear, labels, second=tree).share.value < 0.01


def test_too_few_rows_are_nan_and_labels_of_another_shape_are_refused():
    assert np.isnan(contradictions(np.array([[0.2, 0.8]]), np.array([1])).share.value)
    with pytest.raises(ShapeError, match=r"\[4, 2\] and \[4, 2\]"):
        contradictions(np.zeros((4, 2)), np.zeros((4, 2), int))
