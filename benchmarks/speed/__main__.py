"""`python -m benchmarks.speed [CONTEST …]`: measure, put the rows into docs/speed.json, and write docs/speed.md from it.

A workload's name stands for all its contests. --check only sees that all arms learn the same. --try runs one round and keeps
it apart (runs/speed/tried.json): it says whether everything runs, not how fast.
"""

from __future__ import annotations

import argparse
import sys

from benchmarks.speed import record, report
from benchmarks.speed.check import check
from benchmarks.speed.contests import chosen
from benchmarks.speed.measure import PATIENCE, measure


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__.splitlines()[0])
    parser.add_argument("contests", nargs="*", help="all, if none is named")
    parser.add_argument("--arms", default="", help="only these, by comma; what is measured replaces what was")
    parser.add_argument("--rounds", type=int, default=0, help="instead of each contest's own number")
    parser.add_argument(
        "--patience", type=float, default=PATIENCE, help="times that number at most, where neighbours are busy"
    )
    parser.add_argument(
        "--more", action="store_true", help="rounds behind those that were measured, not in their place"
    )
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--try", action="store_true", dest="tried")
    asked = parser.parse_args(arguments)
    only = [arm for arm in asked.arms.split(",") if arm]
    wrong = 0
    for contest in chosen(asked.contests):
        print(f"── {contest.name}: {contest.title}", flush=True)
        found = check(contest, only)
        wrong += bool(found["odd"])
        for line in found["odd"]:
            print(f"   ! {line}", flush=True)
        if asked.check:
            continue
        measured = measure(contest, only, 1 if asked.tried else asked.rounds or contest.rounds, asked.patience)
        command = " ".join(["python -m benchmarks.speed", *arguments])
        where = record.TRIED if asked.tried else record.RECORD
        record.keep(contest, {"checked": found, **measured}, command, where, more=asked.more)
        if not asked.tried:
            report.write()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
