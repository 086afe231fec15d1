import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_iris, make_multilabel_classification
from sklearn.linear_model import LogisticRegression as Reference
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mapsto.models import LogisticRegression


def reference(x, y, penalty=1.0, weight=None):
    pipeline = make_pipeline(StandardScaler(), Reference(C=1 / penalty, max_iter=300))
    return pipeline.fit(x, y, standardscaler__sample_weight=weight, logisticregression__sample_weight=weight)


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer])
@pytest.mark.parametrize("penalty", [1.0, 30.0])
def test_probabilities_are_those_of_scikit_learn(load, penalty):
    x, y = load(return_X_y=True)
    x = x.astype(np.float32)
    model = LogisticRegression((x.shape[1],), int(y.max()) + 1, penalty=penalty)
    model.solve({"input": torch.tensor(x), "target": torch.tensor(y)}, "classification", 0)
    expected = reference(x.astype(np.float64), y, penalty).predict_proba(x.astype(np.float64))
    np.testing.assert_allclose(model(torch.tensor(x)).softmax(1).numpy(), expected, atol=1e-6)


def test_each_label_has_the_regression_of_its_own():
    x, y = make_multilabel_classification(120, 8, n_classes=3, random_state=0)
    x = x.astype(np.float32)
    model = LogisticRegression((8,), 3)
    model.solve({"input": torch.tensor(x), "target": torch.tensor(y).float()}, "multi-label", 0)
    expected = [reference(x.astype(np.float64), y[:, l]).predict_proba(x.astype(np.float64))[:, 1] for l in range(3)]
    np.testing.assert_allclose(model(torch.tensor(x)).sigmoid().numpy().T, expected, atol=1e-6)


def test_weights_count_in_the_scale_and_in_the_loss():
    x, y = load_iris(return_X_y=True)
    x, weight = x.astype(np.float32), np.random.default_rng(0).uniform(0.1, 3, 150)
    model = LogisticRegression((4,), 3)
    model.solve(
        {"input": torch.tensor(x), "target": torch.tensor(y), "weight": torch.tensor(weight)}, "classification", 0
    )
    expected = reference(x.astype(np.float64), y, weight=weight).predict_proba(x.astype(np.float64))
    np.testing.assert_allclose(model(torch.tensor(x)).softmax(1).numpy(), expected, atol=1e-6)
    plain = reference(x.astype(np.float64), y).predict_proba(x.astype(np.float64))
    assert np.abs(plain - expected).max() > 1e-3


def test_a_bound_on_iterations_that_is_reached_is_no_warning():
    x, y = load_breast_cancer(return_X_y=True)
    model = LogisticRegression((30,), 2, penalty=1e-6, iterations=3)
    model.solve({"input": torch.tensor(x).float(), "target": torch.tensor(y)}, "classification", 0)
    assert model(torch.tensor(x).float()).isfinite().all()
