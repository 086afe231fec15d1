"""The process of one arm: `python -m benchmarks.speed.worker CONTEST ARM` reads a request a line and answers with a JSON line.

run SEED      a whole run: fit, fit_processor, exam (seconds), score, steps, weights, curve; step (µs) where it was asked for
warm          a short run that nobody counts: imports, thread pools, compilers' caches
same          the answers to a few test rows after three steps on one batch, from the weights of seed 0
share SEED    what part of a training run something takes
once SEED     a whole run in a process of its own, which then ends; first is when its first step was over
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
import time
from dataclasses import replace

from benchmarks.speed.task import Enough, Watch


def main(contest_name: str, arm_name: str) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what frameworks print goes where nobody reads
    from benchmarks.speed.contests import contest as find

    contest = find(contest_name)
    for line in sys.stdin:
        what, _, seed = line.strip().partition(" ")
        reply = REQUESTS[what](contest, contest.arm(arm_name), int(seed or 0))
        reply["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        print(json.dumps(reply), file=answers, flush=True)
        if what == "once":
            return


def run(contest, arm, seed: int) -> dict:
    task, contestant = _task(contest), _contestant(arm)
    if contest.target is not None:
        return reached(task, contestant, seed, contest.target)
    fitted = contestant.fit(task, seed)
    reply = _told(task, fitted)
    if contest.steady:
        short = contestant.fit(task.shorter(), seed)
        steps = fitted.steps - short.steps
        reply["step"] = 1e6 * (fitted.fit.wall - short.fit.wall) / steps
        reply["step_processor"] = 1e6 * (fitted.fit.processor - short.fit.processor) / steps
    return reply


def reached(task, contestant, seed: int, target: float) -> dict:
    """fit: seconds until the target was reached, or None where it never was; curve: (seconds, score) at each look."""
    watch = Watch(task, target)
    with contextlib.suppress(Enough):
        contestant.fit(replace(task, watch=watch), seed)
    at, score = watch.curve[-1]
    took = {"fit": at, "fit_processor": time.process_time() - watch.processor} if score >= target else {}
    return {"fit": None, **took, "score": score, "steps": len(watch.curve) * task.batches, "curve": watch.curve}


def warm(contest, arm, seed: int) -> dict:
    begun = time.perf_counter()
    contestant = _contestant(arm)
    imported = time.perf_counter() - begun
    contestant.fit(_task(contest).shorter().shorter(), seed)
    return {"imports": imported, "warm": time.perf_counter() - begun - imported}


def same(contest, arm, seed: int) -> dict:
    task = _task(contest).in_one_batch(3)
    exact = {name: value for name, value in EXACT.items() if name in arm.settings}
    fitted = replace(arm, settings={**arm.settings, **exact}).contestant().fit(task, seed)
    answers = fitted.answer(task.x_test[:16])
    return {
        "answers": answers.reshape(-1, answers.shape[-1] if answers.ndim > 1 else 1).tolist(),
        "steps": fitted.steps,
        "weights": fitted.weights,
    }


def once(contest, arm, seed: int) -> dict:
    at: list[float] = []
    task = replace(_task(contest), started=lambda: at.append(time.time()))
    fitted = _contestant(arm).fit(task, seed)
    return {**_told(task, fitted), "first": at[0] if at else None}


def share(contest, arm, seed: int) -> dict:
    return {"share": _contestant(arm).share(seed)}


REQUESTS = {"share": share, "run": run, "warm": warm, "same": same, "once": once}
EXACT = {"bfloat16": False, "precision": "float32", "dropout": 0.0}
_KEPT: dict = {}


def _told(task, fitted) -> dict:
    begun = time.perf_counter()
    score = task.score(fitted.answer(task.x_test))
    return {
        "fit": fitted.fit.wall,
        "fit_processor": fitted.fit.processor,
        "exam": time.perf_counter() - begun,
        "score": score,
        "steps": fitted.steps,
        "weights": fitted.weights,
    }


def _task(contest):
    if "task" not in _KEPT:
        _KEPT["task"] = contest.make_task()
    return _KEPT["task"]


def _contestant(arm):
    if "contestant" not in _KEPT:
        _KEPT["contestant"] = arm.contestant()
    return _KEPT["contestant"]


if __name__ == "__main__":
    main(*sys.argv[1:])
