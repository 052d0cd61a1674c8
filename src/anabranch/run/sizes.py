"""How many items travel together: enough to make the journey worth while, few enough to keep every worker busy.

Theory: a span aims at `TARGET` seconds of work by what finished spans took. The first is one item; then it grows to
at most twice the largest span that has come back, so that one fast item does not send a thousand slow ones on their way.
Where an earlier run has left an estimate, the first is a `KNOWN_GROWTH`th of what that says, and as soon as it is confirmed
the next may be so many times as large. It never holds more than its share of what is known to be left (guided
self-scheduling: Polychronopoulos and Kuck, IEEE Trans. Computers C-36, 1987), so that no worker waits long for another at
the end. Many workers would ask for more spans than one driver can hand out, so they aim at longer ones: all of them together
ask for `SPANS_PER_SECOND`. That they do only as long as there is plenty: a worker's share of what is left divided by `EVEN` to
`UNEVEN`, as items have been seen to differ, or, where nobody knows, its `BEHIND` of what came back, so that the end, when some
wait for others, is a small part of the whole. A source that is slow to yield is not waited for: a span takes no more items
than it yields in `PATIENCE` seconds. Nor does it hold more than `HEAVIEST` bytes, or bring back more.

Where a source ends is looked for `ahead` of the spans, or the last ones would be as long as all others.

This module never reads a clock: durations are told.
"""

from __future__ import annotations

from math import ceil

__all__ = ["Estimate", "SpanSizer"]

TARGET = 0.05
PATIENCE = 0.005
SPANS_PER_SECOND = 100
EVEN, UNEVEN = 2, 16
BEHIND = 1 / 64
LARGEST = 16_384
HEAVIEST = 32 * 2**20
UNKNOWN_GROWTH = 2
KNOWN_GROWTH = 128
NEGLIGIBLE = 20e-6
"""Seconds; below it an item's duration is mostly the clock's and the call's own."""


class Estimate:
    """Seconds and bytes per item of one task, as last seen; lives as long as its plan, so that the next run knows them."""

    __slots__ = ("seconds", "weight")

    def __init__(self) -> None:
        self.seconds: float | None = None
        self.weight = 1

    def learn(self, items: int, seconds: float) -> None:
        """Takes the duration of a finished span into account, larger spans with more weight."""
        each = seconds / items
        weight = 0.5 if items == 1 else 0.7
        self.seconds = each if self.seconds is None else (1 - weight) * self.seconds + weight * each


class SpanSizer:
    """The size of the next span of one fan."""

    __slots__ = ("aim", "behind", "brought", "estimate", "expected", "growth", "largest", "pull", "slots", "slowest", "weight")

    def __init__(self, estimate: Estimate, slots: int) -> None:
        self.estimate = estimate
        self.expected = estimate.seconds
        self.growth = UNKNOWN_GROWTH
        self.slots = slots
        self.aim = max(TARGET, slots / SPANS_PER_SECOND)
        self.behind = 0
        self.slowest = 0.0
        self.largest = 0
        self.pull: float | None = None
        self.weight = estimate.weight
        self.brought = 1

    def finished(self, items: int, seconds: float, size: int = 0) -> None:
        """A span came back, with so many bytes of results."""
        if self.expected is not None:
            confirmed = seconds <= items * max(4 * self.expected, NEGLIGIBLE)
            self.growth = KNOWN_GROWTH if confirmed else UNKNOWN_GROWTH
        self.estimate.learn(items, seconds)
        self.behind += items
        self.slowest = max(self.slowest, seconds / items)
        self.largest = max(self.largest, items)
        self.brought = max(self.brought, size // items)

    def pulled(self, items: int, seconds: float, weight: int) -> None:
        """The source gave items of about `weight` bytes each."""
        if items:
            self.pull = seconds / items
            self.weight = self.estimate.weight = max(weight, 1)

    def ahead(self) -> int:
        """How many items to know of besides those that are out: as many as it takes to see the end of the source coming."""
        each = self.estimate.seconds
        if self.slots < 2 or each is None or each <= TARGET / LARGEST or self.pull is None:
            return 0
        count = min(2 * self.slots * self.next(None), HEAVIEST // max(self.weight, self.brought))
        return min(count, int(PATIENCE / max(self.pull, PATIENCE / count))) if count else 0

    def next(self, left: int | None) -> int:
        """How many items to take; `left` are known to remain, None if nobody knows."""
        each = self.estimate.seconds
        if each is None:
            return 1
        size = min(LARGEST, HEAVIEST // max(self.weight, self.brought), self.growth * self.largest or self._first())
        if each > TARGET / LARGEST:
            plenty = BEHIND * self.behind if left is None else left / min(max(EVEN, self.slowest / each), UNEVEN)
            size = min(size, int(self.aim / each), max(int(TARGET / each), int(plenty / self.slots)))
        if self.pull is not None and self.pull > PATIENCE / LARGEST:
            size = min(size, int(PATIENCE / self.pull))
        if left is not None and self.slots > 1:
            size = min(size, ceil(left / (2 * self.slots)))
        return max(1, size)

    def _first(self) -> int:
        """How many items to take when none has come back in this run."""
        if self.expected is None:
            return 1
        return min(KNOWN_GROWTH, int(self.aim / KNOWN_GROWTH / max(self.expected, 1e-9)))
