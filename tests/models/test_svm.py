import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, make_multilabel_classification
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

from mapsto.core.errors import DataError
from mapsto.models import SVM, svm


def solved(x, target, outputs, problem, **settings):
    model = SVM((x.shape[1],), outputs, **settings)
    model.solve({"input": torch.tensor(x), "target": torch.tensor(target)}, problem, 0)
    return model


def reference(solver, x, y):
    return make_pipeline(StandardScaler(), solver).fit(x.astype(np.float64), y)


@pytest.fixture(params=[7, 1024])
def at_once(request, monkeypatch):
    """Support vectors compared together: the answer must not depend on it."""
    monkeypatch.setattr(svm, "AT_ONCE", request.param)


@pytest.mark.parametrize(("cost", "gamma"), [(1.0, None), (10.0, 0.3)])
def test_margins_of_many_classes_are_those_of_scikit_learn_one_against_the_rest(cost, gamma, at_once):
    x, y = load_iris(return_X_y=True)
    x = x.astype(np.float32)
    model = solved(x[::2], y[::2], 3, "classification", cost=cost, gamma=gamma)
    solver = OneVsRestClassifier(SVC(C=cost, gamma=gamma or "scale"))
    expected = reference(solver, x[::2], y[::2]).decision_function(x.astype(np.float64))
    np.testing.assert_allclose(model(torch.tensor(x)).numpy(), expected, atol=1e-6)


def test_the_margin_of_two_classes_is_that_of_scikit_learn_and_its_negative():
    x, y = load_breast_cancer(return_X_y=True)
    x = x.astype(np.float32)
    margin = solved(x[::2], y[::2], 2, "classification")(torch.tensor(x)).numpy()
    expected = reference(SVC(), x[::2], y[::2]).decision_function(x.astype(np.float64))
    np.testing.assert_allclose(margin, np.stack([-expected, expected], axis=1), atol=1e-6)


def test_numbers_are_those_of_scikit_learn():
    x, y = load_diabetes(return_X_y=True)
    x, y = x.astype(np.float32), ((y - y.mean()) / y.std()).astype(np.float32)
    model = solved(x[::2], y[::2], 1, "regression", tube=0.2)
    expected = reference(SVR(epsilon=0.2), x[::2], y[::2]).predict(x.astype(np.float64))
    np.testing.assert_allclose(model(torch.tensor(x))[:, 0].numpy(), expected, atol=1e-6)
    assert len(model.support) < len(x[::2])  # examples inside the tube are not kept


def test_each_label_has_a_machine_of_its_own():
    x, y = make_multilabel_classification(150, 8, n_classes=3, random_state=0)
    x = x.astype(np.float32)
    model = solved(x, y, 3, "multi-label")
    expected = [reference(SVC(), x, y[:, l]).decision_function(x.astype(np.float64)) for l in range(3)]
    np.testing.assert_allclose(model(torch.tensor(x)).numpy().T, expected, atol=1e-6)


def test_weights_are_the_cost_of_each_example():
    x, y = load_iris(return_X_y=True)
    x, weight = x[50:].astype(np.float32), np.random.default_rng(0).uniform(0.1, 3, 100)
    model = SVM((4,), 2)
    batch = {"input": torch.tensor(x), "target": torch.tensor(y[50:] - 1), "weight": torch.tensor(weight)}
    model.solve(batch, "classification", 0)
    scaler = StandardScaler().fit(x.astype(np.float64), sample_weight=weight)
    scaled = scaler.transform(x.astype(np.float64))
    expected = SVC().fit(scaled, y[50:], sample_weight=weight).decision_function(scaled)
    np.testing.assert_allclose(model(torch.tensor(x))[:, 1].numpy(), expected, atol=1e-6)


def test_more_examples_than_its_limit_are_refused_with_a_remedy():
    with pytest.raises(DataError, match=r"limit is 10.*\nChoose GradientBoosting"):
        solved(np.zeros((11, 1), np.float32), np.zeros(11, np.float32), 1, "regression", limit=10)
