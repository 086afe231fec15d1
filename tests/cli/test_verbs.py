"""The verbs, from the command line and from Python: what they print, and that they give the same numbers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import mapsto as library

SCORE = {"value", "low", "high", "n"}


@pytest.fixture
def flowers(mapsto: Callable) -> dict:
    """A short run on iris: its JSON."""
    code, out, err = mapsto("train", "iris", "--epochs", "5", "--json", "--run", "flowers")
    assert code == 0, err
    assert out.count("\n") == 1, "exactly one JSON object on standard output"
    return json.loads(out)


def test_train_says_all_that_was_promised_as_one_json_object(flowers):
    assert flowers["run"] == "flowers" and flowers["problem"] == "classification" and flowers["measure"] == "accuracy"
    assert set(flowers["scores"]) == {"train", "valid", "test"}
    for scores in flowers["scores"].values():
        assert all(set(score) == SCORE for score in scores.values())
    assert {"majority", "logistic-regression", "decision-tree"} <= set(flowers["baselines"])
    assert all(set(b["test"]["accuracy"]) == SCORE for b in flowers["baselines"].values())
    assert flowers["verdict"]["limit"] in ("capacity", "data", "label-noise", "mismatch", "none")
    assert flowers["verdict"]["advice"] and flowers["steps"] == 15 and flowers["seconds"] > 0 and flowers["seed"] == 0


def test_the_run_folder_holds_what_it_should(flowers):
    found = {p.name for p in Path("flowers").iterdir()}
    assert {
        "frame.toml",
        "environment.json",
        "history.jsonl",
        "checkpoints",
        "model",
        "result.json",
        "report.html",
    } <= found
    page = Path("flowers/report.html").read_text(encoding="utf-8")
    assert "http://" not in page.replace("http://www.w3.org", "") and "<script" not in page


def test_evaluate_gives_the_numbers_of_training(mapsto, flowers):
    _, out, _ = mapsto("evaluate", "flowers", "--json")
    assert json.loads(out)["scores"] == flowers["scores"]


def test_predict_and_the_loaded_function_agree_in_the_raw_values_own_words(mapsto, flowers):
    _, out, _ = mapsto("predict", "flowers", "iris", "--json", "--top", "2")
    rows = json.loads(out)
    assert len(rows) == 150 and {row["prediction"] for row in rows} <= {"setosa", "versicolor", "virginica"}
    f = library.load("flowers")
    from sklearn.datasets import load_iris

    flower = dict(zip(load_iris().feature_names, load_iris().data[0], strict=True))
    assert f(flower) == rows[0]["prediction"] and f([flower, flower]) == [f(flower)] * 2
    assert f.probabilities(flower) == pytest.approx(rows[0]["probabilities"], abs=1e-6)
    assert sum(f.probabilities(flower).values()) == pytest.approx(1.0, abs=1e-6)


def test_the_function_gives_the_same_numbers_in_another_process(flowers):
    asked = "f.probabilities({c: 1.0 for c in f.input.columns})"
    program = f"import mapsto, json; f = mapsto.load('flowers'); print(json.dumps({asked}))"
    said = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    f = library.load("flowers")
    assert said[0] == said[1] and json.loads(said[0]) == f.probabilities(dict.fromkeys(f.input.columns, 1.0))


def test_python_and_the_command_line_give_the_same_numbers(flowers):
    frame = library.frame("iris").set("algorithm.until.count", 5)
    result = frame.train("again")
    assert result.scores == flowers["scores"] and result.written["verdict"] == flowers["verdict"]


def test_a_frame_written_down_and_trained_from_is_the_same_run(mapsto, flowers):
    _, toml, _ = mapsto("frame", "iris", "--epochs", "5", "--toml")
    Path("frame.toml").write_text(toml)
    _, out, _ = mapsto("train", "frame.toml", "--json", "--run", "third")
    assert json.loads(out)["scores"] == flowers["scores"]


def test_resume_of_a_finished_run_gives_its_result(mapsto, flowers):
    _, out, _ = mapsto("resume", "flowers", "--json")
    assert json.loads(out) == flowers


def test_compare_puts_the_better_run_first(mapsto, flowers):
    mapsto("train", "iris", "--set", "model=gradient-boosting", "--run", "trees", "--quiet", "--baselines", "0")
    code, out, _ = mapsto("compare", "flowers", "trees", "--json")
    rows = json.loads(out)
    assert code == 0 and [row["test"]["value"] for row in rows] == sorted(
        (row["test"]["value"] for row in rows), reverse=True
    )
    assert {row["model"] for row in rows} == {"mlp", "gradient-boosting"} and len({row["data"] for row in rows}) == 1


def test_runs_are_listed_and_cleaned(mapsto, flowers):
    _, out, _ = mapsto("runs", "--folder", ".", "--json")
    assert [row["state"] for row in json.loads(out)] == ["finished"]
    mapsto("runs", "--folder", ".", "clean", "--yes")
    assert not Path("flowers/checkpoints").exists() and Path("flowers/model/model.safetensors").exists()


def test_the_second_run_gets_the_next_number(mapsto):
    for number in (1, 2):
        assert mapsto("train", "iris", "--steps", "2", "--quiet", "--baselines", "0")[0] == 0
        assert Path(f"runs/iris-{number}").is_dir()


def test_the_zoo_lists_every_model_with_a_line(mapsto):
    _, out, _ = mapsto("zoo", "models", "--json")
    models = json.loads(out)["models"]
    assert {"linear", "mlp", "le-net", "res-net", "decision-tree", "svm"} <= set(models) and all(models.values())
    assert "digits" in mapsto("zoo", "data")[1]
    assert mapsto("zoo", "modles")[0] == 2


def test_help_needs_no_torch():
    program = """
import sys
from mapsto.cli import main
try:
    main(['--help'])
except SystemExit:
    assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_an_exam_on_a_given_column_and_a_group_is_kept(mapsto):
    rng = np.random.default_rng(0)
    rows = [f"{'train' if i % 4 else 'test'},p{i % 9},{rng.random():.3f},{i % 2}" for i in range(120)]
    Path("a.csv").write_text("part,patient,x,y\n" + "\n".join(rows))
    for how in (("--split-column", "part"), ("--group", "patient"), ("--time", "x")):
        code, _, err = mapsto(
            "train", "a.csv", "--target", "y", "--steps", "3", "--json", "--quiet", "--baselines", "0", *how
        )
        assert code == 0, err
    assert (
        json.loads(
            mapsto(
                "train",
                "a.csv",
                "--target",
                "y",
                "--steps",
                "3",
                "--json",
                "--quiet",
                "--split-column",
                "part",
                "--baselines",
                "0",
            )[1]
        )["examples"]["test"]
        == 30
    )


def test_an_own_module_trains_and_is_handed_over_when_loading(tmp_path, monkeypatch):
    from torch import nn

    class Mine(nn.Module):
        def __init__(self):
            super().__init__()
            self.line = nn.Linear(4, 3)

        def forward(self, input):
            return self.line(input["number"])

    monkeypatch.chdir(tmp_path)
    frame = library.frame("iris").set("algorithm.until.count", 3)
    frame.model = Mine()
    result = frame.train("mine", baseline_seconds=0)
    with pytest.raises(library.BadInput, match="Mine"):
        library.load("mine")
    f = library.load("mine", model=Mine())
    assert f(dict.fromkeys(f.input.columns, 1.0)) in ("setosa", "versicolor", "virginica") and result.scores["test"]
