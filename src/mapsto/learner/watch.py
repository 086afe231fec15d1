"""Somebody who watches a run: told what begins, how far it is and what is said about it; never asked."""

from __future__ import annotations

from typing import Protocol

from mapsto.learner.fit import Report
from mapsto.learner.learner import Learner


class Watch(Protocol):
    def begin(self, learner: Learner) -> None:
        """Training begins, or goes on, at `learner.step` of `learner.horizon`."""

    def __call__(self, report: Report) -> None: ...

    def say(self, what: str) -> None:
        """What is being done besides training: "decision-tree", "writing the report"."""

    def tell(self, what: str) -> None:
        """What should be known later too: a checkpoint skipped, a disk nearly full."""


class Unwatched:
    """Nobody."""

    def begin(self, learner: Learner) -> None: ...

    def __call__(self, report: Report) -> None: ...

    def say(self, what: str) -> None: ...

    def tell(self, what: str) -> None: ...
