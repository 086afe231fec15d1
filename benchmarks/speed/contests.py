"""All contests, by name."""

from __future__ import annotations

from benchmarks.speed import acting, cora, digits, gpt, gpu_contests, mnist, overheads, reviews, start, table
from benchmarks.speed.contest import Contest

ON_GPU: tuple[Contest, ...] = gpu_contests.CONTESTS  # measured by gpu.py
ALL: tuple[Contest, ...] = (
    *digits.CONTESTS,
    *mnist.CONTESTS,
    *table.CONTESTS,
    *gpt.CONTESTS,
    *reviews.CONTESTS,
    *cora.CONTESTS,
    *acting.CONTESTS,
    *start.CONTESTS,
    *overheads.CONTESTS,
)


def contest(name: str) -> Contest:
    return next(c for c in ALL if c.name == name)


def chosen(wanted: list[str]) -> list[Contest]:
    """Those that are named, or whose workload is: "digits" is all of digits-sgd, digits-adamw, digits-whole."""
    unknown = [w for w in wanted if not any(_is(c, w) for c in ALL)]
    if unknown:
        raise SystemExit(f"no contest {', '.join(unknown)}; there are: {', '.join(c.name for c in ALL)}")
    return [c for c in ALL if not wanted or any(_is(c, w) for w in wanted)]


def _is(contest: Contest, wanted: str) -> bool:
    return contest.name == wanted or contest.name.startswith(wanted + "-")
