"""A frame is seen and changed before anything is fitted."""

from __future__ import annotations

import numpy as np
import pytest

import mapsto
from mapsto.core.errors import FrameError, UnknownName
from mapsto.framing import settings

RNG = np.random.default_rng(0)


@pytest.fixture
def frame():
    return mapsto.frame("iris")


def test_a_setting_changes_by_attribute_by_path_and_by_component(frame):
    frame.model.width = 16
    frame.set("algorithm.lr", 0.02)
    frame.objective = mapsto.objectives.CrossEntropy(smoothing=0.1)
    _, model, objective, algorithm = frame.components()
    assert model.width == 16 and algorithm.update.learning_rate == 0.02 and objective.smoothing == 0.1
    assert frame.model.width == 16 and "width = 16" in frame.toml()


def test_another_model_brings_its_own_settings_and_algorithm(frame):
    frame.set("model.name", "decision-tree")
    assert frame.settings["algorithm"]["update"]["name"] == "solve" and "width" not in frame.settings["model"]


def test_an_optimizer_is_replaced_whole(frame):
    frame.set("algorithm.update.optimizer", "sgd")
    assert frame.settings["algorithm"]["update"]["optimizer"] == {
        "name": "sgd",
        "momentum": 0.9,
        "nesterov": True,
        "weight_decay": 0.0,
    }


def test_a_setting_that_is_none_leaves_the_frame_as_it_was(frame):
    before = frame.toml()
    with pytest.raises(UnknownName, match=r"model\.width"):
        frame.set("model.widht", 3)
    with pytest.raises(FrameError):
        frame.set("algorithm.update", 3)
    assert frame.toml() == before


def test_the_card_says_task_measure_experience_and_reasons(frame):
    card = str(frame)
    for word in (
        "task",
        "measure",
        "experience",
        "x ↦ y",
        "model",
        "objective",
        "algorithm",
        "because",
        "price",
        "split seed 0",
    ):
        assert word in card
    assert "<b>" in frame._repr_html_()


def test_first_weights_follow_from_the_seed_alone():
    weights = [mapsto.frame("iris", seed=s).components()[1].state_dict()["output.weight"] for s in (0, 0, 1)]
    assert weights[0].equal(weights[1]) and not weights[0].equal(weights[2])


def test_the_seed_of_the_run_does_not_move_the_exam():
    tests = [mapsto.frame("iris", seed=s).prepared.parts["test"] for s in (0, 1)]
    assert np.array_equal(*tests)


def test_domains_learn_from_training_rows_only():
    x = np.concatenate([np.zeros(80), np.full(20, 1e6)])
    columns = {
        "x": x + RNG.random(100),
        "part": np.array(["train"] * 80 + ["test"] * 20, dtype=object),
        "y": RNG.integers(0, 2, 100),
    }
    frame = mapsto.frame(columns, "y", split_column="part")
    assert frame.prepared.input.columns["x"].mean < 1


def test_uneven_classes_are_met_by_a_default_that_the_card_explains():
    y = np.array(["rare" if i % 15 == 0 else "usual" for i in range(300)], dtype=object)
    frame = mapsto.frame({"a": RNG.random(300), "y": y}, "y")
    weights = frame.settings["objective"]["weights"]
    assert weights[0] > weights[1] and frame.settings["objective"]["judged_by"] == "macro-f1"
    assert "uneven" in str(frame) and any(f.code == "C031" for f in frame.findings)


def test_a_column_that_gives_the_answer_away_is_found():
    y = RNG.integers(0, 2, 400)
    frame = mapsto.frame({"a": RNG.random(400), "after": y * 5.0 + RNG.random(400), "y": y}, "y")
    found = [f for f in frame.findings if f.code == "C042"]
    assert len(found) == 1 and "after" in str(found[0]) and "a " not in found[0].examples


def test_rows_that_stand_in_train_and_test_are_counted():
    x, y = np.repeat(RNG.random(100), 2), np.repeat(RNG.integers(0, 2, 100), 2)
    found = [f for f in mapsto.frame({"x": x, "y": y}, "y").findings if f.code == "C040"]
    assert found and all(f.count > 10 for f in found if "test" in f.message)


@pytest.mark.parametrize(("text", "value"), [
    ("model.width=64", ("model.width", 64)),
    ("algorithm.lr=auto", ("algorithm.lr", "auto")),
    ("algorithm.clip = 1.5", ("algorithm.clip", 1.5)),
    ("data.size=[32, 32]", ("data.size", [32, 32])),
    ('data.kinds."a b"="number"', ('data.kinds."a b"', "number")),
    ("model.norm=batch", ("model.norm", "batch")),
    ("x.y=true", ("x.y", True)),
])  # fmt: skip
def test_a_value_on_the_command_line_is_toml_or_a_bare_word(text, value):
    assert settings.parse(text) == value


def test_a_learning_rate_found_by_the_range_test_is_written_down(frame):
    frame.set("algorithm.lr", "auto")
    frame.learner()
    rate = frame.settings["algorithm"]["update"]["learning_rate"]
    assert isinstance(rate, float) and 1e-4 < rate < 0.5


def test_the_target_of_a_data_set_may_come_from_torch_or_arrays():
    import torch
    from torch.utils.data import TensorDataset

    x, y = RNG.random((90, 4)).astype(np.float32), RNG.integers(0, 3, 90)
    for source in ((x, y), TensorDataset(torch.from_numpy(x), torch.from_numpy(y))):
        made = mapsto.frame(source)
        assert made.prepared.problem == "classification" and made.components()[1](
            made.components()[0].ready(made.components()[0].train.gather(torch.arange(5)))["input"]
        ).shape == (5, 3)
