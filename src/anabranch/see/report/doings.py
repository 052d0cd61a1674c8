"""What the driver's own thread did, and when: what a worker without a call may have been waiting for.

Theory: the thread does one thing at a time, so its doings never overlap, and what lies between them is the engine's own work.
They are kept as sums up to each moment, so that any interval is answered by two look-ups.

This module never knows workers.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from enum import Enum

__all__ = ["Doing", "Doings", "Spent"]


class Doing(Enum):
    """What the thread was at."""

    WAITING = "for an answer"
    WORKING = "in functions of the flow: expanders, stream readers, calls that it ran itself"
    PACKING = "pickling a call"


Spent = dict[Doing, float]
"""Seconds of each kind within an interval; what is missing of it was the engine's own."""


class Doings:
    """The doings of one run's driver, in seconds since the run began."""

    def __init__(self) -> None:
        self._lines = {doing: _Line() for doing in Doing}
        self._told: list[tuple[float, float, Doing]] = []

    def add(self, doing: Doing, start: float, seconds: float) -> None:
        """The thread was at this for so long."""
        if seconds > 0:
            self._told.append((start, start + seconds, doing))

    @property
    def first(self) -> float | None:
        """When the first began; None if there is none."""
        return min((start for start, _, _ in self._told), default=None)

    def close(self) -> None:
        """All has been added."""
        at = 0.0
        for start, end, doing in sorted(self._told, key=lambda one: one[0]):
            if end > at:  # a function of the flow may run a flow itself; who began first has it
                self._lines[doing].add(max(start, at), end)
                at = end

    def between(self, start: float, end: float) -> Spent:
        """What the thread did within an interval."""
        return {doing: line.between(start, end) for doing, line in self._lines.items()} if end > start else {}


class _Line:
    """Intervals one after the other, and the sum of their lengths before each."""

    __slots__ = ("ends", "starts", "sums")

    def __init__(self) -> None:
        self.starts, self.ends, self.sums = array("d"), array("d"), array("d")

    def add(self, start: float, end: float) -> None:
        before = self.sums[-1] + self.ends[-1] - self.starts[-1] if self.sums else 0.0
        self.starts.append(start)
        self.ends.append(end)
        self.sums.append(before)

    def between(self, start: float, end: float) -> float:
        return self._until(end) - self._until(start)

    def _until(self, time: float) -> float:
        place = bisect_right(self.starts, time) - 1
        return self.sums[place] + min(time, self.ends[place]) - self.starts[place] if place >= 0 else 0.0
