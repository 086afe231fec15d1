"""A disk that is full, failing or closed: what was whole before still is, and a person is told where, how much, what to do."""

import errno
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from disks import Failing
from folders import save_model
from toys import learner

import mapsto
from mapsto.cli import main
from mapsto.core import disk, state
from mapsto.core.errors import BadInput, DiskError, MapstoError
from mapsto.core.state import read_folder
from mapsto.export import bundle
from mapsto.learner.fit import Report
from mapsto.learner.run import Run

FAULTS = [
    (getattr(errno, name), lasting) for name in ("ENOSPC", "EDQUOT", "EIO", "EROFS", "EACCES") for lasting in (0, 1)
]
OLD, NEW, RESULT = "<p>old</p>", "<p>new</p>", '{"steps": 8}'


# what is written into a run folder that has two checkpoints, a history, a model and a report


def creating(run: Run) -> None:
    Run.create(run.path / "fold-1", "toy", "x = 1", {"torch": "2"})


def saving(run: Run) -> None:
    run.save(learner().fit(8), {})


def saving_again(run: Run) -> None:
    run.save(learner().fit(6), {})


def telling(run: Run) -> None:
    run.record(Report(7, 2.3, {"loss": 0.5}, None))


def restoring(run: Run) -> None:
    with run.locked():
        run.restore(learner())


def concluding(run: Run) -> None:
    save_model(run.path / "model", learner(), 2)
    run.write("report.html", NEW)
    run.write("result.json", RESULT)


WRITES = (creating, saving, saving_again, telling, restoring, concluding)


@pytest.fixture(scope="module")
def before(tmp_path_factory) -> Path:
    """A run saved at steps 4 and 6 and once concluded, to be copied."""
    with Failing().within():
        run = Run.create(tmp_path_factory.mktemp("disk") / "run", "toy", "x = 1", {"torch": "2"})
        learned = learner()
        for step in (4, 6):
            run.record(Report(step, step / 3, {"loss": 0.5}, None))
            run.save(learned.fit(step), {})
        save_model(run.path / "model", learned, 1)
        run.write("report.html", OLD)
    return run.path


class Trial:
    """One writing on a disk of which one change fails, or all from there on."""

    def __init__(self, before: Path, memory: Path):
        self.before, self.memory, self.count = before, memory, 0

    def changes(self, write: Callable[[Run], None]) -> int:
        layer = Failing()
        with layer.within():
            write(self._copy())
        return layer.count

    def wrong(self, write: Callable[[Run], None], number: int, at: int, lasting: bool) -> str:
        """What is not as promised; "" where nothing is."""
        run, layer = self._copy(), Failing(number, at, lasting)
        try:
            with layer.within():
                write(run)
            return "no error"
        except (DiskError, BadInput) as error:
            said = str(error)
        amount = r"[\d,]+ bytes to be written, " if layer.failed == "write" else ""
        if not re.search(rf"cannot write {run.path}\S*: .* \(.*{amount}[\d,]+ bytes free\)\.\n.*try again", said):
            return f"it says only: {said}"
        half = [p for p in run.path.rglob(".*.partial") if "step-00000004" not in p.name]  # that one was to be removed
        if half and not lasting:
            return f"half-written, and still takes room: {half}"
        try:
            with Failing().within():  # there is room again
                check(run)
                if not (run.path / "fold-1").exists():
                    write(run)
                    check(run)
        except (AssertionError, MapstoError) as error:
            return f"{type(error).__name__}: {error}"
        return ""

    def _copy(self) -> Run:
        self.count += 1
        return Run(shutil.copytree(self.before, self.memory / str(self.count) / "run"))


def check(run: Run) -> None:
    """All is the old or the new, and nothing is left behind; any error is a broken promise."""
    assert bundle.load(run.path).about["version"] in (1, 2)  # while nobody works on the run
    with run.locked():
        learned = learner(weights=1)
        assert run.restore(learned)[1] == []
    assert learned.step in (6, 8)
    for folder in [*run.checkpoints(), run.path / "model"]:
        read_folder(folder)
    assert (run.path / "report.html").read_text() in (OLD, NEW)
    assert not (run.path / "result.json").exists() or (run.path / "result.json").read_text() == RESULT
    assert [line["step"] for line in run.history()] == [4, 6]
    if (run.path / "fold-1").exists():
        new = Run(run.path / "fold-1")
        assert (new.frame(), new.environment()) == ("x = 1", {"torch": "2"})
    assert {p.name for p in run.path.rglob(".*")} == {".lock"}


def over_itself(path: Path, files: dict[str, bytes]) -> None:
    """Writes under the final name."""
    with disk.telling(path, sum(map(len, files.values()))):
        for name, data in files.items():
            disk.write_file(path / name, data)


@contextmanager
def not_telling(path: Path, size: int = 0) -> Iterator[None]:
    with suppress(OSError):
        yield


def test_any_change_of_the_disk_may_fail(before, memory, dose, counted, monkeypatch):
    trial = Trial(before, memory)
    changes = [(write, k) for write in WRITES for k in range(trial.changes(write))]
    each = [(write, number, k, lasting) for write, k in changes for number, lasting in FAULTS]
    each = each[:: dose(13, 1)]  # 13 and the 10 faults have no divisor in common: all of them come up
    failed = {case: found for case in each if (found := trial.wrong(*case))}
    assert not failed, failed
    naive = [(concluding, errno.ENOSPC, k, True) for k in range(0, trial.changes(concluding), dose(3, 1))]
    with monkeypatch.context() as patch:
        patch.setattr(disk, "telling", not_telling)
        swallowed = sum(trial.wrong(*case) == "no error" for case in naive)
    with monkeypatch.context() as patch:
        patch.setattr(state, "replace_folder", over_itself)
        ks = range(0, trial.changes(concluding), dose(3, 1))
        half = sum(bool(trial.wrong(concluding, errno.ENOSPC, k, True)) for k in ks)
    assert swallowed > len(naive) / 2 and half > len(ks) / 4
    counted(
        "disk",
        tried=len(each),
        held=len(each) - len(failed),
        control=f"swallowing the error: {swallowed} of {len(naive)} found out; "
        f"overwriting in place: {half} of {len(ks)} left a damaged model",
        changes=len(changes),
    )


# what a person sees


@pytest.fixture
def said(tmp_path, monkeypatch, capsys) -> Callable:
    """The command line → (exit code, what it said on standard error)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("mapsto.framing.conclude.page", lambda report: "")  # drawing it takes longer than all the rest
    draw = random.Random(0)
    rows = [f"{(a := draw.random()):.3f},{(b := draw.random()):.3f},{a + b * b:.3f}" for _ in range(60)]
    Path("t.csv").write_text("\n".join(["a,b,sum", *rows]))

    def run(*arguments: str) -> tuple[int, str]:
        try:
            main([*arguments])
        except SystemExit as leaving:
            return leaving.code, capsys.readouterr().err
        return 0, capsys.readouterr().err

    return run


ASKED = ("t.csv", "--target", "sum", "--epochs", "3", "--baselines", "0")


def test_a_training_that_fails_for_want_of_room_ends_with_a_message_and_is_resumed(said, dose):
    layer = Failing()
    with layer.within():
        code, told = said("train", *ASKED, "--run", "whole")
    assert code == 0 and "free" not in told
    whole = Path("whole/model/model.safetensors").read_bytes()
    for k in range(4, layer.count, -(-layer.count // dose(3, 20))):
        with Failing(errno.ENOSPC, k, lasting=True).within():
            code, told = said("train", *ASKED, "--run", f"run{k}")
        assert "Traceback" not in told and "fault of mapsto" not in told
        if not Path(f"run{k}").exists():
            assert code == 2 and f"cannot make the run folder: cannot write run{k}: No space left" in told
            continue
        assert code == 3, told
        assert re.search(
            rf"DiskError: cannot write run{k}\S*: No space left .*\nMake room on that disk.*mapsto resume", told
        )
        assert not Path(f"run{k}/result.json").exists()
        assert said("resume", f"run{k}")[0] == 0
        assert Path(f"run{k}/model/model.safetensors").read_bytes() == whole


def test_a_limit_on_the_size_of_files_is_a_true_error_of_the_system(said):
    limited = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))\n"
    limited += "from mapsto.cli import main; main(sys.argv[1:])"
    source = {**os.environ, "PYTHONPATH": str(Path(mapsto.__file__).parents[1])}
    child = subprocess.run(
        [sys.executable, "-c", limited, "train", *ASKED, "--run", "run"], env=source, capture_output=True, text=True
    )
    assert child.returncode == 3, child.stderr
    assert re.search(r"DiskError: cannot write run/checkpoints/step-\d+: File too large .*\n.*ulimit -f", child.stderr)
    assert "Traceback" not in child.stderr
    assert said("resume", "run")[0] == 0


def test_a_disk_nearly_full_is_told_of_before_training(said, monkeypatch):
    monkeypatch.setattr(disk, "free", lambda path: 5000)
    code, told = said("train", *ASKED, "--run", "run")
    assert code == 0 and re.search(r"only 5,000 bytes are free at run, and a checkpoint takes about [\d,]+", told)


def test_a_skipped_checkpoint_is_told_of(said):
    with Failing(errno.EIO, 50, lasting=True).within():
        assert said("train", *ASKED, "--run", "run")[0] == 3
    (newest,) = Run("run").checkpoints()
    (newest / "state.json").write_bytes(b"")
    code, told = said("resume", "run")
    assert code == 0
    assert f"skipped a checkpoint: {newest}/state.json: not the file that was written" in told
