import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, make_multilabel_classification
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from mapsto.models import GradientBoosting

ROUNDS = 40  # more than are walked together, at three classes


def solved(x, target, outputs, problem, weight=None):
    model = GradientBoosting((x.shape[1],), outputs, rounds=ROUNDS)
    batch = {"input": torch.tensor(x), "target": torch.tensor(target)}
    model.solve(batch if weight is None else batch | {"weight": torch.tensor(weight)}, problem, 0)
    return model


def reference(kind, x, y, weight=None):
    return kind(max_iter=ROUNDS, early_stopping=False, random_state=0).fit(x, y, sample_weight=weight)


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer])
def test_probabilities_are_those_of_scikit_learn(load):
    x, y = load(return_X_y=True)
    x = x.astype(np.float32)
    model = solved(x[::2], y[::2], int(y.max()) + 1, "classification")
    expected = reference(HistGradientBoostingClassifier, x[::2], y[::2]).predict_proba(x)
    np.testing.assert_allclose(model(torch.tensor(x)).softmax(1).numpy(), expected, atol=1e-6)


def test_numbers_are_those_of_scikit_learn():
    x, y = load_diabetes(return_X_y=True)
    x, y = x.astype(np.float32), ((y - y.mean()) / y.std()).astype(np.float32)
    model = solved(x[::2], y[::2], 1, "regression")
    expected = reference(HistGradientBoostingRegressor, x[::2], y[::2]).predict(x)
    np.testing.assert_allclose(model(torch.tensor(x))[:, 0].numpy(), expected, atol=1e-6)


def test_each_label_is_boosted_on_its_own():
    x, y = make_multilabel_classification(200, 8, n_classes=3, random_state=0)
    x = x.astype(np.float32)
    model = solved(x[::2], y[::2], 3, "multi-label")
    expected = [reference(HistGradientBoostingClassifier, x[::2], y[::2, l]).predict_proba(x)[:, 1] for l in range(3)]
    np.testing.assert_allclose(model(torch.tensor(x)).sigmoid().numpy().T, expected, atol=1e-6)


def test_numbers_that_are_not_known_go_the_way_scikit_learn_sends_them():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 4)).astype(np.float32)
    x[rng.random(x.shape) < 0.3] = np.nan
    y = (np.isnan(x[:, 0]) + np.nan_to_num(x[:, 1]) + 0.1 * rng.normal(size=600)).astype(np.float32)
    model = solved(x[:300], y[:300], 1, "regression")
    expected = reference(HistGradientBoostingRegressor, x[:300], y[:300]).predict(x)
    np.testing.assert_allclose(model(torch.tensor(x))[:, 0].numpy(), expected, atol=1e-6)


def test_weights_are_those_of_scikit_learn():
    x, y = load_iris(return_X_y=True)
    x, weight = x.astype(np.float32), np.random.default_rng(0).uniform(0.1, 3, 150)
    expected = reference(HistGradientBoostingClassifier, x, y, weight).predict_proba(x)
    given = solved(x, y, 3, "classification", weight)(torch.tensor(x)).softmax(1).numpy()
    np.testing.assert_allclose(given, expected, atol=1e-6)
    plain = solved(x, y, 3, "classification")(torch.tensor(x)).softmax(1).numpy()
    assert np.abs(plain - expected).max() > 1e-3
