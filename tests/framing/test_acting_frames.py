"""A world, named by a word, becomes a function from what is observed to what is done."""

from __future__ import annotations

import json

import pytest
import torch

import mapsto
from mapsto.core.errors import BadInput, DataError, FrameError, UnknownName
from mapsto.core.nouns import Estimate
from mapsto.framing.frame import Frame
from mapsto.learner.best import Best

WORLD = "env:identity"
SMALL = {
    "data.world.valid": 5,
    "data.world.test": 20,
    "algorithm.experience.moves": 32,
    "algorithm.experience.batch_size": 64,
    "algorithm.experience.epoch": 4,
    "algorithm.experience.discount": 0.5,
    "algorithm.lr": 0.01,
    "algorithm.until": {"name": "epochs", "count": 5},
}


def small(**more) -> Frame:
    frame = mapsto.frame(WORLD, device="cpu", **more)
    for path, value in SMALL.items():
        frame.set(path, value)
    return frame


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return small().train(tmp_path_factory.mktemp("runs") / "identity")


def test_the_card_says_what_is_seen_and_what_can_be_done():
    card = str(mapsto.frame(WORLD, device="cpu"))
    assert "acting: choose 'action' (discrete: one of 4)" in card
    assert "return on the test episodes" in card
    assert "episodes of 8 copies side by side to train, 20 to choose by, 100 to be examined on" in card
    assert "one of 4 [4]  ↦  one of 4 [4]" in card
    assert "here without its exams" in card
    assert "actor-critic" in card and "clipped-surrogate" in card and "rollout" in card


def test_numbers_to_act_with_are_proposed_a_gaussian_policy():
    frame = mapsto.frame(WORLD, device="cpu").set("data.world.continuous", True)
    assert frame.settings["model"]["gaussian"] is True
    assert frame.settings["objective"]["entropy"] == 0
    frame.learner()


def test_a_world_is_learned_judged_and_kept(result):
    assert result.scores["test"]["return"]["value"] > 9
    assert result.scores["test"]["return"]["n"] == 20
    assert "train" not in result.scores
    assert 1.5 < result.baselines["random"]["test"]["return"]["value"] < 3.5
    assert result.verdict["take"] == "deep"
    assert result.written["problem"] == "acting"
    said = str(result)
    assert "return beside simple models on the same test episodes" in said
    assert "acting at random has" in said.lower()
    assert "accuracy" not in said


def test_its_history_tells_what_recent_episodes_returned(result):
    lines = [json.loads(line) for line in (result.path / "history.jsonl").read_text().splitlines()]
    assert lines[-1]["seen"]["return"] > lines[1]["seen"]["return"]
    assert lines[-1]["valid"].keys() == {"return"}
    page = (result.path / "report.html").read_text()
    assert "return over steps" in page and "loss over steps" not in page
    assert "test episodes" in page


def test_the_function_takes_what_was_observed_and_says_what_to_do(result):
    f = mapsto.load(result.path)
    assert f([0, 1, 2, 3]) == [0, 1, 2, 3]
    assert f(2) == 2
    likely = f.probabilities(2)
    assert max(likely, key=likely.get) == 2
    assert sum(likely.values()) == pytest.approx(1)
    with pytest.raises(DataError, match="whole numbers from 0 to 3"):
        f(7)
    with pytest.raises(DataError, match="whole numbers from 0 to 3"):
        f(None)


def test_a_function_of_numbers_answers_with_numbers(tmp_path):
    frame = small().set("data.world.continuous", True).set("algorithm.until", {"name": "steps", "count": 3})
    f = frame.train(tmp_path / "run").function
    answer = f([0.5])
    assert answer.shape == (1,) and -1 <= float(answer[0]) <= 1
    assert len(f([[0.5], [0.1]])) == 2
    with pytest.raises(BadInput, match=r"takes 1 number between -1 and 1, one or a list of them, but came 0\.5"):
        f(0.5)
    with pytest.raises(BadInput, match="without probabilities"):
        f.probabilities([0.5])


def test_it_is_asked_from_the_command_line_in_json_or_by_a_table(mapsto, tmp_path, result):
    code, out, _ = mapsto("predict", str(result.path), "2", "--json")
    assert code == 0 and [row["prediction"] for row in json.loads(out)] == [2]
    code, out, _ = mapsto("predict", str(result.path), "[0, 3]", "--json")
    assert code == 0 and [row["prediction"] for row in json.loads(out)] == [0, 3]
    (tmp_path / "seen.csv").write_text("kind\n1\n3\n")
    code, out, _ = mapsto("predict", str(result.path), "seen.csv", "--json")
    assert code == 0 and [row["prediction"] for row in json.loads(out)] == [1, 3]
    code, _, said = mapsto("predict", str(result.path), "7")
    assert code == 2 and "whole numbers from 0 to 3" in said
    code, _, said = mapsto("predict", str(result.path), "seen.cvs")
    assert code == 2 and "Near it: seen.csv" in said and "mapsto predict RUN '0'" in said


def test_numbers_observed_are_one_list_or_one_column_each(mapsto, tmp_path):
    frame = small().set("data.world.continuous", True).set("algorithm.until", {"name": "steps", "count": 3})
    run = str(frame.train(tmp_path / "run").path)
    code, out, _ = mapsto("predict", run, "[0.5]", "--json")
    (answer,) = json.loads(out)
    assert code == 0 and -1 <= answer["prediction"][0] <= 1
    (tmp_path / "seen.csv").write_text("x\n0.5\n0.1\n")
    code, out, _ = mapsto("predict", run, "seen.csv", "--json")
    assert code == 0 and json.loads(out)[0]["prediction"] == pytest.approx(answer["prediction"])
    code, out, _ = mapsto("predict", run, "seen.csv")
    assert code == 0 and "[" not in out
    code, _, said = mapsto("predict", run, "0.5")
    assert code == 2 and "1 number between -1 and 1, but came 0.5" in said and "'[0.0]'" in said
    (tmp_path / "wide.csv").write_text("x,y\n0.5,1\n0.1,1\n")
    code, _, said = mapsto("predict", run, "wide.csv")
    assert code == 2 and "holds 2 columns: x, y" in said and "Keep 1 column" in said


def test_it_is_examined_again_and_in_another_world(result):
    again = mapsto.evaluate(result.path)
    assert again["scores"]["test"]["return"] == result.scores["test"]["return"]
    assert again["measure"] == "return"
    other = mapsto.evaluate(result.path, WORLD)
    assert other["scores"]["test"]["return"]["value"] > 9
    with pytest.raises(BadInput, match="is none"):
        mapsto.evaluate(result.path, "iris")


def test_another_world_is_not_gone_on_in(result, tmp_path):
    run = small().train(tmp_path / "run").path
    (run / "result.json").unlink()
    toml = run / "frame.toml"
    toml.write_text(toml.read_text().replace("kinds = 4", "kinds = 5"))
    with pytest.raises(BadInput, match="the data are not those"):
        mapsto.resume(run)


def test_every_seed_has_the_same_exam_and_its_own_course():
    learners = [small(seed=seed).learner() for seed in (0, 1)]
    first, second = (run.data.test.gather(torch.arange(5))["input"] for run in learners)
    assert torch.equal(first, second)
    third = small(split_seed=1).learner()
    other = third.data.test.gather(torch.arange(5))["input"]
    assert not torch.equal(first, other)
    one, two = (run.algorithm.experience.batch(0)["input"] for run in learners)
    assert not torch.equal(one, two)


def test_exams_are_the_same_however_many_copies_are_learned_in():
    exam = small().prepared.exam
    assert small().set("data.world.copies", 3).prepared.exam == exam
    others = {"data.world.test": 21, "data.world.limit": 9, "data.world.kinds": 5, "data.split.seed": 1}
    assert exam not in [small().set(path, value).prepared.exam for path, value in others.items()]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"target": "reward"}, "is the action, but came the target reward"),
        ({"test": WORLD}, "one acts in one world"),
        ({"folds": 3}, "no rows to deal out, but came data.split.folds"),
        ({"time": "moves"}, "no rows to deal out, but came data.split.time"),
    ],
)
def test_what_is_for_rows_is_refused(how, message):
    with pytest.raises(BadInput, match=message):
        mapsto.frame(WORLD, device="cpu", **how).learner()


def test_settings_of_a_world_that_are_none_offer_the_nearest():
    frame = mapsto.frame(WORLD, device="cpu")
    assert frame.set("data.copies", 3).learner().data.copies == 3
    with pytest.raises(UnknownName, match="copies"):
        frame.set("data.copis", 3)
    with pytest.raises(FrameError, match="copies"):
        mapsto.frame(WORLD, device="cpu").set("data.world.copies", -1).learner()


def test_an_objective_of_rows_and_a_model_of_rows_are_refused():
    with pytest.raises(FrameError, match="cross-entropy is for classification, but this is acting"):
        mapsto.frame(WORLD, device="cpu", objective="cross-entropy").learner()
    with pytest.raises(FrameError, match="acts with a policy, but a MLP has none"):
        mapsto.frame(WORLD, device="cpu").set("model", "mlp").learner()


def test_a_loss_that_rises_does_not_end_it():
    run = small().learner()
    for step, loss in enumerate([1.0, 1.0, 0.1, 50.0, 50.0, 50.0, 50.0, 50.0]):
        run.divergence.hear(step, {"value": loss})


def test_of_weights_that_return_the_same_the_later_are_kept():
    best, model = Best("return", 1), torch.nn.Linear(1, 1)
    for step, value in enumerate([3.0, 9.0, 9.0, 5.0]):
        best.hear(step, {"return": Estimate(value, value, value, 5)}, model)
    assert best.describe() == {"step": 2, "measure": "return", "value": 9.0}


def test_a_plateau_is_one_of_returns():
    until = {"name": "plateau", "measure": "loss", "patience": 2}
    with pytest.raises(BadInput, match="There are: return"):
        small().set("algorithm.update.schedule", {"name": "constant"}).set("algorithm.until", until).learner()


def test_from_the_command_line(mapsto, tmp_path):
    quick = [f"--set={path}={json.dumps(value)}" for path, value in SMALL.items() if not isinstance(value, dict)]
    code, out, _ = mapsto("train", WORLD, "--device=cpu", "--steps=20", "--run=run", *quick)
    assert code == 0
    assert "return" in out and "mapsto play run" in out
    code, out, _ = mapsto("evaluate", "run", "--json")
    assert code == 0 and json.loads(out)["measure"] == "return"
    code, _, err = mapsto("train", "CartPole-v1")
    assert code == 2 and "env:CartPole-v1" in err


def test_what_is_wrong_with_a_world_is_a_finding_of_its_check():
    pytest.importorskip("gymnasium")
    found = mapsto.check("env:CartPol-v1")
    assert [(f.code, f.level) for f in found] == [("D301", "error")]
    assert mapsto.check("env:Pendulum-v1")[0].code == "C097"


def test_rewards_are_brought_to_about_one_a_move_where_they_are_larger():
    pytest.importorskip("gymnasium")
    proposed = mapsto.frame("env:Pendulum-v1", device="cpu")
    assert proposed.settings["algorithm"]["experience"]["scale"] == 0.1
    assert "a move at random, are brought to about 1" in str(proposed.proposal.because["algorithm"])
    assert mapsto.frame(WORLD, device="cpu").settings["algorithm"]["experience"]["scale"] == 1
