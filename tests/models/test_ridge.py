import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.linear_model import Ridge as Reference
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mapsto.models import Ridge


def diabetes():
    x, y = load_diabetes(return_X_y=True)
    return x.astype(np.float32), ((y - y.mean()) / y.std()).astype(np.float32)


def solved(x, y, penalty=1.0, **batch):
    model = Ridge((x.shape[1],), penalty=penalty)
    model.solve({"input": torch.tensor(x), "target": torch.tensor(y)} | batch, "regression", 0)
    return model(torch.tensor(x))[:, 0].numpy()


@pytest.mark.parametrize("penalty", [0.1, 1.0, 100.0])
def test_predictions_are_those_of_scikit_learn(penalty):
    x, y = diabetes()
    reference = make_pipeline(StandardScaler(), Reference(penalty)).fit(x.astype(np.float64), y)
    expected = reference.predict(x.astype(np.float64))
    np.testing.assert_allclose(solved(x, y, penalty), expected, atol=1e-6)


def test_weights_count_in_the_scale_and_in_the_loss():
    x, y = diabetes()
    weight = np.random.default_rng(0).uniform(0.1, 3, len(x))
    pipeline = make_pipeline(StandardScaler(), Reference(1.0))
    expected = pipeline.fit(
        x.astype(np.float64), y, standardscaler__sample_weight=weight, ridge__sample_weight=weight
    ).predict(x.astype(np.float64))
    np.testing.assert_allclose(solved(x, y, weight=torch.tensor(weight)), expected, atol=1e-6)
    assert np.abs(solved(x, y) - expected).max() > 1e-3


def test_without_a_penalty_columns_that_say_the_same_still_give_the_least_squares():
    x, y = diabetes()
    twice = np.concatenate([x, x * 2, np.ones_like(x[:, :1])], axis=1)  # and one constant column
    expected = LinearRegression().fit(x.astype(np.float64), y).predict(x.astype(np.float64))
    np.testing.assert_allclose(solved(twice, y, penalty=0.0), expected, atol=1e-6)
    np.testing.assert_allclose(solved(twice, y, penalty=1e-12), expected, atol=1e-6)
