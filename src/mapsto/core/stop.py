"""A person or a machine asks to stop: the signal only sets a flag, and every loop looks at it."""

from __future__ import annotations

import signal
import threading
from types import FrameType


class Stop:
    """While it lasts, SIGINT and SIGTERM set `asked` to their number; a second SIGINT interrupts at once.

    with Stop() as stop:
        while not stop.asked: …
    """

    def __init__(self) -> None:
        self.asked: int = 0
        self._before: dict[int, object] = {}

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._hear)
        return self

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.asked = number

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
