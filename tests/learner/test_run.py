"""A run is a folder: made whole or not at all, resumed from what verifies, worked on by one process at a time."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from toys import learner, stopped

import mapsto
from mapsto.core.errors import BadInput, Damaged
from mapsto.core.state import pack, read_folder, seal, write_folder
from mapsto.learner import run as running
from mapsto.learner.fit import Report
from mapsto.learner.run import Checkpoints, Run, runs
from mapsto.models import MLP


@pytest.fixture
def run(tmp_path) -> Run:
    return Run.create(tmp_path / "run", "toy", "x = 1\n", {"torch": torch.__version__})


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


# -- making ------------------------------------------------------------------------------------------------------------


def test_a_new_run_says_what_was_asked_and_where(run):
    assert files(run.path) == ["environment.json", "frame.toml"]
    assert run.frame() == "x = 1\n"
    assert run.environment() == {"torch": torch.__version__}
    assert run.history() == []
    assert run.checkpoints() == []


def test_a_folder_that_holds_something_is_not_touched(tmp_path):
    theirs = tmp_path / "thesis"
    theirs.mkdir()
    (theirs / "chapter.txt").write_text("years of work")
    with pytest.raises(BadInput, match=r"already holds something(.|\n)*mapsto resume"):
        Run.create(theirs, "toy", "", {})
    assert files(tmp_path) == ["thesis", "thesis/chapter.txt"]


def test_a_file_where_the_run_should_be_is_not_touched(tmp_path):
    (tmp_path / "run").write_text("something else")
    with pytest.raises(BadInput, match="already holds something"):
        Run.create(tmp_path / "run", "toy", "", {})
    assert (tmp_path / "run").read_text() == "something else"


def test_an_empty_folder_may_become_a_run(tmp_path):
    (tmp_path / "run").mkdir()
    assert Run.create(tmp_path / "run", "toy", "x = 1", {}).frame() == "x = 1"


@pytest.mark.parametrize("failing", ["write", "fsync", "mkdir", "rename"])
def test_a_run_that_cannot_be_made_leaves_nothing_half_made(tmp_path, monkeypatch, failing):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, failing, full)
    with pytest.raises(BadInput, match=r"cannot make the run folder: .*run.*No space left(.|\n)*--run"):
        Run.create(tmp_path / "run", "toy", "x = 1", {})
    assert files(tmp_path) == []


def test_a_run_below_a_file_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot make the run folder"):
        Run.create(tmp_path / "file" / "run", "toy", "", {})
    assert files(tmp_path) == ["file"]


def test_what_a_dead_process_left_of_a_run_goes_and_what_a_living_one_makes_stays(tmp_path):
    gone = subprocess.Popen(["true"])
    gone.wait()
    for process in (gone.pid, os.getppid()):
        (tmp_path / f".run.{process}.partial").mkdir()
    Run.create(tmp_path / "run", "toy", "x = 1", {})
    assert sorted(p.name for p in tmp_path.iterdir()) == [f".run.{os.getppid()}.partial", "run"]


def test_runs_are_numbered_after_their_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = [Run.create(None, name, "", {}).path.name for name in ("iris", "iris", "wine", "iris", "../etc/pass wd", "")]
    assert made == ["iris-1", "iris-2", "wine-1", "iris-3", "etc-pass-wd-1", "run-1"]
    assert {p.parent.resolve() for p in map(Path, Path("runs").iterdir())} == {(tmp_path / "runs").resolve()}
    (tmp_path / "runs" / ".half.partial").mkdir()
    assert [r.path.name for r in runs()] == sorted(made)


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(BadInput, match=r"no run at .*expected .*frame.toml(.|\n)*mapsto runs"):
        Run(tmp_path)


# -- checkpoints -------------------------------------------------------------------------------------------------------


def saved(run, *steps):
    """A learner that was saved after each of these steps."""
    learned = learner()
    for step in steps:
        stopped(learned, step)
        run.save(learned, {"seconds": float(step)})
    return learned


def test_a_checkpoint_is_all_that_the_next_step_follows_from(run):
    before, after = saved(run, 8), learner(weights=1)
    about, skipped = run.restore(after)
    assert about["seconds"] == 8.0
    assert skipped == []
    assert pack(after.state_dict()) == pack(before.state_dict())


def test_every_file_of_a_checkpoint_is_in_its_manifest_and_verifies(run):
    saved(run, 4)
    (path,) = run.checkpoints()
    content, manifest = read_folder(path)
    assert path.name == "step-00000004"
    assert set(content) == set(files(path)) - {"manifest.json"} == set(manifest["files"])
    assert all(stated["size"] == len(content[name]) for name, stated in manifest["files"].items())


def test_the_newest_checkpoints_are_kept_and_older_ones_go(run):
    saved(run, 2, 4, 6, 20)
    assert [p.name for p in run.checkpoints()] == ["step-00000020", "step-00000006"]


def flip(path: Path, place: int, bit: int = 1) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= bit
    path.write_bytes(data)


@pytest.mark.parametrize("name", ["tensors.safetensors", "state.json", "manifest.json"])
@pytest.mark.parametrize("where", [0, 0.3, 0.5, 0.9])
def test_a_flipped_bit_in_the_newest_falls_back_to_the_one_before_and_says_so(run, name, where):
    saved(run, 4, 8)
    path = run.checkpoints()[0] / name
    flip(path, int(where * path.stat().st_size))
    after = learner(weights=1)
    about, skipped = run.restore(after)
    assert after.step == 4
    assert about["seconds"] == 4.0
    assert len(skipped) == 1
    assert "step-00000008" in skipped[0]
    assert pack(after.state_dict()) == pack(stopped(learner(), 4).state_dict())


def test_every_flipped_bit_in_a_manifest_is_noticed(run):
    saved(run, 4, 8)
    newest, after = run.checkpoints()[0] / "manifest.json", learner()
    whole = newest.read_bytes()
    for place in range(len(whole)):
        flip(newest, place, 1 << place % 7)
        _, skipped = run.restore(after)
        assert "manifest.json" in skipped[0]
        assert after.step == 4
        newest.write_bytes(whole)


@pytest.mark.parametrize("name", ["tensors.safetensors", "state.json", "manifest.json"])
def test_a_checkpoint_that_lacks_a_file_or_its_end_is_skipped(run, name):
    saved(run, 4, 8)
    path = run.checkpoints()[0] / name
    path.write_bytes(path.read_bytes()[:-3])
    after = learner()
    assert "step-00000008" in run.restore(after)[1][0]
    path.unlink()
    assert "step-00000008" in run.restore(after)[1][0]
    assert after.step == 4


@pytest.mark.parametrize("name", [".lock", "history.jsonl", "checkpoints", "model"])
def test_a_run_does_not_work_through_a_link_to_elsewhere(run, tmp_path, name):
    (tmp_path / "mine").write_text("untouched")
    (run.path / name).symlink_to(tmp_path / "mine")
    with pytest.raises(Damaged, match="a link"), run.locked():
        pass
    assert (tmp_path / "mine").read_text() == "untouched"


def test_a_manifest_that_points_elsewhere_is_not_followed(run, tmp_path):
    saved(run, 4, 8)
    (tmp_path / "secret").write_text("x")
    path = run.checkpoints()[0] / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["sha256"]
    manifest["files"]["../../../secret"] = {"size": 1, "sha256": "0"}
    path.write_bytes(seal(json.dumps(manifest, indent=1).encode()))
    assert "no plain file name" in run.restore(learner())[1][0]


def test_where_nothing_verifies_the_run_begins_anew_and_says_why(run):
    saved(run, 4, 8)
    for path in run.checkpoints():
        flip(path / "tensors.safetensors", 500)
    fresh = learner()
    before = pack(fresh.state_dict())
    about, skipped = run.restore(fresh)
    assert about == {}
    assert len(skipped) == 2
    assert pack(fresh.state_dict()) == before


def test_weights_of_another_model_are_not_half_taken(run):
    saved(run, 4)
    wider = learner(model=MLP((6,), 3, width=9, norm="batch"))
    before = pack(wider.state_dict())
    _, skipped = run.restore(wider)
    assert "not those of a MLP built like this" in skipped[0]
    assert pack(wider.state_dict()) == before


def test_a_checkpoint_half_written_is_no_checkpoint(run, monkeypatch):
    """The process ends while it writes: the one before stays, and nobody takes the half for a whole."""
    saved(run, 4)

    def ends(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("mapsto.core.disk.sync", ends)
    with pytest.raises(KeyboardInterrupt):
        saved(run, 8)
    after = learner()
    assert run.restore(after)[1] == []
    assert after.step == 4


def test_a_folder_written_again_is_the_new_one(tmp_path):
    write_folder(tmp_path / "f", {"a": b"1", "b": b"2"})
    write_folder(tmp_path / "f", {"a": b"3"})
    assert read_folder(tmp_path / "f")[0] == {"a": b"3"}
    assert files(tmp_path) == ["f", "f/a", "f/manifest.json"]


@pytest.mark.parametrize(
    "manifest", ["[]", "{}", '{"files": []}', '{"files": {"a": 1}}', '{"files": {"a": {}}}', "7", "{", ""]
)
def test_a_manifest_that_says_nothing_is_damage(tmp_path, manifest):
    write_folder(tmp_path / "f", {"a": b"1"})
    (tmp_path / "f" / "manifest.json").write_text(manifest)
    with pytest.raises(Damaged, match=r"manifest.json"):
        read_folder(tmp_path / "f")


def test_checkpoints_are_made_at_reports_when_time_has_gone_by(run, monkeypatch):
    class Clock:
        now = 0.0

        def monotonic(self):
            return self.now

        time = monotonic

    clock = Clock()
    monkeypatch.setattr(running, "time", clock)
    learned = learner()
    saver = Checkpoints(run, learned, {}, seconds=20)
    for step, (now, scores) in enumerate([(19, {}), (21, None), (22, {}), (30, {}), (43, {})], 1):
        clock.now, learned.step = now, step
        saver(Report(step, 0.0, {}, scores))
    assert [p.name for p in run.checkpoints()] == ["step-00000005", "step-00000002"]


# -- history -----------------------------------------------------------------------------------------------------------


def test_history_has_a_line_a_report_and_no_clock(run):
    learner().fit(observers=[run.record])
    history = run.history()
    assert [line["step"] for line in history] == [3, 6, 9, 12, 15, 18, 20]
    assert set(history[0]) == {"step", "epoch", "losses", "valid"}
    assert history[0]["epoch"] == 1.0
    assert {"accuracy", "loss"} <= set(history[0]["valid"])
    timing = [json.loads(line) for line in (run.path / "timing.jsonl").read_text().splitlines()]
    assert [line["step"] for line in timing] == [line["step"] for line in history]


def test_history_is_cut_back_to_the_checkpoint(run):
    learned = learner()
    learned.fit(9, observers=[run.record])
    run.save(learned, {})
    learned.fit(observers=[run.record])
    assert run.history()[-1]["step"] == 20
    run.restore(learner())
    assert [line["step"] for line in run.history()] == [3, 6, 9]
    assert len((run.path / "timing.jsonl").read_text().splitlines()) == 3


def test_without_a_checkpoint_history_begins_anew(run):
    learner().fit(5, observers=[run.record])
    assert run.history()
    run.restore(learner())
    assert run.history() == []


def test_a_last_line_cut_short_is_not_read(run):
    learned = learner()
    learned.fit(9, observers=[run.record])
    with open(run.path / "history.jsonl", "a") as file:
        file.write('{"step": 12, "los')
    assert [line["step"] for line in run.history()] == [3, 6, 9]
    run.save(learned, {})
    run.restore(learner())
    run.record(Report(12, 4.0, {}, None))
    assert [line["step"] for line in run.history()] == [3, 6, 9, 12]


def test_a_run_in_pieces_has_the_history_of_the_whole(run, tmp_path):
    whole = Run.create(tmp_path / "whole", "toy", "", {})
    learner().fit(observers=[whole.record])
    first = learner()
    first.fit(observers=[run.record], stop=type("Stop", (), {"asked": property(lambda self: first.step >= 10)})())
    run.save(first, {})
    second = learner(weights=1)
    run.restore(second)
    second.fit(observers=[run.record])
    assert (run.path / "history.jsonl").read_bytes() == (whole.path / "history.jsonl").read_bytes()


# -- what came of it ---------------------------------------------------------------------------------------------------


def test_a_run_whose_training_has_not_ended_has_no_result(run):
    with pytest.raises(BadInput, match=r"has no result yet(.|\n)*mapsto resume"):
        run.result()
    run.write("result.json", '{"steps": 7}')
    assert run.result() == {"steps": 7}


def test_a_result_that_is_no_json_is_damage(run):
    run.write("result.json", '{"steps": ')
    with pytest.raises(Damaged, match=r"result.json: not JSON"):
        run.result()


# -- one at a time -----------------------------------------------------------------------------------------------------

WORKER = """
import sys
from mapsto.core.errors import BadInput
from mapsto.learner.run import Run
try:
    with Run(sys.argv[1]).locked():
        print("working", flush=True)
        sys.stdin.readline()
except BadInput as error:
    print(error.message)
"""


def worker(run: Run) -> subprocess.Popen:
    """Another process that works on the run until it is told to leave off."""
    source = {**os.environ, "PYTHONPATH": str(Path(mapsto.__file__).parents[1])}
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(run.path)],
        env=source,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def test_a_second_process_is_refused_until_the_first_ends(run):
    with worker(run) as first:
        assert first.stdout.readline() == "working\n"
        with pytest.raises(BadInput, match=r"another process is working on .*run"), run.locked():
            pytest.fail("two processes at work")
        first.kill()  # however it ends, the lock goes with it
        first.wait()
        with run.locked(), pytest.raises(BadInput, match="another process"), Run(run.path).locked():
            pytest.fail("two at work")


def test_the_lock_goes_with_an_error_too(run):
    with pytest.raises(ZeroDivisionError), run.locked():
        raise ZeroDivisionError
    with run.locked():
        pass
