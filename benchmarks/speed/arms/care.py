"""Parts of a run of mapsto that are not learning, and how long they take."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Literal

from rich.live import Live

from benchmarks import guard
from mapsto.cli import screen
from mapsto.core import names
from mapsto.framing.train import train
from mapsto.learner.learner import Learner
from mapsto.learner.run import Run

EPOCHS = 2
RUNS = Path(__file__).resolve().parents[3] / "runs" / "speed" / "care"


@dataclass(frozen=True)
class Care:
    """One run of the recipe mnist-lenet; saving and drawing are measured in the same one, and told apart by `of`."""

    of: Literal["saving", "progress"]

    def share(self, seed: int) -> float:
        made = names.find("recipe", "mnist-lenet")(seed=seed, epochs=EPOCHS)
        path = RUNS / f"{self.of}-{os.getpid()}"
        shutil.rmtree(path, ignore_errors=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        spent = Spent()
        kept = [(Run, "record"), (Run, "save")]
        drawn = [(screen.Progressing, "__call__"), (Live, "refresh")]
        screen.err = screen.Console(file=open(os.devnull, "w"), force_terminal=True, width=100)  # noqa: SIM115
        with (
            spent.on([(Learner, "fit")], "learning"),
            spent.on(kept, "saving"),
            spent.on(drawn, "progress"),
            screen.Progressing(quiet=False) as watch,
        ):
            train(made, path, watch, baseline_seconds=0.0)
        shutil.rmtree(path, ignore_errors=True)
        return spent.seconds[self.of] / spent.seconds["learning"]


@dataclass(frozen=True)
class Look:
    """work: which of benchmarks/guard.py."""

    work: int

    def share(self, seed: int) -> float:
        model, rows, steps = list(guard.WORKS.values())[self.work]
        return guard.share(guard._learner(model, rows), steps)


class Spent:
    """Seconds inside methods: of saving by the wall, since it waits for the disk; of drawing those of its thread."""

    def __init__(self) -> None:
        self.seconds = {"learning": 0.0, "saving": 0.0, "progress": 0.0}

    @contextmanager
    def on(self, methods: list[tuple[type, str]], what: str) -> Iterator[None]:
        clock = time.thread_time if what == "progress" else time.perf_counter
        before = [getattr(owner, name) for owner, name in methods]
        for (owner, name), method in zip(methods, before, strict=True):
            setattr(owner, name, self._timed(method, what, clock))
        try:
            yield
        finally:
            for (owner, name), method in zip(methods, before, strict=True):
                setattr(owner, name, method)

    def _timed(self, method: Callable, what: str, clock: Callable[[], float]) -> Callable:
        @wraps(method)
        def timed(*arguments: Any, **named: Any) -> Any:
            begun = clock()
            try:
                return method(*arguments, **named)
            finally:
                self.seconds[what] += clock() - begun

        return timed
