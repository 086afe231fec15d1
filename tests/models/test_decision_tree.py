import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, make_multilabel_classification
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mapsto.models import DecisionTree


def solved(x, target, outputs, problem, weight=None, **settings):
    model = DecisionTree((x.shape[1],), outputs, **settings)
    batch = {"input": torch.tensor(x), "target": torch.tensor(target)}
    model.solve(batch if weight is None else batch | {"weight": torch.tensor(weight)}, problem, 3)
    return model


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer])
@pytest.mark.parametrize(("depth", "leaf"), [(None, 1), (3, 5), (None, 1000)])
def test_class_shares_are_those_of_scikit_learn(load, depth, leaf):
    x, y = load(return_X_y=True)
    x = x.astype(np.float32)
    model = solved(x[::2], y[::2], int(y.max()) + 1, "classification", depth=depth, leaf=leaf)
    reference = DecisionTreeClassifier(max_depth=depth, min_samples_leaf=leaf, random_state=3).fit(x[::2], y[::2])
    np.testing.assert_allclose(model(torch.tensor(x)).softmax(1).numpy(), reference.predict_proba(x), atol=1e-6)


def test_numbers_are_those_of_scikit_learn():
    x, y = load_diabetes(return_X_y=True)
    x, y = x.astype(np.float32), ((y - y.mean()) / y.std()).astype(np.float32)
    model = solved(x[::2], y[::2], 1, "regression")
    reference = DecisionTreeRegressor(min_samples_leaf=5, random_state=3).fit(x[::2], y[::2])
    np.testing.assert_allclose(model(torch.tensor(x))[:, 0].numpy(), reference.predict(x), atol=1e-6)


def test_one_tree_answers_for_all_labels():
    x, y = make_multilabel_classification(200, 8, n_classes=3, random_state=0)
    x = x.astype(np.float32)
    model = solved(x[::2], y[::2], 3, "multi-label")
    reference = DecisionTreeClassifier(min_samples_leaf=5, random_state=3).fit(x[::2], y[::2])
    expected = np.stack([share[:, 1] for share in reference.predict_proba(x)], axis=1)
    np.testing.assert_allclose(model(torch.tensor(x)).sigmoid().numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("problem", ["classification", "regression"])
def test_numbers_that_are_not_known_go_the_way_scikit_learn_sends_them(problem):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 4)).astype(np.float32)
    y = (np.isnan(x := np.where(rng.random(x.shape) < 0.3, np.float32(np.nan), x))[:, 0] | (x[:, 1] > 0)).astype(int)
    y = y if problem == "classification" else (y + 0.1 * rng.normal(size=600)).astype(np.float32)
    model = solved(x[:300], y[:300], 2 if problem == "classification" else 1, problem)
    kind = DecisionTreeClassifier if problem == "classification" else DecisionTreeRegressor
    reference = kind(min_samples_leaf=5, random_state=3).fit(x[:300], y[:300])
    if problem == "classification":
        np.testing.assert_allclose(model(torch.tensor(x)).softmax(1).numpy(), reference.predict_proba(x), atol=1e-6)
    else:
        np.testing.assert_allclose(model(torch.tensor(x))[:, 0].numpy(), reference.predict(x), atol=1e-6)


def test_weights_make_the_shares():
    x, y = load_iris(return_X_y=True)
    x, weight = x.astype(np.float32), np.random.default_rng(0).uniform(0.1, 3, 150)
    model = solved(x, y, 3, "classification", weight, depth=2)
    reference = DecisionTreeClassifier(max_depth=2, min_samples_leaf=5, random_state=3).fit(x, y, sample_weight=weight)
    np.testing.assert_allclose(model(torch.tensor(x)).softmax(1).numpy(), reference.predict_proba(x), atol=1e-6)
    plain = solved(x, y, 3, "classification", depth=2)
    assert (plain(torch.tensor(x)).softmax(1) - model(torch.tensor(x)).softmax(1)).abs().max() > 1e-3


def test_pruning_leaves_fewer_nodes():
    x, y = load_breast_cancer(return_X_y=True)
    x = x.astype(np.float32)
    sizes = [len(solved(x, y, 2, "classification", pruning=alpha).value) for alpha in (0.0, 0.01, 1.0)]
    assert sizes[0] > sizes[1] > sizes[2] == 1
