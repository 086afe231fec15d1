"""Where mapsto's time goes: the parts of a run, by a clock around each, and a loop by hand on the same work.

Both are in one process and take turns, after a short run of each that does not count: where a process's memory happens to lie
is then the same for both. The clocks are in mapsto's time, a fiftieth of the shortest step.

    python -m benchmarks.speed.parts [--rounds 5] [CONTEST …]        → docs/speed_parts.json
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from benchmarks.speed import record, report
from benchmarks.speed.contests import contest
from benchmarks.speed.process import environment

BESIDE = {  # contest → the loop that is there to be held against
    "digits-sgd": "loop-flat",
    "digits-adamw": "loop-flat",
    "mnist-epoch": "loop-tuned-bf16-heap",
    "gpt": "loop-tuned-heap",
    "sentences": "loop-bf16",
    "cora": "loop",
    "acting-tensors": "loop",
}
PARTS = (
    "before the first step", "batches, acting", "forward", "backward", "by formula", "the look for NaN", "update", "the rest",
)  # fmt: skip


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m benchmarks.speed.parts", description=__doc__.splitlines()[0])
    asked.add_argument("contests", nargs="*", help=f"of {', '.join(BESIDE)}; all, if none is named")
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--worker", action="store_true", help="of one contest, in this process, as a line of JSON")
    options = asked.parse_args()
    if unknown := set(options.contests) - set(BESIDE):
        asked.error(f"no parts are timed of {', '.join(unknown)}")
    if options.worker:
        print(json.dumps(work(options.contests[0], options.rounds)))
        return
    for name in options.contests or BESIDE:
        command = [sys.executable, "-m", "benchmarks.speed.parts", "--worker", "--rounds", str(options.rounds), name]
        env = environment(contest(name).threads)
        said = subprocess.run(command, cwd=record.ROOT, env=env, capture_output=True, text=True)
        if said.returncode:
            raise SystemExit(f"{name}: {said.stderr.strip().splitlines()[-1]}")
        rounds = json.loads(said.stdout.splitlines()[-1])
        about = {"date": time.strftime("%Y-%m-%d"), "commit": record.commit(), "machine": record.machine()}
        kept = record.read(record.PARTS) | {name: {**about, "beside": BESIDE[name], "rounds": rounds}}
        record.PARTS.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        report.write()
        print(name, [round(r["mapsto"] / r["beside"], 3) for r in rounds], file=sys.stderr)


def work(name: str, rounds: int) -> list[dict[str, float]]:
    """Of each round the seconds of mapsto's parts, of mapsto and of the loop beside it."""
    entry = contest(name)
    task, ours, beside = entry.make_task(), entry.reference().contestant(), entry.arm(BESIDE[name]).contestant()
    for arm in (ours, beside):
        arm.fit(task.shorter(), 0)
    found = []
    for seed in range(rounds):
        clock = Clock()
        with clock.running():
            total = ours.fit(task, seed).fit.wall
        parts = {part: clock.seconds.get(part, 0.0) for part in PARTS[:-1]}
        took = {**parts, "the rest": total - sum(parts.values()), "mapsto": total}
        found.append({**took, "beside": beside.fit(task, seed).fit.wall})
    return found


class Clock:
    """Seconds inside methods; inside one that is timed, no other is."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.inside = False

    @contextmanager
    def running(self) -> Iterator[None]:
        methods = timed()
        before = [getattr(owner, name) for owner, name, _ in methods]
        for (owner, name, part), method in zip(methods, before, strict=True):
            setattr(owner, name, self._timed(method, part))
        try:
            yield
        finally:
            for (owner, name, _), method in zip(methods, before, strict=True):
                setattr(owner, name, method)

    def _timed(self, method: Callable, part: str) -> Callable:
        @wraps(method)
        def clocked(*arguments: Any, **named: Any) -> Any:
            if self.inside:
                return method(*arguments, **named)
            self.inside, begun = True, time.perf_counter()
            try:
                return method(*arguments, **named)
            finally:
                self.inside = False
                self.seconds[part] = self.seconds.get(part, 0.0) + time.perf_counter() - begun

        return clocked


def timed() -> list[tuple[type, str, str]]:
    """class, method, part of a run."""
    from mapsto import experience
    from mapsto.algorithms.update.derived import Derived
    from mapsto.algorithms.update.descend import Descend
    from mapsto.algorithms.update.flat import Flat
    from mapsto.algorithms.update.guard import Guard
    from mapsto.learner.learner import Learner

    return [
        (Learner, "settle", "before the first step"),
        *((kind, "batch", "batches, acting") for kind in (experience.Passes, experience.Whole, experience.Rollout)),
        (Descend, "losses", "forward"),
        (Flat, "backward", "backward"),
        (Derived, "__call__", "by formula"),
        *((Guard, name, "the look for NaN") for name in ("keep", "sound", "still_sound")),
        *((Flat, name, "update") for name in ("forget", "clip", "step")),
    ]


if __name__ == "__main__":
    main()
