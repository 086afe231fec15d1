"""Two processes on one run: one of them works, the other says who does; and whoever is dead holds nothing."""

from __future__ import annotations

import os
import platform
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from unbroken import Scenarios

from mapsto.learner.run import Run

MIDWAY = ("rename", r"/step-\d+$", 7, "after")
SLOW = 0.01  # seconds that a step takes at least: the first is still at work when the second comes


@pytest.fixture(scope="module")
def halfway(scenarios: Scenarios) -> Path:
    """A run killed at step 200 of 256."""
    run = scenarios.folder / "halfway"
    scenarios.run(scenarios.train("table", run), scenarios.folder / "said.txt", die=MIDWAY)
    assert Run(run).checkpoints()[0].name == "step-00000200"
    return run


class Pair:
    """Two processes that begin at the same moment, or one a little later, in an empty folder `here`."""

    def __init__(self, scenarios: Scenarios, halfway: Path, naive: tuple[str, ...] = ()):
        self.scenarios, self.halfway, self.naive = scenarios, halfway, naive
        self.here = scenarios.folder / "pair"
        self.run = self.here / "run"

    def fresh(self) -> None:
        shutil.rmtree(self.here, ignore_errors=True)
        self.here.mkdir()

    def begun(self) -> None:
        self.fresh()
        shutil.copytree(self.halfway, self.run)

    def race(self, *both: list[str], late: float = 0.0) -> tuple[list[int], list[int], list[str]]:
        """Their process ids, exit codes and words."""
        start, saids = time.time() + 0.05, [self.here / f".said-{k}" for k in (0, 1)]
        how = {"folder": str(self.here), "naive": self.naive, "log": str(self.here / ".steps"), "slow": SLOW}
        pids = [
            self.scenarios.start(a, s, at=start + late * k, **how)
            for k, (a, s) in enumerate(zip(both, saids, strict=True))
        ]
        codes = [self.scenarios.children.wait(pid) for pid in pids]
        return pids, codes, [said.read_text() for said in saids]

    def one_of(self, *both: list[str], late: float = 0.0, also: tuple[str, ...] = ()) -> list[str]:
        """What is wrong where one of the two has to work and the other to say who does (or one of the words `also`)."""
        pids, codes, said = self.race(*both, late=late)
        if sorted(codes) != [0, 2]:
            return [f"exit codes {codes}: {said}"]
        first = codes.index(0)
        names_it = f"another process is working on {self.run}: process {pids[first]} on {platform.node()}, since"
        wrong = [] if any(words in said[1 - first] for words in (names_it, *also)) else [f"said: {said[1 - first]}"]
        return wrong + self.scenarios.differences("table", self.run)

    def resume_and_resume(self) -> list[str]:
        self.begun()
        return self.one_of(*[self.scenarios.resume(self.run)] * 2)

    def train_and_resume(self, late: float) -> list[str]:
        self.fresh()
        return self.one_of(
            self.scenarios.train("table", self.run), self.scenarios.resume(self.run), late=late, also=("no run at",)
        )

    def train_and_train(self) -> list[str]:
        self.fresh()
        return self.one_of(*[self.scenarios.train("table", self.run)] * 2, also=("already holds something",))

    def train_and_train_somewhere(self) -> list[str]:
        self.fresh()
        anywhere = [a for a in self.scenarios.train("table", self.run) if a not in ("--run", str(self.run))]
        _, codes, said = self.race(anywhere, anywhere)
        found = sorted(p.name for p in (self.here / "runs").iterdir())
        if codes != [0, 0] or found != ["flowers-1", "flowers-2"]:
            return [f"exit codes {codes}, runs {found}: {said}"]
        return [name for run in found for name in self.scenarios.differences("table", self.here / "runs" / run)]

    def resume_after_a_kill(self, draw: random.Random) -> list[str]:
        """Its owner is killed while it has the lock; and its process id has since become another's, who is alive."""
        self.begun()
        said, log = self.here / ".said", self.here / ".steps"
        pid = self.scenarios.start(self.scenarios.resume(self.run), said, log=str(log), slow=SLOW, naive=self.naive)
        while not log.exists() or not log.read_text():
            time.sleep(0.01)
        time.sleep(draw.uniform(0, 0.3))
        os.kill(pid, 9)
        self.scenarios.children.wait(pid)
        lock = self.run / ".lock"
        lock.write_text(lock.read_text().replace(str(pid), str(os.getpid())))
        code = self.scenarios.run(self.scenarios.resume(self.run), said, naive=self.naive)
        return [f"exit code {code}: {said.read_text()}"] if code else self.scenarios.differences("table", self.run)


def test_of_two_processes_one_works(scenarios, halfway, dose, counted):
    draw, pair = random.Random(0), Pair(scenarios, halfway)
    races: list[tuple[int, Callable[[], list[str]]]] = [
        (dose(1, 25), pair.resume_and_resume),
        (dose(1, 25), lambda: pair.train_and_resume(draw.uniform(0, 1.0))),
        (dose(1, 15), pair.train_and_train),
        (dose(1, 10), pair.train_and_train_somewhere),
        (dose(1, 25), lambda: pair.resume_after_a_kill(draw)),
    ]
    wrong = [found for times, race in races for _ in range(times) for found in [race()]]
    held = sum(not found for found in wrong)
    naive, tries = Pair(scenarios, halfway, naive=("pid",)), dose(1, 10)
    both = sum(bool(naive.resume_and_resume()) for _ in range(tries))
    refused = sum(bool(naive.resume_after_a_kill(draw)) for _ in range(tries))
    counted(
        "processes",
        tried=len(wrong),
        held=held,
        control=f"a file with a process id: {both} of {tries} times both at work, {refused} of {tries} a dead one's kept",
    )
    assert refused, "a lock that outlives its owner is not seen here"
    assert held == len(wrong), [found for found in wrong if found]
