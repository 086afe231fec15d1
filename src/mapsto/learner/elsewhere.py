"""A run whose folder another process writes: that of every process but the first, where several learn together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mapsto.core import world
from mapsto.core.errors import Damaged
from mapsto.core.state import unpack
from mapsto.learner.fit import Report
from mapsto.learner.learner import Learner


class Elsewhere:
    """What a `Run` is to the first process, as far as the others take part in it: nothing is read or written here.

    path: where the first process keeps it; it need not be within reach.
    """

    def __init__(self, path: Path | str):
        self.path = Path(path)

    @contextmanager
    def locked(self) -> Iterator[None]:
        yield

    def restore(self, learner: Learner) -> tuple[dict[str, Any], list[str]]:
        """The checkpoints that the first process finds, until one goes into the learner there and here."""
        while (about := world.firsts(None)) is not None:
            files = world.copied({})
            try:
                learner.load_state_dict(unpack(files))
                return about, []
            except Damaged:  # there too
                continue
        return {}, []

    def save(self, learner: Learner, about: dict[str, Any]) -> None:
        learner.state_dict()  # of a model in shards, the first process needs everybody's

    def cramped(self, learner: Learner) -> str:
        learner.state_dict()
        return ""

    def checkpoint(self, step: int) -> Path:
        return self.path / "checkpoints" / f"step-{step:08d}"

    def record(self, report: Report, seen: dict[str, float] | None = None) -> None: ...
