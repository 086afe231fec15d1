"""The estimators where scikit-learn's own go, and what they learn is what a Learner learns."""

from __future__ import annotations

import copy
import pickle
import threading
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, load_iris, make_multilabel_classification
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

import mapsto
from mapsto.core.errors import BadInput, DataError

X, Y = load_iris(return_X_y=True)
LABELS = np.array(["setosa", "versicolor", "virginica"])[Y]


def quick(**how: Any) -> mapsto.Classifier:
    return mapsto.Classifier(**{"epochs": 10, "learning_rate": 0.02, **how})


# -- what is learned ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 3])
def test_an_estimator_learns_the_very_function_of_a_frame_and_its_learner(seed):
    frame = mapsto.frame((X, LABELS), seed=seed, split_seed=seed, device="cpu")
    frame.set("data.split.test", 0.0).set("model.width", 16).set("algorithm.until", {"name": "epochs", "count": 5})
    learner = frame.learner().fit().take_best()
    said = learner.predict(learner.data.ready({"input": frame.prepared.input.encode(X)}))
    found = mapsto.Classifier(epochs=5, settings={"model.width": 16}, random_state=seed, device="cpu").fit(X, LABELS)
    assert found.settings_["model"] == frame.settings["model"]
    assert found.settings_["algorithm"] == frame.settings["algorithm"]
    assert np.abs(found.predict_proba(X) - said.double().numpy()).max() < 1e-6
    assert all(
        torch.equal(a, b) for a, b in zip(found.function_.model.parameters(), learner.model.parameters(), strict=True)
    )


def test_what_a_row_is_told_does_not_depend_on_its_neighbours_to_the_bit():
    found = quick().fit(X, LABELS)
    together, order = found.predict_proba(X), np.random.default_rng(0).permutation(len(X))
    assert np.array_equal(together[order], found.predict_proba(X[order]))
    assert np.array_equal(together, np.concatenate([found.predict_proba(X[i : i + 1]) for i in range(len(X))]))


def test_the_same_seed_learns_the_same_and_none_learns_another_each_time():
    def learn(seed: Any) -> np.ndarray:
        return quick(random_state=seed, epochs=2).fit(X, Y).predict_proba(X)

    assert np.array_equal(learn(1), learn(1)) and not np.array_equal(learn(1), learn(2))
    assert not np.array_equal(learn(None), learn(None))
    assert np.array_equal(learn(np.random.RandomState(5)), learn(np.random.RandomState(5)))


def test_fitting_leaves_the_generator_and_the_threads_of_the_process_alone():
    torch.manual_seed(7)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    quick(epochs=1).fit(X, Y)
    assert torch.equal(torch.get_rng_state(), before) and torch.get_num_threads() == threads


def test_fits_in_several_threads_take_turns_and_learn_what_each_would_alone():
    alone = [quick(random_state=k, epochs=3).fit(X, Y).predict_proba(X) for k in range(3)]
    several = [quick(random_state=k, epochs=3) for k in range(3)]
    threads = [threading.Thread(target=one.fit, args=(X, Y)) for one in several]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(one.predict_proba(X), said) for one, said in zip(several, alone, strict=True))


def test_classes_may_be_words_or_numbers_that_are_no_places():
    assert quick().fit(X, LABELS).classes_.tolist() == ["setosa", "versicolor", "virginica"]
    assert set(quick().fit(X, LABELS).predict(X)) <= set(LABELS)
    odd = np.array([10.0, -2.0, 9.0])[Y]
    found = quick().fit(X, odd)
    assert found.classes_.tolist() == [-2.0, 9.0, 10.0] and found.predict(X).dtype == odd.dtype
    assert found.score(X, odd) > 0.9
    words = np.array(["9", "10", "02"])[Y]  # as text in another order than as numbers
    assert quick().fit(X, words).score(X, words) > 0.9


def test_the_only_row_of_a_class_is_learned_from():
    rare = np.append(LABELS, "unica")
    found = quick(epochs=1).fit(np.vstack([X, X.max(axis=0) + 5]), rare)
    assert set(found.function_.target.classes) == set(found.classes_) == set(rare)


def test_a_class_that_no_training_row_has_is_never_the_answer():
    patient = np.repeat(["a", "b", "c", "d", "e"], 30)
    grouped = mapsto.Classifier(epochs=1, settings={"data.split.group": "patient"}, validation_fraction=0.4)
    pandas = pytest.importorskip("pandas")
    kept = np.isin(patient, ["a", "b"]) | (Y == 2)
    table = pandas.DataFrame(X, columns=list("wxyz")).assign(patient=patient)
    found = grouped.fit(table[kept], np.where(patient[kept] == "b", "seen", LABELS[kept]))
    absent = ~np.isin(found.classes_, found.function_.target.classes)
    assert found.predict_proba(table)[:, absent].sum() == 0
    assert np.allclose(found.predict_proba(table).sum(axis=1), 1)


def test_labels_that_may_hold_together_are_learned_as_such():
    features, labels = make_multilabel_classification(150, n_features=6, n_classes=4, random_state=0)
    labels = np.column_stack([labels, np.zeros(150, int)])  # one that no row has
    found = mapsto.Classifier(epochs=40, learning_rate=0.02).fit(features, labels)
    said = found.predict(features)
    assert said.shape == labels.shape and (said == labels).mean() > 0.8
    assert found.predict_proba(features)[:, 4].max() == 0
    assert found.function_(features[0]) == said[0].nonzero()[0].tolist()


def test_a_regressor_answers_in_the_unit_of_y():
    features, y = load_diabetes(return_X_y=True)
    found = mapsto.Regressor(epochs=15).fit(features, y * 1e6)
    assert found.score(features, y * 1e6) > 0.4
    assert found.predict(features[:3]) == pytest.approx(found.function_(features[:3]), rel=1e-5)


def test_pictures_are_learned_as_pictures():
    digits = load_digits()
    found = mapsto.Classifier(epochs=3).fit(digits.images[:500], digits.target[:500])
    assert (
        found.settings_["model"]["name"] == "conv-net" and found.score(digits.images[500:], digits.target[500:]) > 0.8
    )


@pytest.mark.slow
def test_it_reaches_on_digits_what_the_recipe_does():
    frame = mapsto.frame("digits", device="cpu")
    digits, exam = load_digits(), frame.prepared.parts["test"]
    rest = np.setdiff1d(np.arange(len(digits.target)), exam)
    found = mapsto.Classifier(validation_fraction=0.2).fit(digits.images[rest], digits.target[rest])
    assert found.score(digits.images[exam], digits.target[exam]) > 0.975


# -- what it is told ---------------------------------------------------------------------------------------------------


def test_arguments_become_settings_of_the_frame():
    asked = {"epochs": 3, "steps": 7, "minutes": 2.0, "early_stopping": 4, "learning_rate": 0.5, "batch_size": 50}
    found = mapsto.Classifier({"name": "mlp", "width": 8}, settings={"algorithm.clip": 1.0}, **asked).fit(X, Y)
    how = found.settings_["algorithm"]
    assert found.settings_["model"]["width"] == 8 and how["update"]["clip"] == 1.0
    assert how["update"]["learning_rate"] == 0.5 and how["experience"]["batch_size"] == 50
    assert [until["name"] for until in how["until"]["several"]] == ["epochs", "steps", "minutes", "plateau"]
    assert found.n_iter_ == 3 and found.history_[-1]["step"] == 7


def test_a_model_named_among_settings_comes_before_its_own_settings():
    found = mapsto.Classifier(settings={"model.width": 8, "model.name": "mlp"}, epochs=1).fit(X, Y)
    assert found.settings_["model"]["width"] == 8


def test_none_among_settings_is_a_value_and_among_arguments_leaves_it_to_the_frame():
    found = mapsto.Classifier(settings={"algorithm.clip": None}, learning_rate=None, epochs=1).fit(X, Y)
    assert found.settings_["algorithm"]["update"]["clip"] is None
    assert found.settings_["algorithm"]["update"]["learning_rate"] > 0


def test_a_learning_rate_may_be_found():
    found = mapsto.Classifier("linear", epochs=2, learning_rate="auto").fit(X, Y)
    assert isinstance(found.settings_["algorithm"]["update"]["learning_rate"], float)


def test_without_validation_every_row_trains_and_the_last_weights_stay():
    found = quick(validation_fraction=0.0).fit(X, Y)
    assert sum(found.function_.target.counts) == len(X) and all(not line["valid"] for line in found.history_)
    assert sum(quick(validation_fraction=0.2).fit(X, Y).function_.target.counts) == 120


def test_a_line_an_exam_where_asked_for(capsys):
    quick(epochs=2, verbose=1).fit(X, Y)
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("epoch 1: cross-entropy ") and "accuracy" in second


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"model": "mpl"}, "Near it: mlp"),
        ({"model": "ridge"}, "Ridge solves regression"),
        ({"settings": {"model.widht": 3}}, "model.width"),
        ({"epochs": 0}, "above 0"),
        ({"learning_rate": -1.0}, "above 0"),
        ({"validation_fraction": 1.5}, "data.split.valid"),
        ({"validation_fraction": 0.0, "early_stopping": 3}, "on validation examples"),
        ({"device": "abacus"}, "abacus"),
        ({"batch_size": 0, "settings": {"modle.width": 3}}, "2 things are wrong"),
    ],
)
def test_a_wrong_argument_is_refused_when_fitting_with_what_to_do(how, says):
    with pytest.raises(BadInput, match=says):
        mapsto.Classifier(**how).fit(X, Y)


def test_your_own_module_is_copied_and_learned():
    torch.manual_seed(0)
    own = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
    before = own[0].weight.clone()
    found = mapsto.Classifier(own, epochs=30, learning_rate=0.05).fit(X, LABELS)
    assert found.score(X, LABELS) > 0.9 and torch.equal(own[0].weight, before)
    again = pickle.loads(pickle.dumps(found))
    assert np.array_equal(again.predict_proba(X), found.predict_proba(X))


# -- where it goes -----------------------------------------------------------------------------------------------------


def test_a_clone_has_the_arguments_and_nothing_learned():
    found = quick().fit(X, Y)
    again = clone(found)
    assert again.get_params() == found.get_params()
    with pytest.raises(NotFittedError):
        again.predict(X)


def test_in_a_pipeline_a_search_and_a_cross_validation():
    pipeline = make_pipeline(StandardScaler().set_output(transform="pandas"), quick())
    assert cross_val_score(pipeline, X, LABELS, cv=3).mean() > 0.85
    search = GridSearchCV(pipeline, {"classifier__learning_rate": [1e-9, 0.02]}, cv=2, n_jobs=1).fit(X, LABELS)
    assert search.best_params_ == {"classifier__learning_rate": 0.02} and search.score(X, LABELS) > 0.9
    models = GridSearchCV(quick(learning_rate=None), {"model": ["prior", "logistic-regression"]}, cv=2).fit(X, Y)
    assert models.best_params_ == {"model": "logistic-regression"}


def test_scores_that_need_probabilities_find_them():
    assert cross_val_score(quick(), X, LABELS, cv=2, scoring="neg_log_loss").mean() > -0.5
    assert cross_val_score(quick(), X, Y == 2, cv=2, scoring="roc_auc").mean() > 0.95


@pytest.mark.slow
def test_a_search_in_processes_gives_what_it_gives_in_one():
    grid = {"random_state": [0, 1]}
    one, two = (GridSearchCV(quick(epochs=2), grid, cv=2, n_jobs=n).fit(X, Y) for n in (1, 2))
    assert np.array_equal(one.cv_results_["mean_test_score"], two.cv_results_["mean_test_score"])


@pytest.mark.parametrize("copied", [lambda e: pickle.loads(pickle.dumps(e)), copy.deepcopy], ids=["pickled", "copied"])
@pytest.mark.parametrize("model", ["mlp", "decision-tree"])
def test_what_others_pickle_is_plain_values_and_bytes_and_answers_the_same(copied, model):
    found = mapsto.Classifier(model, settings={} if model == "decision-tree" else {"algorithm.until.count": 2}).fit(
        X, LABELS
    )
    state = found.__getstate__()
    assert set(state["function_"]) == {"state.json", "tensors.safetensors"}
    assert b"torch" not in pickle.dumps(found)
    again = copied(found)
    assert np.array_equal(again.predict_proba(X), found.predict_proba(X))
    assert again.history_ == found.history_ and again.settings_ == found.settings_


def test_a_saved_function_is_a_model_folder_like_any_other(tmp_path):
    found = quick().fit(X, LABELS)
    found.save(tmp_path / "iris")
    f = mapsto.load(tmp_path / "iris")
    assert f(X) == found.predict(X).tolist() == found.function_(X)
    assert mapsto.evaluate(tmp_path / "iris", (X, LABELS))["scores"]["test"]["accuracy"]["value"] == found.score(
        X, LABELS
    )


# -- what it refuses ---------------------------------------------------------------------------------------------------


def test_several_answers_a_row_are_refused_with_what_to_wrap_it_in():
    several = np.column_stack([Y, Y[::-1]])
    with pytest.raises(DataError, match=r"MultiOutputClassifier\(mapsto.Classifier"):
        quick().fit(X, several)
    with pytest.raises(DataError, match=r"MultiOutputRegressor\(mapsto.Regressor"):
        mapsto.Regressor().fit(X, several)
    assert MultiOutputClassifier(quick(epochs=1)).fit(X, several).predict(X).shape == several.shape
    assert MultiOutputRegressor(mapsto.Regressor(epochs=1)).fit(X, several).predict(X).shape == several.shape


@pytest.mark.parametrize(
    ("y", "says"),
    [
        (np.zeros(150), "'0.0' in every row: there is nothing to tell apart"),
        (np.linspace(0, 1, 150), "Unknown label type: continuous"),
        (np.array(["a", None, "b"] * 50, dtype=object), "y contains missing values"),
        (np.where(Y == 0, np.nan, Y), "y contains NaN"),
        (Y[:-1], "inconsistent numbers of samples"),
        (None, "y is None"),
    ],
)
def test_answers_that_cannot_be_learned_are_refused(y, says):
    with pytest.raises(ValueError, match=says):
        quick().fit(X, y)


def test_there_is_no_sample_weight_to_be_silently_ignored():
    with pytest.raises(TypeError, match="sample_weight"):
        quick().fit(X, Y, sample_weight=np.ones(150))
