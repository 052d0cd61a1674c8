"""How many items travel together: enough to make the journey worth while, few enough to keep every worker busy.

Theory: a span aims at `TARGET` seconds of work by what finished spans took. Without knowledge it is one item; it grows to at
most twice the largest span that has come back, so that one fast item does not send a thousand slow ones on their way;
it never holds more than its share of what is known to be left (guided self-scheduling: Polychronopoulos and Kuck,
IEEE Trans. Computers C-36, 1987), so that no worker waits long for another at the end. A source that is slow to yield is
not waited for: a span takes no more items than it yields in `PATIENCE` seconds.

This module never reads a clock: durations are told.
"""

from __future__ import annotations

from math import ceil

__all__ = ["Estimate", "SpanSizer"]

TARGET = 0.05
PATIENCE = 0.005
LARGEST = 16_384


class Estimate:
    """Seconds per item of one task, as last seen; lives as long as its plan, so that the next run knows it."""

    __slots__ = ("seconds",)

    def __init__(self) -> None:
        self.seconds: float | None = None

    def learn(self, items: int, seconds: float) -> None:
        """Takes the duration of a finished span into account, larger spans with more weight."""
        each = seconds / items
        weight = 0.5 if items == 1 else 0.7
        self.seconds = each if self.seconds is None else (1 - weight) * self.seconds + weight * each


class SpanSizer:
    """The size of the next span of one fan."""

    __slots__ = ("estimate", "largest", "pull", "slots")

    def __init__(self, estimate: Estimate, slots: int) -> None:
        self.estimate = estimate
        self.slots = slots
        self.largest = 0
        self.pull: float | None = None

    def finished(self, items: int, seconds: float) -> None:
        """A span came back."""
        self.estimate.learn(items, seconds)
        self.largest = max(self.largest, items)

    def pulled(self, items: int, seconds: float) -> None:
        """The source gave items."""
        if items:
            self.pull = seconds / items

    def next(self, left: int | None) -> int:
        """How many items to take; `left` are known to remain, None if nobody knows."""
        each = self.estimate.seconds
        if each is None or self.largest == 0:
            return 1
        size = min(LARGEST, 2 * self.largest, int(TARGET / each) if each > TARGET / LARGEST else LARGEST)
        if self.pull is not None and self.pull > PATIENCE / LARGEST:
            size = min(size, int(PATIENCE / self.pull))
        if left is not None and self.slots > 1:
            size = min(size, ceil(left / (2 * self.slots)))
        return max(1, size)
