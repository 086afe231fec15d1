"""docs/speed.md, from docs/speed.json and nothing else: `python -m benchmarks.speed.report`."""

from __future__ import annotations


def write() -> None: ...
