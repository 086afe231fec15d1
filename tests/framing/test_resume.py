"""A run that was stopped and resumed is the run that never stopped, bit for bit, in every file but the clock's."""

import functools
import json
import os

import numpy as np
import pytest

from mapsto.algorithms.update import Descend, Solve
from mapsto.core.errors import BadInput, Interrupted
from mapsto.core.nouns import Raw
from mapsto.framing.frame import Frame
from mapsto.framing.source import frame_data
from mapsto.framing.train import resume, train
from mapsto.learner.run import Run


def table(rows=120, seed=0) -> Raw:
    """Two columns of numbers, some missing, one of words; three kinds of flower."""
    draw = np.random.default_rng(seed)
    height, width = draw.normal(size=rows), draw.normal(size=rows)
    wood = draw.choice(np.array(["oak", "elm", "ash"], object), rows)
    kind = np.where(height + (wood == "oak") > 0.5, "rose", np.where(width > 0, "lily", "iris")).astype(object)
    height[draw.random(rows) < 0.1] = np.nan
    return Raw("flowers", {"height": height, "width": width, "wood": wood, "kind": kind}, target="kind")


def pictures(rows=90) -> Raw:
    """A bright bar, upright or lying."""
    draw = np.random.default_rng(0)
    seen = draw.integers(0, 90, (rows, 12, 12)).astype(np.uint8)
    upright = draw.random(rows) < 0.5
    for k, up in enumerate(upright):
        place = slice(4, 7)
        seen[(k, slice(None), place) if up else (k, place)] += 120
    return Raw("bars", {"picture": seen, "way": np.where(upright, "up", "down").astype(object)}, target="way")


def on_table() -> Frame:
    """So fast a rate that the best weights come long before the last; said here, since what is proposed may change."""
    frame = Frame(table(), seed=3, device="cpu").set("model", {"name": "mlp", "width": 64, "dropout": 0.1})
    frame.set(
        "algorithm.update", {"name": "descend", "learning_rate": 0.1, "ema": 0.5, "schedule": {"name": "constant"}}
    )
    return frame.set("algorithm.batch", 32).set("algorithm.until.count", 5)


def on_pictures() -> Frame:
    frame = Frame(pictures(), seed=3, device="cpu").set("model.width", 4).set("algorithm.batch", 16)
    frame.set("data.augment", [{"name": "shift", "pixels": 1}, {"name": "cutout", "size": 3}])
    frame.set("algorithm.until.count", 4)
    return frame.set("algorithm.ema", 0.9).set("algorithm.accumulate", 3).set("algorithm.clip", 1.0)


def with_tree() -> Frame:
    return Frame(table(), seed=3, device="cpu").set("model.name", "gradient-boosting").set("model.rounds", 5)


def on_texts() -> Frame:
    words = ["wonderful film", "dull story", "moving end", "clumsy cast and no more"]
    texts = np.array([f"it is a {words[i % 4]} , said {i} of them" for i in range(90)], dtype=object)
    raw = Raw("texts", {"text": texts, "label": np.arange(90) % 4}, "label")
    frame = Frame(raw, seed=5, device="cpu").set("model.width", 4).set("model.embedding", 8)
    return frame.set("algorithm.until.count", 4)


def on_world() -> Frame:
    """Roll-outs of 8 steps each, over whose edges it is stopped, and in their midst."""
    frame = frame_data("env:identity", seed=3, device="cpu").set("data.world.valid", 5).set("data.world.test", 5)
    for setting, value in {"moves": 8, "batch_size": 32, "epoch": 2}.items():
        frame.set(f"algorithm.experience.{setting}", value)
    return frame.set("algorithm.until.count", 3)


FRAMES = {"world": on_world, "texts": on_texts, "table": on_table, "pictures": on_pictures, "solved": with_tree}
QUICK = {"baseline_seconds": 0.0}  # the trivial one alone


@pytest.fixture(autouse=True)
def no_page(monkeypatch):
    """Drawing the report takes as long as all the rest, and tests/insight looks at it."""
    monkeypatch.setattr("mapsto.framing.conclude.page", lambda report: "")


@pytest.fixture(scope="module")
def wholes(tmp_path_factory):
    """What each frame comes to when nothing stops it; found once."""
    folder = tmp_path_factory.mktemp("wholes")
    return functools.cache(lambda kind: outcome(train(FRAMES[kind](), folder / kind, **QUICK)))


def stop_after(reports):
    """An observer that asks the process to stop, as a polite kill does, at its so-manieth report."""
    left = [reports]

    def ask(report):
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), 15)

    return ask


@pytest.fixture
def asked_at(monkeypatch):
    """Steps in the midst of which somebody asks the process to stop: between reports and exams, too."""
    steps = []
    for update in (Descend, Solve):

        def watched(self, batch, step, whole=update.step):
            if step in steps:
                steps.remove(step)
                os.kill(os.getpid(), 15)
            return whole(self, batch, step)

        monkeypatch.setattr(update, "step", watched)
    return steps


def outcome(result):
    """Everything that a run leaves, but what the clock says: (bytes of files, result.json)."""
    folder = result.path
    files = {
        name: (folder / name).read_bytes()
        for name in (
            "history.jsonl",
            "model/model.safetensors",
            "model/last.safetensors",
            "model/domains.json",
            "frame.toml",
        )
    }
    written = json.loads((folder / "result.json").read_text())
    del written["seconds"]
    for baseline in written["baselines"].values():
        del baseline["seconds"]
    checkpoint = Run(folder).checkpoints()[0]
    files["checkpoint"] = (checkpoint / "tensors.safetensors").read_bytes() + (checkpoint / "state.json").read_bytes()
    return files, written


# the table takes 15 steps in epochs of 3, the pictures 16 in epochs of 4; step 2 is the last of the table's first epoch
STOPS = [
    ("world", [5, 24]),
    ("table", [2]),
    ("table", [0, 7, 13]),
    ("pictures", [3]),
    ("pictures", [5, 6, 14]),
    ("solved", [0]),
]


@pytest.mark.parametrize(("kind", "stops"), STOPS)
def test_a_stopped_and_resumed_run_is_the_whole_run(tmp_path, wholes, asked_at, kind, stops):
    whole = wholes(kind)
    assert whole[1]["steps"] == {"world": 48, "table": 15, "pictures": 16, "solved": 1}[kind]
    asked_at += stops
    reached = stops[0] + 1 if kind != "solved" else 0  # a solution is broken off, or not begun
    with pytest.raises(Interrupted, match=f"stopped at step {reached} .* nothing is lost") as stopped:
        train(FRAMES[kind](), tmp_path / "run", **QUICK)
    assert stopped.value.exit_code == 128 + 15
    for step in stops[1:]:
        with pytest.raises(Interrupted, match=f"stopped at step {step + 1} "):
            resume(tmp_path / "run", FRAMES[kind](), **QUICK)
    assert outcome(resume(tmp_path / "run", FRAMES[kind](), **QUICK)) == whole


def test_the_best_weights_may_be_from_before_the_stop(wholes):
    """So what is compared above has them from a checkpoint, and not only from what was learned afterwards."""
    assert wholes("table")[1]["best"]["step"] < max(stop for kind, stops in STOPS for stop in stops if kind == "table")


def test_what_is_compared_would_show_a_difference(tmp_path, wholes):
    one = wholes("table")
    other = outcome(train(on_table().set("run.seed", 4), tmp_path / "other", **QUICK))
    assert {name for name in one[0] if one[0][name] != other[0][name]} >= {
        "history.jsonl",
        "model/model.safetensors",
        "model/last.safetensors",
        "checkpoint",
    }
    assert one[1]["scores"] != other[1]["scores"]


def test_a_run_whose_newest_checkpoint_is_damaged_is_still_the_whole_run(tmp_path, wholes):
    whole = wholes("table")
    with pytest.raises(Interrupted):
        train(on_table(), tmp_path / "run", observers=[stop_after(2)], **QUICK)
    with pytest.raises(Interrupted):
        resume(tmp_path / "run", on_table(), observers=[stop_after(2)], **QUICK)
    newest = Run(tmp_path / "run").checkpoints()[0] / "tensors.safetensors"
    newest.write_bytes(newest.read_bytes()[:-1])
    watch = Said()
    assert outcome(resume(tmp_path / "run", on_table(), watch=watch, **QUICK)) == whole
    assert any("skipped a checkpoint" in words and newest.parent.name in words for words in watch.said)


class Said:
    """A watch that remembers what was said."""

    def __init__(self):
        self.said, self.begun = [], []

    def begin(self, learner):
        self.begun.append(learner.step)

    def __call__(self, report): ...

    def say(self, what):
        self.said.append(what)

    tell = say


def test_a_finished_run_resumed_says_the_same_again(tmp_path):
    whole = outcome(train(on_table(), tmp_path / "run", **QUICK))
    watch = Said()
    assert outcome(resume(tmp_path / "run", on_table(), watch=watch, **QUICK)) == whole
    assert watch.begun == [15]
    assert not any("differ" in words for words in watch.said), "nothing has changed since"


def test_a_run_killed_before_its_first_checkpoint_begins_anew(tmp_path, wholes):
    whole = wholes("table")

    def dies(report):
        raise MemoryError

    with pytest.raises(MemoryError):
        train(on_table(), tmp_path / "run", observers=[dies], **QUICK)
    assert Run(tmp_path / "run").checkpoints() == []
    assert outcome(resume(tmp_path / "run", on_table(), **QUICK)) == whole


# -- on what it was started --------------------------------------------------------------------------------------------


def changed(how) -> Frame:
    raw = table()
    how(raw.columns)
    return Frame(raw, seed=3, device="cpu").set("algorithm.until.count", 5).set("algorithm.lr", 0.05)


def one_number(columns):
    columns["width"][7] += 0.01


def one_label(columns):
    columns["kind"][5] = "rose" if columns["kind"][5] != "rose" else "lily"


def another_unit(columns):
    columns["width"] *= 4.0  # a power of two: standardised, every bit is the same


def another_name(columns):
    columns["kind"][columns["kind"] == "lily"] = "lilium"  # in the same place of the alphabet


def rows_in_another_order(columns):
    for name in columns:
        columns[name] = columns[name][::-1].copy()


@pytest.mark.parametrize("how", [one_number, one_label, another_unit, another_name, rows_in_another_order])
def test_resuming_on_changed_data_is_refused(tmp_path, how):
    with pytest.raises(Interrupted):
        train(on_table(), tmp_path / "run", observers=[stop_after(1)], **QUICK)
    before = (tmp_path / "run" / "history.jsonl").read_bytes()
    with pytest.raises(BadInput, match=r"not those that .* was started on"):
        resume(tmp_path / "run", changed(how), **QUICK)
    assert (tmp_path / "run" / "history.jsonl").read_bytes() == before


def test_resuming_a_run_at_work_is_refused_and_leaves_its_history_alone(tmp_path):
    """Somebody resumes in a second window what is still training in the first."""
    seen = []

    def second_window(report):
        folder = tmp_path / "run"
        before = (folder / "history.jsonl").read_bytes()
        with pytest.raises(BadInput, match="another process is working"):
            resume(folder, on_table(), **QUICK)
        seen.append((folder / "history.jsonl").read_bytes() == before)

    result = train(on_table(), tmp_path / "run", observers=[second_window], **QUICK)
    assert seen == [True] * 5
    assert [line["step"] for line in Run(result.path).history()] == [3, 6, 9, 12, 15]


def test_a_run_folder_that_holds_something_is_refused_before_anything_is_learned(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    reports = []
    with pytest.raises(BadInput, match="already holds something"):
        train(on_table(), tmp_path / "run", observers=[reports.append], **QUICK)
    assert reports == []
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["notes.txt"]
