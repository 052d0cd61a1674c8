"""Which items are done, and where their values are: ranges of indices that never overlap."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Span", "Spans"]


class Span(NamedTuple):
    """Items [lo, hi) that were done together: item `lo` is at place `offset` of what the references lead to.

    `holes` are indices of items without values.
    """

    lo: int
    hi: int
    offset: int
    values: tuple[str, ...]
    holes: tuple[int, ...] = ()


class Spans:
    """The spans of one task in one place, in order. What was done first stays: an item is done once."""

    __slots__ = ("_spans", "_starts")

    def __init__(self) -> None:
        self._spans: list[Span] = []
        self._starts: list[int] = []

    def __iter__(self) -> Iterator[Span]:
        return iter(self._spans)

    def __len__(self) -> int:
        """How many items are done."""
        return sum(span.hi - span.lo for span in self._spans)

    def add(self, lo: int, hi: int, values: tuple[str, ...], holes: tuple[int, ...] = ()) -> None:
        """Adds items [lo, hi), as far as they are not there."""
        for first, end in self.missing(lo, hi):
            inside = tuple(index for index in holes if first <= index < end)
            place = bisect_right(self._starts, first)
            self._starts.insert(place, first)
            self._spans.insert(place, Span(first, end, first - lo, values, inside))

    def missing(self, lo: int, hi: int) -> list[tuple[int, int]]:
        """The parts of [lo, hi) that are not done."""
        found = []
        for place in range(max(bisect_right(self._starts, lo) - 1, 0), len(self._spans)):
            span = self._spans[place]
            if span.lo >= hi:
                break
            if span.lo > lo:
                found.append((lo, span.lo))
            lo = max(lo, span.hi)
        if lo < hi:
            found.append((lo, hi))
        return found

    def at(self, index: int) -> Span | None:
        """The span that an item is in; None if it is not done."""
        place = bisect_right(self._starts, index) - 1
        return self._spans[place] if place >= 0 and self._spans[place].hi > index else None
