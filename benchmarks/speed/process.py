"""An arm's process, seen from outside: started with equal thread pools, asked line by line, measured around each run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

from benchmarks.speed import quiet
from benchmarks.speed.contest import Arm, Contest
from benchmarks.speed.pairs import Row

ROOT = Path(__file__).resolve().parents[2]
LOGS = ROOT / "runs" / "speed" / "logs"


class Failed(Exception):
    """An arm's process ended without an answer; says where its last words are."""


class Process:
    """One arm's process; alive until `close`."""

    def __init__(self, contest: Contest, arm: Arm):
        LOGS.mkdir(parents=True, exist_ok=True)
        self.log = LOGS / f"{contest.name}.{arm.name}.log"
        self.contest, self.arm = contest, arm
        with self.log.open("w") as log:
            self.started = time.time()
            self.process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.speed.worker", contest.name, arm.name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=ROOT,
                env=environment(contest.threads) | arm.environment,
            )

    def ask(self, request: str) -> dict[str, Any]:
        stdin, stdout = self._pipes()
        try:
            stdin.write(request + "\n")
            stdin.flush()
            line = stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise Failed(f"{self.contest.name}, {self.arm.name}: {_last_words(self.log)} ({self.log})")
        return json.loads(line)

    def close(self) -> None:
        for pipe in self._pipes():
            pipe.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:  # a framework's thread that will not
            self.process.kill()
            self.process.wait()

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        return self.process.stdin, self.process.stdout


def measured(process: Process, request: str) -> Row:
    """What the arm answers, and how quiet the machine was meanwhile."""
    canary, before = quiet.canary(), quiet.moment(process.process.pid)
    reply = process.ask(request)
    after = quiet.moment(process.process.pid)
    return {
        **reply,
        "others": quiet.others(before, after),
        "canary": max(canary, quiet.canary()),
        "load": quiet.load(),
    }


def commanded(arm: Arm, threads: int) -> Row:
    """One run of a command, from its start to its end."""
    canary, before, mine = quiet.canary(), quiet.moment(os.getpid()), os.times()
    LOGS.mkdir(parents=True, exist_ok=True)
    with (LOGS / f"{arm.name}.log").open("w") as log:
        begun = time.perf_counter()
        done = subprocess.run(
            [sys.executable, *arm.command], stdout=log, stderr=log, cwd=ROOT, env=environment(threads) | arm.environment
        )
        took = time.perf_counter() - begun
    if done.returncode:
        raise Failed(f"{arm.name} ended with {done.returncode}: {_last_words(LOGS / f'{arm.name}.log')}")
    return {"whole": took, **_around(before, mine, canary)}


def whole(contest: Contest, arm: Arm, seed: int) -> Row:
    """One run in a process of its own, from its start to its end: `whole`, and `first` step, in seconds."""
    canary, before, mine = quiet.canary(), quiet.moment(os.getpid()), os.times()
    process = Process(contest, arm)
    try:
        reply = process.ask(f"once {seed}")
        process.process.wait()
        ended = time.time()
    finally:
        process.close()
    first = reply["first"] and reply["first"] - process.started
    return {**reply, "whole": ended - process.started, "first": first, **_around(before, mine, canary)}


def _around(before: quiet.Moment, mine: os.times_result, canary: float) -> Row:
    """How quiet it was while a process lived that has ended, and its processor time."""
    after, now = quiet.moment(os.getpid()), os.times()
    spent = now.children_user + now.children_system - mine.children_user - mine.children_system
    busy = quiet.others(before, after)
    return {
        "whole_processor": spent,
        "others": None if busy is None else max(0.0, busy - spent / (after.now - before.now)),
        "canary": max(canary, quiet.canary()),
        "load": quiet.load(),
    }


def environment(threads: int) -> dict[str, str]:
    """Every pool with so many threads, nothing asked of the network, the compiler in the process that is measured."""
    count = str(threads)
    pools = ("OMP", "MKL", "OPENBLAS", "VECLIB_MAXIMUM", "NUMEXPR")
    source = os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]))
    xla = "--xla_cpu_multi_thread_eigen=false" if threads == 1 else "--xla_cpu_multi_thread_eigen=true"
    return {
        **os.environ,
        **{f"{pool}_NUM_THREADS": count for pool in pools},
        "XLA_FLAGS": f"{xla} intra_op_parallelism_threads={count}",
        "NPROC": count,  # what jaxlib's pool goes by
        "TORCHINDUCTOR_COMPILE_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "MAPSTO_DATA": os.environ.get("MAPSTO_DATA", str(ROOT.parent / "shared" / "data")),
        "PYTHONPATH": source,
    }


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
