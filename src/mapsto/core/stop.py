"""A person or a machine asks to stop: when that may break off work in the midst, and when a step and a save come first.

A signal belongs to the whole process, so there is one `Stop` at a time, the outermost:

with Stop() as stop:            SIGINT and SIGTERM break off what is going on: reading, framing, examining, reporting
    with stop.held():           … but here they only set `stop.asked`, and the loop looks at it
        while not stop.asked:
            …
            with at_once():     … and here, inside that loop, they break off again: nothing done here has to be kept

What is broken off ends in a KeyboardInterrupt, which no `except Exception` of a library swallows; where the outermost Stop
ends, it becomes Interrupted. A second SIGINT always breaks off. One long call into compiled code returns first.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import ClassVar

from mapsto.core.errors import Interrupted


class Stop:
    """While the outermost one lasts it hears SIGINT and SIGTERM; `asked` is then their number. Deaf outside the main thread."""

    listening: ClassVar[Stop | None] = None

    def __init__(self) -> None:
        self.asked: int = 0
        self.holding = False
        self.begun: Path | None = None  # the run to be continued afterwards
        self.again = ""  # what is to be said again then, behind its name
        self._before: dict[int, object] = {}

    def __enter__(self) -> Stop:
        """The outermost one."""
        if not _in_main_thread():
            return self
        if Stop.listening is None:
            Stop.listening = self
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._hear)
        return Stop.listening

    def _hear(self, number: int, frame: FrameType | None) -> None:
        again, self.asked = self.asked, self.asked or number
        if not self.holding or (again and number == signal.SIGINT):
            raise KeyboardInterrupt

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if Stop.listening is not self:
            return
        Stop.listening = None
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if isinstance(error, KeyboardInterrupt):
            raise self.interrupted("stopped.") from None

    def interrupted(self, message: str) -> Interrupted:
        goes_on = f"Continue with: mapsto resume {self.begun}{self.again}"
        remedy = goes_on if self.begun else "There is nothing to continue."
        return Interrupted(message, remedy, self.asked or signal.SIGINT)

    @contextmanager
    def held(self, yes: bool = True) -> Iterator[None]:
        """Signals only set `asked`, while this lasts."""
        before, self.holding = self.holding, yes
        try:
            yield
        finally:
            self.holding = before


@contextmanager
def at_once() -> Iterator[None]:
    """Work that leaves nothing behind when it is broken off: a signal does so, also one that came while they were held."""
    stop = Stop.listening
    if stop is None or not _in_main_thread():
        yield
        return
    with stop.held(False):
        if stop.asked:
            raise KeyboardInterrupt
        yield


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
