"""scikit-learn's own checks of an estimator, the whole battery, on the classifier and the regressor."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import SkipTestWarning
from sklearn.utils.estimator_checks import check_estimator
from torch import nn

from mapsto.estimator.classifier import Classifier
from mapsto.estimator.regressor import Regressor

# How many checks there are (scikit-learn 1.6 to 1.9): a battery that skips itself is green too (scikit-learn#33003).
RAN = {"Classifier": 58, "Regressor": 51}
# There is no decision_function: what the network gives are logits of nothing in particular, or probabilities.
SKIPPED = ["check_classifiers_multilabel_output_format_decision_function"]


def battery(estimator: BaseEstimator) -> dict[str, list[str]]:
    """The checks by what came of them; nothing is expected to fail."""
    outcome: dict[str, list[str]] = {"passed": [], "failed": [], "skipped": []}
    for check in check_estimator(estimator, on_fail=None, on_skip=None):
        failed = f": {check['exception']!r}" if check["status"] == "failed" else ""
        outcome[check["status"]].append(check["check_name"] + failed)
    return outcome


class Naive(ClassifierMixin, BaseEstimator):
    """A network in scikit-learn's clothes, as one writes it in five minutes: floats in, the greatest logit out."""

    def __init__(self, steps: int = 100):
        self.steps = steps

    def fit(self, X: Any, y: Any) -> Naive:
        X, y = torch.tensor(X).float(), torch.tensor(y).long()
        self.module_ = nn.Linear(X.shape[1], int(y.max()) + 1)
        for _ in range(self.steps):
            loss = nn.functional.cross_entropy(self.module_(X), y)
            for weight, slope in zip(
                self.module_.parameters(), torch.autograd.grad(loss, list(self.module_.parameters())), strict=True
            ):
                weight.data -= 0.1 * slope
        return self

    def predict(self, X: Any) -> Any:
        return self.module_(torch.tensor(X).float()).argmax(1).numpy()


class Unasked(Classifier):
    """A classifier that asks not to be checked."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags._skip_test = True
        return tags


def test_every_check_of_an_estimator_passes(monkeypatch, dose, counted):
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")  # else the check of array namespaces is skipped
    epochs = dose(10, 0) or None  # in the full dose as many as the frame proposes
    found = [battery(Classifier(epochs=epochs)), battery(Regressor(epochs=epochs))]
    assert [failed for outcome in found for failed in outcome["failed"]] == []
    assert [sum(map(len, outcome.values())) for outcome in found] == list(RAN.values())
    assert [skipped for outcome in found for skipped in outcome["skipped"]] == SKIPPED

    naive = battery(Naive())
    assert len(naive["failed"]) >= 15, naive
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SkipTestWarning)
        unasked = battery(Unasked())
    assert sum(map(len, unasked.values())) == 1 and not unasked["failed"]

    held = sum(len(outcome["passed"]) for outcome in found)
    counted(
        "estimator",
        tried=sum(RAN.values()) - len(SKIPPED),
        held=held,
        control=f"a naive wrapper: {len(naive['failed'])} of {sum(map(len, naive.values()))} fail; "
        "one that asks to be skipped: 1 check ran, and is found out by their number",
        skipped=len(SKIPPED),
    )


SOLVED = [Classifier("logistic-regression"), Regressor("ridge")]  # in one step, by scikit-learn itself
OTHERS = [make(model) for model in ("linear", "gradient-boosting", "svm") for make in (Classifier, Regressor)]


def test_other_models_pass_them_too(monkeypatch, dose):
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    for estimator in (SOLVED + OTHERS)[: dose(len(SOLVED), len(SOLVED + OTHERS))]:
        assert battery(estimator)["failed"] == [], estimator
