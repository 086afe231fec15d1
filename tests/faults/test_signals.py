"""Asked to stop in the midst of anything, a process is out in time, says how to go on, and what it leaves can go on."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from unbroken import Scenarios

import mapsto
from mapsto.learner.run import Run

TERM, INT = int(signal.SIGTERM), int(signal.SIGINT)
IN_TIME = 5.0  # seconds from the signal to the end of the process


class Stopped(NamedTuple):
    """What became of a process that was asked to stop. phase: what it was at; "" where it was done before."""

    phase: str
    seconds: float
    wrong: list[str]


def stop(scenarios: Scenarios, kind: str, numbers: list[int], after: float, gap: float = 0.0) -> list[Stopped]:
    """A run that gets these signals after so many seconds, is continued, and has to be the whole run in the end."""
    folder, said = scenarios.folder / "stopped", scenarios.folder / "stopped.txt"
    run = folder / "run"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    pid = scenarios.start(scenarios.train(kind, run), said)
    code, seconds = signalled(pid, numbers, after, gap, scenarios)
    if code == 0:
        return []
    wrong = judged(code, numbers, said.read_text(), run)
    phase = phase_of(scenarios, kind, run)
    if not run.exists():
        wrong += [f"left behind: {path}" for path in folder.iterdir()]
        return [Stopped(phase, seconds, wrong)]
    code = scenarios.run(scenarios.resume(run), said)
    if code:
        wrong.append(f"cannot be continued, {code}: {said.read_text()}")
    else:
        wrong += scenarios.differences(kind, run)
        wrong += [f"left behind: {path}" for path in [*run.rglob("*.partial"), *run.rglob("*.replaced")]]
    return [Stopped(phase, seconds, wrong)]


def signalled(pid: int, numbers: list[int], after: float, gap: float, scenarios: Scenarios) -> tuple[int, float]:
    """The exit code, as a shell would have it, and the seconds from the first signal on."""
    time.sleep(after)
    begun = time.perf_counter()
    for number in numbers:
        os.kill(pid, number)
        time.sleep(gap)
    code = scenarios.children.wait(pid)
    return (128 - code if code < 0 else code), time.perf_counter() - begun


def judged(code: int, numbers: list[int], said: str, run: Path | None = None) -> list[str]:
    wrong = []
    if code != 128 + numbers[0]:
        wrong.append(f"exit code {code} after {numbers}: {said}")
    advice = f"mapsto resume {run}" if run is not None and run.exists() else "There is nothing to continue."
    if said and ("Interrupted: stopped" not in said or advice not in said or "Traceback" in said):
        wrong.append(f"said: {said}")
    return wrong


def phase_of(scenarios: Scenarios, kind: str, run: Path) -> str:
    if not run.exists():
        return "data"
    steps = [line["step"] for line in Run(run).history()]
    return "folds" if kind == "folds" else "learning" if steps[-1:] != [scenarios.whole(kind).steps] else "judging"


def test_asked_to_stop_at_any_moment(scenarios, dose, counted):
    """Reading, framing, learning, examining, simple models, mismatch, report; the short verbs; a process of its own; twice."""
    draw, stopped = random.Random(0), []
    for kind, tries in [
        ("table", dose(1, 15)),
        ("everything", dose(0, 15)),
        ("solved", dose(1, 10)),
        ("folds", dose(0, 14)),
    ]:
        stopped += some(scenarios, kind, tries, draw)
    stopped += some(scenarios, "beside", dose(0, 20), draw)
    stopped += some(scenarios, "table", dose(1, 10), draw, twice=True)
    for verb in ("evaluate", "predict", "compare")[: dose(1, 3)]:
        stopped += some_of_a_verb(scenarios, verb, dose(1, 4), draw)
    for _ in range(dose(0, 10)):
        stopped += [fresh(scenarios, draw)]
    slow = slowly(scenarios, seconds := dose(0.02, 0.12))
    rarely = slowly(scenarios, seconds, naive=("exams",))
    stopped.append(slow)
    assert rarely.seconds > dose(0.5, IN_TIME) > slow.seconds, (
        "a signal that waits for the end of an epoch is not seen here"
    )
    wrong = [s for s in stopped if s.wrong or s.seconds > IN_TIME]
    taken = np.array([s.seconds for s in stopped])
    counted(
        "signals",
        tried=len(stopped),
        held=len(stopped) - len(wrong),
        control=f"looking at the end of an epoch of {64 * seconds:.0f} s: out after {rarely.seconds:.1f} s",
        **{f"in_{phase}": sum(s.phase == phase for s in stopped) for phase in sorted({s.phase for s in stopped})},
        p50_seconds=round(float(np.quantile(taken, 0.5)), 3),
        p99_seconds=round(float(np.quantile(taken, 0.99)), 3),
        most_seconds=round(float(taken.max()), 3),
    )
    assert not wrong


def some(scenarios: Scenarios, kind: str, tries: int, draw: random.Random, twice: bool = False) -> list[Stopped]:
    """Signals at moments spread over the whole run: the k-th in the k-th of as many parts of it."""
    stopped: list[Stopped] = []
    while len(stopped) < tries:
        number = INT if twice else draw.choice([TERM, INT])
        after = scenarios.whole(kind).seconds * (len(stopped) + draw.random()) / tries
        stopped += stop(scenarios, kind, [number] * (1 + twice), after, draw.uniform(0, 0.05) if twice else 0.0)
    return stopped


def some_of_a_verb(scenarios: Scenarios, verb: str, tries: int, draw: random.Random) -> list[Stopped]:
    run, said = scenarios.whole("table") and scenarios.folder / "whole-table", scenarios.folder / "verb.txt"
    arguments = [verb, str(run)] + ([str(scenarios.folder / "flowers.csv")] if verb == "predict" else [])
    begun = time.perf_counter()
    assert scenarios.run(arguments, said) == 0
    lasts, stopped = time.perf_counter() - begun, []
    while len(stopped) < tries:
        number = draw.choice([TERM, INT])
        pid = scenarios.start(arguments, said)
        code, seconds = signalled(pid, [number], draw.uniform(0, lasts), 0.0, scenarios)
        if code:
            stopped.append(Stopped("verbs", seconds, judged(code, [number], said.read_text())))
    return stopped


def fresh(scenarios: Scenarios, draw: random.Random) -> Stopped:
    """A process of its own, mostly while it imports; before its first line Python answers for itself."""
    run, number = scenarios.folder / "fresh" / "run", draw.choice([TERM, INT])
    shutil.rmtree(run.parent, ignore_errors=True)
    run.parent.mkdir()
    path = {"PYTHONPATH": str(Path(mapsto.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "mapsto", *scenarios.train("table", run)]
    with subprocess.Popen(
        command, env={**os.environ, **path}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        time.sleep(draw.uniform(0.3, 4.0))
        begun = time.perf_counter()
        process.send_signal(number)
        said = process.communicate()[1].decode()
        seconds = time.perf_counter() - begun
    code = 128 - process.returncode if process.returncode < 0 else process.returncode
    wrong = [] if code in (0, 128 + number) else [f"exit code {code} after {number}: {said}"]
    if run.exists() and scenarios.run(scenarios.resume(run), scenarios.folder / "fresh.txt"):
        wrong.append("cannot be continued")
    return Stopped("start", seconds, wrong + (scenarios.differences("table", run) if run.exists() else []))


def slowly(scenarios: Scenarios, seconds: float, naive: tuple[str, ...] = ()) -> Stopped:
    """Stopped at a step of its first epoch, of which each takes so many seconds."""
    folder = scenarios.folder / "slow"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    log, said = folder / "steps.log", folder / "said.txt"
    arguments = scenarios.train("table", folder / "run")
    pid = scenarios.start(arguments, said, log=str(log), slow=seconds, naive=naive)
    while not log.exists() or not log.read_text():
        time.sleep(0.01)
    code, seconds = signalled(pid, [TERM], 0.0, 0.0, scenarios)
    return Stopped("learning", seconds, judged(code, [TERM], said.read_text(), folder / "run"))
