"""Power goes after any prefix of what a run asks of the disk: whatever had been saved is there, and the rest is no trap.

A kill keeps the page cache, so temporary name and rename survive it without a single fsync; power is another fault, and is
tried here on a model of the disk (disks.py) that forgets, reorders and tears all that was not fsynced.
"""

import hashlib
import random
import shutil
from pathlib import Path

import pytest
from disks import Disk, Layer, Recorder, Tree, lay
from folders import save_model
from toys import learner

from mapsto.core import disk, state
from mapsto.core.errors import BadInput, MapstoError
from mapsto.core.state import pack, read_folder
from mapsto.export import bundle
from mapsto.learner.fit import Report
from mapsto.learner.run import LOGS, Run

FRAME, ENVIRONMENT, RESULT, AGAIN = "x = 1\n", {"torch": "2"}, '{"steps": 12}', '{"steps": 12, "again": true}'
STEPS = (3, 6, 9, 12)


@pytest.fixture(scope="module")
def packed() -> dict[int, dict[str, bytes]]:
    """What the learner is after each of the steps: bit for bit what a resumed one has to be."""
    learned = learner()
    return {0: pack(learner().state_dict())} | {step: pack(learned.fit(step).state_dict()) for step in STEPS}


def life(root: Path, recorder: Recorder) -> None:
    """Created, saved three times, stopped and resumed, saved again at the same and at a later step, concluded twice."""

    def saved(run, learned, step):
        for told in range(learned.step + 1, step + 1):
            run.record(Report(told, told / 3, {"loss": 0.5}, None))
        run.save(learned.fit(step), {})
        recorder.mark(("step", step))

    run, learned = Run.create(root / "runs" / "toy", "toy", FRAME, ENVIRONMENT), learner()
    recorder.mark(("created", True))
    for step in STEPS[:3]:
        saved(run, learned, step)
    run.record(Report(10, 10 / 3, {"loss": 0.5}, None))  # and then it is stopped
    run, learned = Run(run.path), learner(weights=1)
    with run.locked():
        run.restore(learned)
    for step in STEPS[2:]:
        saved(run, learned, step)
    for version, result in ((1, RESULT), (2, AGAIN)):
        save_model(run.path / "model", learned, version)
        recorder.mark(("model", version))
        run.write("result.json", result)
        recorder.mark(("result", version))


def found_after(root: Path, promised: dict, packed: dict) -> None:
    """What a process finds that comes after the power cut; any error is a broken promise."""
    path = root / "runs" / "toy"
    if not path.exists():
        assert "created" not in promised
        Run.create(path, "toy", FRAME, ENVIRONMENT)
    run, learned = Run(path), learner(weights=1)
    assert (run.frame(), run.environment()) == (FRAME, ENVIRONMENT)
    version = promised.get("model", 0)
    assert model_in(path) in (version, version + 1)  # while nobody works on the run
    with run.locked():
        _, skipped = run.restore(learned)
    later = min((s for s in STEPS if s > promised.get("step", 0)), default=None)
    assert learned.step in (promised.get("step", 0), later)
    if learned.step:
        assert pack(learned.state_dict()) == packed[learned.step]
    assert not skipped
    for checkpoint in run.checkpoints():
        read_folder(checkpoint)  # whatever stands under the name of one
    for log in LOGS:
        assert [line["step"] for line in run._lines(log)] == list(range(1, learned.step + 1)), log
    results = [None, RESULT, AGAIN]
    result = (path / "result.json").read_text() if (path / "result.json").exists() else None
    assert result in results[promised.get("result", 0) :][:2]
    assert model_in(path) in (version, version + 1)  # and when its leftovers have been cleared away
    assert {p.name for p in path.rglob(".*")} == {".lock"}
    assert not list(path.parent.glob(".*"))
    run.save(learned, {})  # it goes on from there
    assert run.checkpoints()[0].name == f"step-{learned.step:08d}"


def model_in(path: Path) -> int:
    try:
        return bundle.load(path).about["version"]
    except BadInput as error:
        assert "no model yet" in error.message, error
        return 0


class Replay:
    """Power cuts after prefixes of what a run asked of the disk. A state that held under the same promises is not tried twice."""

    def __init__(self, folder: Path, packed: dict, at_most: int):
        self.folder, self.packed, self.at_most = folder, packed, at_most
        self.held: set[str] = set()

    def broken(self, log: list, at_most: int = 0, every: int = 1, first: bool = False, since: int = 0) -> list[str]:
        """For each prefix after which a promise did not hold: which and how.

        every, since: only every so-manieth prefix, only those longer than `since`. first: stop at the first of them.
        """
        drive, promised, found, draw = Disk(), {}, [], random.Random(0)
        for k, (change, *more) in enumerate([*log, ("mark", ("end", True))]):
            cuts = drive.cuts(draw, at_most or self.at_most) if k % every == 0 and k >= since else ()
            worst = [f"before change {k}, {change} {more}: {e}" for tree in cuts if (e := self._wrong(tree, promised))]
            found += worst[:1]
            if first and found:
                break
            promised |= dict([more[0]]) if change == "mark" else {}
            drive.do(change, *more)
        return found

    def killed(self, log: list, k: int) -> list:
        """The process is killed after k changes, and another one takes up the run: the changes of both."""
        drive, promised = Disk(), {}
        for change, *more in log[:k]:
            promised |= dict([more[0]]) if change == "mark" else {}
            drive.do(change, *more)
        root = self.folder / "killed"
        lay(drive.now(), root)
        recorder = Recorder(root)
        with recorder.within():
            found_after(root, promised, self.packed)
        shutil.rmtree(root)
        return log[:k] + recorder.log

    def _wrong(self, tree: Tree, promised: dict) -> str:
        key = hashlib.sha256(repr((tree, promised)).encode()).hexdigest()
        if key in self.held:
            return ""
        root = self.folder / "cut"
        lay(tree, root)
        try:
            found_after(root, promised, self.packed)
        except (AssertionError, MapstoError, OSError) as error:
            return f"{type(error).__name__}: {error}"
        finally:
            shutil.rmtree(root)
        self.held.add(key)
        return ""


def recorded(root: Path) -> list:
    root.mkdir()
    recorder = Recorder(root)
    with recorder.within():
        life(root, recorder)
    return recorder.log


def over_itself(path: Path, files: dict[str, bytes]) -> None:
    """Writes under the final name, as carefully as that can be done."""
    for folder in (path.parent, path):
        if not folder.exists():
            disk.os.mkdir(folder)
            disk.sync(folder.parent)
    for name, data in files.items():
        disk.write_file(path / name, data)
    disk.sync(path)


def test_power_goes_at_any_moment_of_a_run(memory, packed, dose, counted, monkeypatch):
    log = recorded(memory / "real")
    with monkeypatch.context() as patch:
        patch.setattr(state, "replace_folder", over_itself)
        overwriting = recorded(memory / "overwriting")
    unsynced = [entry for entry in log if entry[0] != "fsync"]
    fsyncs = [k for k, entry in enumerate(log) if entry[0] == "fsync"]
    with Layer().within():  # no power goes while it is looked at what is left
        replay = Replay(memory, packed, dose(2, 200))
        broken = replay.broken(log)
        for k in fsyncs[:: dose(18, 1)]:  # killed just before one, when the most is unsure
            broken += replay.broken(replay.killed(log, k), dose(1, 12), since=k)
        tried = len(replay.held)
        assert not broken, broken
        without = replay.broken(unsynced, dose(1, 20), every=dose(5, 1))
        over = replay.broken(overwriting, dose(1, 20), every=dose(5, 1))
        missed = [k for k in fsyncs[:: dose(18, 1)] if replay.broken(log[:k] + log[k + 1 :], 10, first=True)]
    n, m, one = len(unsynced) // dose(5, 1), len(overwriting) // dose(5, 1), len(fsyncs) // dose(18, 1)
    assert len(without) > n / 2 and len(over) > m / 5 and len(missed) > one / 2
    counted(
        "power",
        tried=tried,
        held=tried,
        control=f"without fsync {len(without)} of {n} prefixes lost something, overwriting in place {len(over)} of {m}; "
        f"of {one} fsyncs left out one at a time {len(missed)} were missed, the others are doubled by the next",
        prefixes=len(log) + 1,
    )
