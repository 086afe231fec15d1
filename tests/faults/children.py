"""Cheap children to be killed: one process imports everything once and forks one for each run of the command line.

`Children` is the test's end; run as a program, this file is the other one. A child runs `mapsto.cli.main` as a process of its
own would (test_kills compares the two), and can be told to die at a named point, or to be naive.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
WARM = ["framing.verbs", "framing.train", "framing.conclude", "framing.folds", "models.mlp", "models.prior"]
WARM = [f"mapsto.{name}" for name in [*WARM, *(f"cli.{verb}" for verb in ("train", "resume", "screen", "evaluate"))]]
WARM += ["pyarrow.csv", "scipy.special"]
WARM_TOO = [
    "mapsto.models.convnet",
    "mapsto.models.shallow",
    "sklearn.ensemble",
    "sklearn.tree",
    "sklearn.linear_model",
]
WARM_TOO += [
    "sklearn.neighbors",
    "matplotlib.backends.backend_svg",
    "matplotlib.figure",
]  # where there are many children


class Children:
    """`start` one, which gives its process id at once; `wait` for it → its exit code, or minus the signal it died of."""

    def __init__(self) -> None:
        path = os.pathsep.join(p for p in sys.path if p)
        self.server = subprocess.Popen(
            [sys.executable, "-W", "ignore", str(HERE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "COLUMNS": "200"},
        )
        self._ask("ready")

    def __enter__(self) -> Children:
        return self

    def __exit__(self, *error: object) -> None:
        self.server.communicate()

    def start(self, arguments: list[str], said: Path, **plan: Any) -> int:
        """A child that runs `mapsto <arguments>`; what it says goes to the file `said`. plan: see `_follow`."""
        return self._ask("start", arguments=[str(a) for a in arguments], said=str(said), plan=plan)

    def wait(self, pid: int) -> int:
        return self._ask("wait", pid=pid)

    def _ask(self, what: str, **more: Any) -> int:
        self.server.stdin.write(json.dumps({"what": what, **more}) + "\n")
        self.server.stdin.flush()
        return json.loads(self.server.stdout.readline())


# -- the other end -----------------------------------------------------------------------------------------------------


def serve() -> None:
    import gc
    import importlib

    for name in WARM + WARM_TOO * (os.environ.get("MAPSTO_FAULTS") == "full"):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # or every child would copy the whole heap in its first collection
    for line in sys.stdin:
        asked = json.loads(line)
        answer = 0
        if asked["what"] == "start":
            answer = os.fork() or _live(asked["arguments"], asked["said"], asked["plan"])
        elif asked["what"] == "wait":
            answer = os.waitstatus_to_exitcode(os.waitpid(asked["pid"], 0)[1])
        print(json.dumps(answer), flush=True)


def _live(arguments: list[str], said: str, plan: dict[str, Any]) -> None:
    """The child: never returns."""
    code: int | str | None = 70
    try:
        nothing, file = os.open(os.devnull, os.O_RDONLY), os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for old, new in ((0, nothing), (1, file), (2, file)):
            os.dup2(new, old)
        sys.stdin, sys.stdout, sys.stderr = (os.fdopen(n, mode) for n, mode in ((0, "r"), (1, "w"), (2, "w")))
        _follow(plan)
        from mapsto.cli import main

        main(arguments)
        code = 0
    except SystemExit as leaving:
        code = leaving.code
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    except Exception:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code or 0)


def _follow(plan: dict[str, Any]) -> None:
    """die: see `die_at`. log: a file for the steps of gradient descent; slow: seconds that each takes at least. naive: words
    of NAIVE. page: whether to draw the report. folder: to work in. at: when to begin, by the clock, so that two do at once."""
    if not plan.get("page", True):
        from mapsto.framing import conclude, folds

        conclude.page = folds.page = lambda report: "a page\n"
    if "die" in plan:
        die_at(*plan["die"])
    if "log" in plan:
        _log_steps(plan["log"], plan.get("slow", 0.0))
    for word in plan.get("naive", ()):
        NAIVE[word]()
    if "folder" in plan:
        os.chdir(plan["folder"])
    if "at" in plan:
        time.sleep(max(0.0, plan["at"] - time.time()))


def _log_steps(path: str, slow: float) -> None:
    from mapsto.algorithms.update import Descend

    file, whole = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), Descend.step

    def logged(self: Any, batch: Any, step: int) -> Any:
        os.write(file, f"{os.getpid()} {step}\n".encode())
        time.sleep(slow)
        return whole(self, batch, step)

    Descend.step = logged


def die_at(operation: str, where: str, nth: int, moment: str) -> None:
    """SIGKILL at the nth `operation` on a path that matches `where`: before it, after it, or half-way (of a write).

    operation: write, fsync, rename (or replace), mkdir, unlink, rmtree.
    """
    left = [nth]

    def due(what: str, *paths: Any) -> bool:
        if what != operation or not any(re.search(where, str(p)) for p in paths):
            return False
        left[0] -= 1
        return left[0] == 0

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def watched(what: str, whole: Callable, paths_of: Callable) -> Callable:
        def call(*arguments: Any, **more: Any) -> Any:
            now = due(what, *paths_of(*arguments))
            if now and moment == "before":
                die()
            result = whole(*arguments, **more)
            if now and moment == "after":
                die()
            return result

        return call

    def write(descriptor: int, data: Any, whole: Callable = os.write) -> int:
        now = due("write", *path_of(descriptor))
        if now and moment == "before":
            die()
        count = whole(descriptor, data[: len(data) // 2] if now and moment == "half" else data)
        if now:
            die()
        return count

    def path_of(descriptor: int, *more: Any) -> list[str]:
        return [os.readlink(f"/proc/self/fd/{descriptor}")]

    os.write = write
    os.fsync = watched("fsync", os.fsync, path_of)
    for name in ("rename", "replace"):
        setattr(os, name, watched("rename", getattr(os, name), lambda a, b, **more: [b]))
    for name in ("mkdir", "unlink"):
        setattr(os, name, watched(name, getattr(os, name), lambda a, *more: [a]))
    shutil.rmtree = watched("rmtree", shutil.rmtree, lambda a, *more: [a])


# -- negative controls -------------------------------------------------------------------------------------------------


def _overwrite_in_place() -> None:
    """One checkpoint, written over the last one: no temporary name, no manifest."""
    from mapsto.core.state import pack, unpack
    from mapsto.learner.run import Run

    def save(self: Run, learner: Any, about: dict[str, Any]) -> None:
        folder = self.path / "checkpoints" / "step-last"
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in pack(learner.state_dict()).items():
            file = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.write(file, data)
            os.close(file)

    def restore(self: Run, learner: Any) -> tuple[dict[str, Any], list[str]]:
        for folder in self.checkpoints():
            learner.load_state_dict(unpack({path.name: path.read_bytes() for path in folder.iterdir()}))
        self._cut_back(learner.step)
        return {}, []

    Run.save, Run.restore = save, restore


def _forget_the_optimiser() -> None:
    from mapsto.algorithms.update import Descend

    Descend.load_state_dict = lambda self, state: None


def _look_up_at_exams() -> None:
    """A signal sets a flag, and the flag is looked at when an epoch has ended."""
    from mapsto.core.stop import Stop
    from mapsto.learner.learner import Learner

    def hear(self: Stop, number: int, frame: Any) -> None:
        self.asked = number

    class Rarely:
        def __init__(self, learner: Learner, stop: Stop):
            self.learner, self.stop = learner, stop

        @property
        def asked(self) -> int:
            return self.stop.asked if self.learner.step % self.learner.exam_every == 0 else 0

    def fit(
        self: Learner, until: Any = None, observers: Any = (), stop: Any = None, whole: Callable = Learner.fit
    ) -> Any:
        return whole(self, until, observers, stop and Rarely(self, stop))

    Stop._hear, Learner.fit = hear, fit


def _lock_by_pid_file() -> None:
    """A run is locked where its lock file names a process that is alive."""
    from mapsto.core.errors import BadInput
    from mapsto.learner.run import Run

    @contextmanager
    def locked(self: Run) -> Iterator[None]:
        file = self.path / ".lock"
        words = file.read_text().split() if file.exists() else []
        if words and Path(f"/proc/{words[1]}").exists():
            raise BadInput(f"another process is working on {self.path}: {' '.join(words)}.")
        time.sleep(0.02)  # what may come between looking and writing
        file.write_text(f"process {os.getpid()}")
        yield
        file.unlink()

    Run.locked = locked


NAIVE = {
    "overwrite": _overwrite_in_place,
    "forget": _forget_the_optimiser,
    "exams": _look_up_at_exams,
    "pid": _lock_by_pid_file,
}

if __name__ == "__main__":
    serve()
