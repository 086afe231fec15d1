import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest

import mapsto
from mapsto.core.errors import BadInput, FrameError, Interrupted
from mapsto.core.nouns import Raw
from mapsto.framing import train as training
from mapsto.framing.folds import pool, resume_folds
from mapsto.framing.frame import Frame
from mapsto.learner.watch import Unwatched

SPLIT = {"folds": 3, "valid": 0.2}


def table(rows: int = 60, shift: float = 0.0) -> Raw:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(rows, 2)) + shift
    word = np.where(x[:, 0] + 0.3 * draw.normal(size=rows) > shift, "yes", "no").astype(object)
    return Raw("made", {"a": x[:, 0], "b": x[:, 1], "word": word}, "word")


def framed(raw: Raw | None = None, **split: object) -> Frame:
    frame = Frame(raw or table(), data={"split": {**SPLIT, **split}}, device="cpu")
    return frame.set("model", {"name": "mlp", "width": 8}).set("algorithm.until.count", 8).set("algorithm.lr", 0.02)


class StopIn(Unwatched):
    """Somebody who asks to stop once training of fold `fold` has reported so often."""

    def __init__(self, fold: int, reports: int):
        self.fold, self.reports, self.at = fold, reports, 0

    def begin(self, learner: object) -> None:
        self.at, self.heard = self.at + 1, 0

    def __call__(self, report: object) -> None:
        self.heard += 1
        if self.at == self.fold and self.heard == self.reports:
            os.kill(os.getpid(), signal.SIGTERM)


class Folds(Unwatched):
    """Which folds are trained, as (the step they begin at)."""

    def __init__(self) -> None:
        self.begun: list[int] = []

    def begin(self, learner: object) -> None:
        self.begun.append(learner.step)


def read(path: Path) -> dict:
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in three folds that nobody stopped."""
    return framed().train(tmp_path_factory.mktemp("runs") / "whole", baseline_seconds=0).path


def test_every_row_is_examined_once(whole):
    result = read(whole / "result.json")
    assert result["scores"]["test"]["accuracy"]["n"] == result["examples"]["test"] == 60
    tested = [set(framed().fold(k).prepared.parts["test"].tolist()) for k in range(3)]
    assert set.union(*tested) == set(range(60)) and sum(map(len, tested)) == 60


def test_a_figure_is_the_mean_over_folds_with_the_t_interval_over_them(whole):
    folds = [read(whole / f"fold-{k}" / "result.json")["scores"]["test"]["log-loss"]["value"] for k in (1, 2, 3)]
    pooled = read(whole / "result.json")["scores"]["test"]["log-loss"]
    half = 4.302653 * np.std(folds, ddof=1) / 3**0.5  # the 97.5 % point of t with 2 degrees of freedom
    assert pooled["value"] == pytest.approx(np.mean(folds))
    assert (pooled["low"], pooled["high"]) == pytest.approx((np.mean(folds) - half, np.mean(folds) + half), rel=1e-5)


def test_baselines_are_pooled_over_the_same_folds(whole):
    folds = [
        read(whole / f"fold-{k}" / "result.json")["baselines"]["majority"]["test"]["accuracy"]["value"]
        for k in (1, 2, 3)
    ]
    assert read(whole / "result.json")["baselines"]["majority"]["test"]["accuracy"]["value"] == pytest.approx(
        np.mean(folds)
    )


def test_the_function_is_that_of_the_fold_with_the_best_validation_score(whole):
    result = read(whole / "result.json")
    valid = {
        f"fold-{k}": read(whole / f"fold-{k}" / "result.json")["scores"]["valid"]["accuracy"]["value"]
        for k in (1, 2, 3)
    }
    assert valid[result["model_from"]] == max(valid.values())
    for file in ("model.safetensors", "config.json", "domains.json"):
        assert (whole / "model" / file).read_bytes() == (whole / result["model_from"] / "model" / file).read_bytes()
    assert mapsto.load(whole)({"a": [3.0, -3.0], "b": [0.0, 0.0]}) == ["yes", "no"]


def test_a_fold_is_an_ordinary_run(whole):
    frame = (whole / "fold-2" / "frame.toml").read_text()
    assert "fold = 1" in frame and "alone = true" in frame
    assert (whole / "fold-2" / "report.html").exists() and (whole / "report.html").exists()
    assert read(whole / "fold-2" / "result.json")["examples"]["test"] == len(framed().fold(1).prepared.parts["test"])


def test_a_run_stopped_in_a_fold_goes_on_there_and_comes_to_the_same(whole, tmp_path):
    with pytest.raises(Interrupted, match=f"mapsto resume {tmp_path / 'stopped'}$"):
        framed().train(tmp_path / "stopped", watch=StopIn(fold=2, reports=2), baseline_seconds=0)
    assert (tmp_path / "stopped" / "fold-1" / "result.json").exists()
    assert not (tmp_path / "stopped" / "fold-2" / "result.json").exists()
    finished = (tmp_path / "stopped" / "fold-1" / "result.json").stat().st_mtime_ns

    seen = Folds()
    result = training.resume(tmp_path / "stopped", framed(), seen, baseline_seconds=0)

    assert len(seen.begun) == 2 and seen.begun[0] > 0 and seen.begun[1] == 0  # the second goes on, the third is new
    assert (tmp_path / "stopped" / "fold-1" / "result.json").stat().st_mtime_ns == finished
    assert result.scores == read(whole / "result.json")["scores"]
    assert result.written["model_from"] == read(whole / "result.json")["model_from"]


def test_other_data_are_refused_when_resuming(whole):
    with pytest.raises(BadInput, match="not those that"):
        resume_folds(whole, framed(table(shift=1.0)))


def test_a_finished_run_in_folds_is_not_repeated(whole):
    seen = Folds()
    resume_folds(whole, framed(), seen, 0)
    assert seen.begun == []


def test_the_exam_of_the_kept_function_is_that_of_its_own_fold(whole, tmp_path):
    result = read(whole / "result.json")
    own = framed().fold(int(result["model_from"][-1]) - 1).prepared
    f = mapsto.load(whole)
    said = f({name: table().columns[name][own.parts["test"]] for name in ("a", "b")})
    right = np.mean(np.array(said) == table().columns["word"][own.parts["test"]])
    fold = read(whole / result["model_from"] / "result.json")
    assert right == pytest.approx(fold["scores"]["test"]["accuracy"]["value"])


@pytest.mark.parametrize(
    ("split", "word"),
    [({"time": "a"}, "by time"), ({"column": "word"}, "a column says"), ({"folds": 40}, "fewer than 2 rows")],
)
def test_folds_that_mean_nothing_are_refused_before_there_is_a_run(split, word, tmp_path):
    frame = (
        Frame(table(), data={"split": {**SPLIT, **split}}, device="cpu") if split.get("column") is None else parted()
    )
    with pytest.raises(FrameError, match=word):
        frame.train(tmp_path / "run", baseline_seconds=0)
    assert not (tmp_path / "run").exists()


def parted() -> Frame:
    raw = table()
    raw.columns["part"] = np.array(["train", "valid", "test"] * 20, dtype=object)
    return Frame(raw, data={"split": {**SPLIT, "column": "part"}}, device="cpu")


@pytest.mark.parametrize("undefined", [0, 1, 2])
def test_folds_without_a_figure_do_not_count(undefined):
    figures = [{"value": 0.5 + 0.1 * k, "n": 10} for k in range(3)]
    for k in range(undefined):
        figures[k]["value"] = None
    found = pool(figures)
    assert found.n == 30
    assert found.value == pytest.approx({0: 0.6, 1: 0.65, 2: 0.7}[undefined])
    assert np.isnan(found.low) == (undefined == 2)


def test_an_interval_of_a_share_stays_within_0_and_1():
    found = pool([{"value": v, "n": 10} for v in (1.0, 1.0, 0.9)], bounded=True)
    assert found.high == 1.0 and 0 < found.low < found.value
