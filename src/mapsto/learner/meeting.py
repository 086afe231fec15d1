"""When processes that learn together ask each other whether somebody wants to stop: about once a second, not at every step."""

from __future__ import annotations

import time

from mapsto.core import world
from mapsto.core.stop import Stop

SECONDS, STEPS = 1.0, 1000  # between two meetings, about; and at most


class Meeting:
    """All processes stop after the same step. The first one says, from its clock, at which step they meet next.

    A signal comes to each process by itself and at a moment of its own: whoever left at once would leave the others waiting
    for its part of the next batch. Where there is one process it goes by the signal.
    """

    def __init__(self, step: int):
        self.last, self.next, self.at = step, step + 1, time.monotonic()

    def stopped(self, step: int, stop: Stop | None, over: bool) -> bool:
        """Whether to stop before `step`: learning is `over`, or somebody asks. What comes after the end, all know alike too."""
        asked = stop.asked if stop else 0
        if world.size() == 1:
            return over or bool(asked)
        if step < self.next and not over:
            return False
        now = time.monotonic()
        steps = (step - self.last) / max(now - self.at, 1e-9) * SECONDS
        told = world.gathered([asked, max(1, min(STEPS, int(steps)))])
        self.last, self.next, self.at = step, step + told[0][1], now
        asked = max(number for number, _ in told)
        if asked and stop:
            stop.asked = asked  # by a signal to another process, perhaps
        return over or bool(asked)
