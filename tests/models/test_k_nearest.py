import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, make_multilabel_classification
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mapsto.models import KNearest, k_nearest


def solved(x, target, outputs, problem, **settings):
    model = KNearest((x.shape[1],), outputs, **settings)
    model.solve({"input": torch.tensor(x), "target": torch.tensor(target)}, problem, 0)
    return model


def reference(kind, x, y, k=5):
    return make_pipeline(StandardScaler(), kind(k)).fit(x.astype(np.float64), y)


@pytest.fixture(params=[7, 50, 1024])
def at_once(request, monkeypatch):
    """Stored rows compared together: the answer must not depend on it."""
    monkeypatch.setattr(k_nearest, "AT_ONCE", request.param)


@pytest.mark.parametrize("k", [1, 5, 20])
def test_class_shares_are_those_of_scikit_learn(k, at_once):
    x, y = load_breast_cancer(return_X_y=True)
    x = x.astype(np.float32)
    model = solved(x[::2], y[::2], 2, "classification", neighbours=k)
    expected = reference(KNeighborsClassifier, x[::2], y[::2], k).predict_proba(x.astype(np.float64))
    np.testing.assert_allclose(model(torch.tensor(x)).softmax(1).numpy(), expected, atol=1e-6)


def test_wide_rows_are_compared_by_matrix_product_with_the_same_answers():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 100)).astype(np.float32) * 5 + 20
    y = (x[:, 0] + x[:, 1] > 40).astype(np.int64) + (x[:, 2] > 22)
    model = solved(x[::2], y[::2], 3, "classification")
    expected = reference(KNeighborsClassifier, x[::2], y[::2]).predict_proba(x.astype(np.float64))
    np.testing.assert_allclose(model(torch.tensor(x)).softmax(1).numpy(), expected, atol=1e-6)


def test_numbers_are_those_of_scikit_learn(at_once):
    x, y = load_diabetes(return_X_y=True)
    x, y = x.astype(np.float32), ((y - y.mean()) / y.std()).astype(np.float32)
    model = solved(x[::2], y[::2], 1, "regression")
    expected = reference(KNeighborsRegressor, x[::2], y[::2]).predict(x.astype(np.float64))
    np.testing.assert_allclose(model(torch.tensor(x))[:, 0].numpy(), expected, atol=1e-6)


def test_label_shares_are_those_of_scikit_learn():
    x, y = make_multilabel_classification(200, 8, n_classes=3, random_state=0)
    x = (x + np.random.default_rng(0).normal(size=x.shape) * 0.1).astype(np.float32)  # no two equally far
    model = solved(x[::2], y[::2], 3, "multi-label")
    shares = reference(KNeighborsClassifier, x[::2], y[::2]).predict_proba(x.astype(np.float64))
    expected = np.stack([share[:, 1] for share in shares], axis=1)
    np.testing.assert_allclose(model(torch.tensor(x)).sigmoid().numpy(), expected, atol=1e-6)


def test_the_nearest_row_to_a_stored_one_is_itself_then_the_rest_in_order():
    x = np.array([[0.0], [1.0], [3.0], [7.0]], np.float32)
    model = solved(x, x[:, 0], 1, "regression", neighbours=3)
    assert model.nearest(torch.tensor(x)).tolist() == [[0, 1, 2], [1, 0, 2], [2, 1, 0], [3, 2, 1]]


def test_a_neighbour_of_weight_three_votes_three_times():
    x = torch.tensor([[0.0], [1.0], [50.0]])
    model = KNearest((1,), 2, neighbours=2)
    batch = {"input": x, "target": torch.tensor([0, 1, 1]), "weight": torch.tensor([3.0, 1.0, 1.0])}
    model.solve(batch, "classification", 0)
    torch.testing.assert_close(model(x[:1]).softmax(1), torch.tensor([[0.75, 0.25]]), atol=1e-6, rtol=0)


def test_fewer_rows_than_neighbours_all_answer():
    x = torch.tensor([[0.0], [1.0], [2.0]])
    model = KNearest((1,), 1, neighbours=5)
    model.solve({"input": x, "target": torch.tensor([1.0, 2.0, 6.0])}, "regression", 0)
    torch.testing.assert_close(model(x), torch.full((3, 1), 3.0))


def test_what_it_stored_is_its_own():
    x = torch.tensor([[0.0], [1.0]])
    model = KNearest((1,), 1, neighbours=1)
    model.solve({"input": x, "target": torch.tensor([1.0, 2.0])}, "regression", 0)
    x[:] = 9
    assert model.rows.tolist() == [[0], [1]]
