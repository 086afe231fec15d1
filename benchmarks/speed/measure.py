"""The rounds of a contest: every arm once a round, in an order drawn for it, until enough of them were quiet."""

from __future__ import annotations

import sys
from contextlib import ExitStack, closing
from typing import Any

from benchmarks.speed import pairs, quiet
from benchmarks.speed.contest import Arm, Contest
from benchmarks.speed.pairs import Row
from benchmarks.speed.process import Failed, Process, commanded, measured, whole

PATIENCE = 2.0  # times the rounds wanted, where neighbours are busy


def measure(contest: Contest, only: list[str], wanted: int, patience: float = PATIENCE) -> dict[str, Any]:
    """{"rows": one a run, "failed": arm → why, "warm": arm → what its process said before the first round}."""
    arms = {arm.name: arm for arm in contest.arms if not only or arm.name in only}
    rows: list[Row] = []
    failed: dict[str, str] = {}
    warm: dict[str, Any] = {}
    with ExitStack() as stack:
        processes: dict[str, Process] = {}
        for name, arm in arms.items() if not (contest.fresh or contest.renewed) else ():
            processes[name] = Process(contest, arm)
            stack.callback(processes[name].close)
            if contest.request == "run":
                _try(failed, name, lambda n=name: warm.__setitem__(n, processes[n].ask("warm")))
        for turn in range(round(patience * wanted) if wanted > 1 else 1):
            if turn >= wanted and quiet.rounds(quiet.counted(rows)) >= wanted:
                break
            for name in pairs.order([n for n in arms if n not in failed and _runs(arms[n], turn)], turn):

                def run(name: str = name, turn: int = turn) -> None:
                    if arms[name].command:
                        row = commanded(arms[name], contest.threads)
                    elif contest.fresh:
                        row = whole(contest, arms[name], turn)
                    elif contest.renewed:
                        with closing(Process(contest, arms[name])) as process:
                            warm[name] = process.ask("warm")
                            row = measured(process, f"{contest.request} {turn}")
                    else:
                        row = measured(processes[name], f"{contest.request} {turn}")
                    rows.append({"round": turn, "arm": name, **row})
                    _tell(contest, rows[-1])

                _try(failed, name, run)
    return {"rows": rows, "failed": failed, "warm": warm}


def _runs(arm: Arm, turn: int) -> bool:
    """Whether an arm that runs in a share of the rounds runs in this one."""
    return int((turn + 1) * arm.fewer + 1e-9) > int(turn * arm.fewer + 1e-9) or turn == 0


def _try(failed: dict[str, str], name: str, run) -> None:
    try:
        run()
    except Failed as error:
        failed[name] = str(error)
        print(f"   failed: {error}", file=sys.stderr, flush=True)


def _tell(contest: Contest, row: Row) -> None:
    took = sum(row[c] or 0.0 for c in contest.counts)
    step = f", {row['step']:7.0f} µs a step" if "step" in row else ""
    score = f", {contest.measure} {row['score']:.4f}" if "score" in row else ""
    busy = "" if row["others"] is None else f", others {row['others']:.2f}"
    print(f"   {row['round']:2d} {row['arm']:24s} {took:9.4f}{step}{score}{busy}", flush=True)
