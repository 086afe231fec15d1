"""A run is a folder: what was asked, what happened, where it stands, and what came of it.

frame.toml  environment.json      all that is needed to run it again
history.jsonl  timing.jsonl       one line per report, keyed by step; clock values apart
checkpoints/step-00000400/        all that step 401 follows from
model/  result.json  report.html  once training has ended
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import platform
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mapsto.core import disk, world
from mapsto.core.errors import BadInput, Damaged, DiskError
from mapsto.core.reading import RESTORE, parse_json, read_file, read_json, read_text
from mapsto.core.state import pack, read_folder, size, unpack, write_folder
from mapsto.core.text import clean
from mapsto.learner.fit import Report
from mapsto.learner.learner import Learner

if TYPE_CHECKING:
    from mapsto.learner.elsewhere import Elsewhere

KEEP = 2  # checkpoints
LOGS = ("history.jsonl", "timing.jsonl")
SAVE_SECONDS = 20.0  # between two checkpoints
LONGEST = 4 << 20  # bytes of a frame.toml


class Run:
    """The folder of one run. `Run(path)` opens it; `Run.create` makes a new one, or refuses to touch another's."""

    def __init__(self, path: Path | str):
        self.path = Path(path)
        if not (self.path / "frame.toml").exists():
            raise BadInput(
                f"no run at {path}: expected {self.path / 'frame.toml'}.", "`mapsto runs` lists the runs here."
            )

    @classmethod
    def create(cls, path: Path | str | None, name: str, frame: str, environment: dict[str, Any]) -> Run:
        """A new folder: `path`, or runs/<name>-<number>. It appears with its frame.toml in it, or not at all."""
        if path is not None and Path(path).exists() and (not Path(path).is_dir() or any(Path(path).iterdir())):
            raise BadInput(
                f"{path} already holds something.",
                f"Choose another --run, continue it (`mapsto resume {path}`), or remove it first.",
            )
        target = Path(path) if path is not None else _next(Path("runs"), name)
        asked = {"frame.toml": frame.encode(), "environment.json": json.dumps(environment, indent=1).encode()}
        try:
            disk.new_folder(target, asked)
        except DiskError as error:
            taken = error.number in (errno.ENOTEMPTY, errno.EEXIST)
            if taken and target.is_dir():  # another process was quicker
                return cls.create(path, name, frame, environment)
            raise BadInput(
                f"cannot make the run folder: {error.message}", f"{error.remedy}\nOr name another with --run PATH."
            ) from error
        return cls(target)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Only one process works on a run; the lock goes with the process, however it ends.

        The file says whose it is, for the message alone: what is written there may be a dead process's, a lock may not.
        What processes before it left half-written is then nobody's, and is cleared away.
        """
        for path in self.path.iterdir():
            if path.is_symlink():  # what is written and removed there would be elsewhere
                raise Damaged(f"{path}: a link, where a run works on what is its own.", "Put it there itself.", "M001")
        lock = self.path / ".lock"
        with disk.telling(lock):
            lock.touch()
        with open(lock, "a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                time.sleep(0.1)  # it may be about to write who it is
                file.seek(0)
                raise BadInput(
                    f"another process is working on {self.path}: {file.read()}.", "Wait for it, or stop it."
                ) from error
            with disk.telling(lock):
                file.truncate(0)
                file.write(f"process {os.getpid()} on {platform.node()}, since {time.strftime('%Y-%m-%d %H:%M:%S')}")
                file.flush()
            disk.tidy(self.path)
            disk.tidy(self.path / "checkpoints")
            yield

    def save(self, learner: Learner, about: dict[str, Any]) -> None:
        """A checkpoint of all that the next step follows from; older ones but the last go once it is whole."""
        for told in (*(self.path / name for name in LOGS), self.path):  # of the steps before it: to last as long as it
            with disk.telling(told):
                if told.exists():
                    disk.sync(told)
        newest = self.checkpoint(learner.step)
        write_folder(newest, pack(learner.state_dict()), about)
        # one from a later step did not verify when this run was resumed, or it would have gone on from there
        earlier = [path for path in self.checkpoints() if path.name <= newest.name]
        for path in self.checkpoints():
            if path not in earlier[:KEEP]:
                disk.remove_folder(path)

    def cramped(self, learner: Learner) -> str:
        """What there is to say where the disk has less room than three checkpoints take; "" where it has more."""
        best = 0 if learner.best.weights else size(learner.model.state_dict())  # it has none before its first exam
        expected, free = size(learner.state_dict()) + best, disk.free(self.path)
        if free >= 3 * expected:
            return ""
        return f"only {free:,} bytes are free at {self.path}, and a checkpoint takes about {expected:,}: make room"

    def checkpoint(self, step: int) -> Path:
        return self.path / "checkpoints" / f"step-{step:08d}"

    def checkpoints(self) -> list[Path]:
        """Newest first."""
        return sorted((self.path / "checkpoints").glob("step-*"), reverse=True)

    def restore(self, learner: Learner) -> tuple[dict[str, Any], list[str]]:
        """Put the newest checkpoint that verifies into the learner, and cut the history back to its step.

        Returns what the checkpoint says about itself ({} where there is none), and why newer ones were skipped.
        """
        skipped = []
        for path in self.checkpoints():
            try:
                files, about = read_folder(path)
                if type(about.get("seconds", 0.0)) not in (int, float):
                    raise Damaged(f"{path}: its manifest does not say how long it took.", RESTORE, "M002")
                world.firsts(about), world.copied(files)  # see learner/elsewhere.py
                learner.load_state_dict(unpack(files, str(path)))
                break
            except Damaged as error:
                skipped.append(error.message)
        else:
            about = {}
            world.firsts(None)
        self._cut_back(learner.step)
        return about, skipped

    def frame(self) -> str:
        """The text of frame.toml."""
        return read_text(self.path / "frame.toml", LONGEST)

    def environment(self) -> dict[str, Any]:
        found = read_json(self.path / "environment.json")
        threads = found.get("threads", 1) if isinstance(found, dict) else 0
        if type(threads) is not int or not 1 <= threads <= 1024:
            raise Damaged(f"{self.path / 'environment.json'}: not what a run was made under.", RESTORE, "M006")
        return found

    def history(self) -> list[dict[str, Any]]:
        """The reports so far, oldest first."""
        return list(self._lines("history.jsonl"))

    def record(self, report: Report, seen: dict[str, float] | None = None) -> None:
        """One line in history.jsonl, and the clock in timing.jsonl. seen: what the experience has to tell of itself."""
        line = {"step": report.step, "epoch": round(report.epoch, 4), "losses": report.losses}
        if report.scores:
            line["valid"] = {name: score.value for name, score in report.scores.items()}
        if seen:
            line["seen"] = seen
        if report.news:
            line["news"] = list(report.news)
        self._append("history.jsonl", line)
        self._append("timing.jsonl", {"step": report.step, "time": time.time()})

    def write(self, name: str, text: str) -> None:
        disk.replace_file(self.path / name, text.encode())

    def result(self) -> dict[str, Any]:
        """What came of it: scores, baselines, verdict. BadInput while training has not ended."""
        if not (self.path / "result.json").exists():
            raise BadInput(
                f"{self.path} has no result yet: its training has not ended.",
                f"`mapsto resume {self.path}` continues it.",
            )
        return read_json(self.path / "result.json")

    def _append(self, name: str, line: dict[str, Any]) -> None:
        disk.append(self.path / name, (json.dumps(line) + "\n").encode())

    def _lines(self, name: str) -> Iterator[dict[str, Any]]:
        if not (self.path / name).exists():
            return
        for text in read_file(self.path / name).decode(errors="replace").splitlines():
            try:
                line = parse_json(text.encode(), name, finite=False)
            except Damaged:
                return  # the last line was being written when the process ended
            if not _is_told(line):
                return
            yield line

    def _cut_back(self, step: int) -> None:
        for name in LOGS:
            kept = [json.dumps(line) + "\n" for line in self._lines(name) if line["step"] <= step]
            if kept or (self.path / name).exists():
                disk.replace_file(self.path / name, "".join(kept).encode())


class Checkpoints:
    """An observer that saves the run now and then: at the first report when `seconds` have gone by since the last time, and
    where there is news: what was raced or left out is then not to be found out again."""

    def __init__(self, run: Run | Elsewhere, learner: Learner, about: dict[str, Any], seconds: float = SAVE_SECONDS):
        self.run, self.learner, self.about, self.seconds = run, learner, about, seconds
        self.last = time.monotonic()

    def __call__(self, report: Report) -> None:
        if world.firsts(bool(report.news) or time.monotonic() - self.last > self.seconds):
            self.run.save(self.learner, self.about)
            self.last = time.monotonic()


def runs(folder: Path | str = "runs") -> list[Run]:
    """The runs in a folder, by name."""
    return [Run(p.parent) for p in sorted(Path(folder).glob("*/frame.toml")) if not p.parent.name.startswith(".")]


def _is_told(line: Any) -> bool:
    """Whether a line of a log is one: the step that it is about, and numbers by their names where there are any."""
    if not isinstance(line, dict) or type(line.get("step")) is not int:
        return False
    tables = [line[name] for name in ("losses", "valid") if name in line]
    return all(isinstance(t, dict) and all(type(v) in (int, float) for v in t.values()) for t in tables)


def _next(folder: Path, name: str) -> Path:
    stem = re.sub(r"[^\w.-]+", "-", clean(name)).strip("-.") or "run"
    taken = [int(m[1]) for p in folder.glob(f"{stem}-*") if (m := re.fullmatch(re.escape(stem) + r"-(\d+)", p.name))]
    return folder / f"{stem}-{max(taken, default=0) + 1}"
