"""Is anybody else computing? Load, other processes' share of the processors, and how long a fixed piece of work takes now.

The rule, fixed beforehand: a round counts where during none of its runs others kept more than OTHERS processors busy,
and no canary before or after a run took more than SLOW times the best one of the contest. Canaries are compared by the
median of several, since a single one of 20 ms is easily hit by a clock tick.
"""

from __future__ import annotations

import os
import statistics
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.speed.pairs import Row

OTHERS, SLOW = 0.25, 1.3
HERE, THERE, COPIES = bytes(4 << 20), bytearray(4 << 20), 24
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Moment:
    """now: seconds. busy: processor seconds of the whole machine since its start, stolen: those its host took; None where
    the system does not say. mine: those of the measured process and this one."""

    now: float
    busy: float | None
    stolen: float | None
    mine: float


def moment(process: int) -> Moment:
    if not Path("/proc/stat").exists():
        return Moment(time.perf_counter(), None, None, 0.0)
    user, nice, system, _, _, irq, soft, steal = map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:9])
    busy = (user + nice + system + irq + soft) / TICKS
    return Moment(time.perf_counter(), busy, steal / TICKS, _spent(process) + time.process_time())


def others(before: Moment, after: Moment) -> float | None:
    """Processors that anybody else kept busy in between, on average: other processes here, and other guests of the host."""
    if before.busy is None or after.busy is None:
        return None
    spent = after.busy - before.busy + after.stolen - before.stolen - (after.mine - before.mine)
    return max(0.0, spent / (after.now - before.now))


def canary() -> float:
    """Milliseconds that a fixed piece of work takes, the median of three: arithmetic, and as much time of copying what fits into
    a cache. Other guests of a host slow the second down to a tenth without taking a processor from anybody."""
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        total = 0
        for k in range(100_000):
            total += k * k
        for _ in range(COPIES):
            THERE[:] = HERE
        times.append(1000 * (time.perf_counter() - begun))
    return statistics.median(times)


def load() -> float:
    return os.getloadavg()[0]


def counted(rows: Sequence[Row]) -> list[Row]:
    """The rows of rounds that were quiet all through."""
    if not rows:
        return []
    best = min(row["canary"] for row in rows)
    disturbed = {row["round"] for row in rows if (row["others"] or 0.0) > OTHERS or row["canary"] > SLOW * best}
    return [row for row in rows if row["round"] not in disturbed]


def rounds(rows: Sequence[Row]) -> int:
    by_round: defaultdict[int, int] = defaultdict(int)
    for row in rows:
        by_round[row["round"]] += 1
    return len(by_round)


def _spent(process: int) -> float:
    """Processor seconds of a process; its children count once they have ended. 0 where it is gone."""
    try:
        after_name = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, after_name[11:15])) / TICKS
