"""How long items took and how wide fan-outs were, by place.

Theory: an item that travelled in a span took its share of the span. What ran as a loop inside a span is known in sum only: so
many inner items, so many seconds; they are spread evenly over the items of the span. What nobody recorded is taken to be like
the rest, on average.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from itertools import accumulate

__all__ = ["Pieces", "Recorded", "Widths"]

Where = tuple[int, ...]


class Pieces:
    """Durations along one axis, as pieces [lo, hi) within which each item takes as long."""

    __slots__ = ("counts", "eachs", "his", "longest", "los", "mean", "sums")

    def __init__(self, pieces: Iterable[tuple[int, int, float]]) -> None:
        ordered = sorted(pieces)
        self.los = [lo for lo, _, _ in ordered]
        self.his = [hi for _, hi, _ in ordered]
        self.eachs = [each for _, _, each in ordered]
        self.sums = list(accumulate(((hi - lo) * each for lo, hi, each in ordered), initial=0.0))
        self.counts = list(accumulate((hi - lo for lo, hi, _ in ordered), initial=0))
        self.mean = self.sums[-1] / self.counts[-1] if ordered else 0.0
        self.longest = max(self.eachs, default=0.0)

    def until(self, index: int) -> float:
        """Of all items before `index`; those that are in no piece take the mean."""
        place = bisect_right(self.los, index) - 1
        if place < 0:
            return index * self.mean
        inside = min(index, self.his[place]) - self.los[place]
        unknown = index - self.counts[place] - inside
        return self.sums[place] + inside * self.eachs[place] + unknown * self.mean


class Recorded:
    """How long the items of one node took (`anabranch.simulation.Durations`).

    Args:
        pieces: what is known, by the outer indices and in pieces.
        elsewhere: seconds of one item at a place of which nothing is known by item.
    """

    __slots__ = ("elsewhere", "longest", "places")

    def __init__(self, pieces: dict[Where, list[tuple[int, int, float]]], elsewhere: Callable[[Where], float]) -> None:
        self.places = {where: Pieces(found) for where, found in pieces.items()}
        self.elsewhere = elsewhere
        self.longest = max((one.longest for one in self.places.values()), default=0.0)

    def total(self, where: Where, lo: int, hi: int) -> float:
        """Of items [lo, hi) at `where`."""
        known = self.places.get(where)
        if known is not None:
            return known.until(hi) - known.until(lo)
        each = self.elsewhere(where)
        self.longest = max(self.longest, each)
        return (hi - lo) * each


class Widths:
    """How many items an axis has at a place: exactly where it is known, else its part of the span that it was a loop in."""

    __slots__ = ("exact", "mean", "spread")

    def __init__(self, exact: dict[Where, int], spread: Callable[[Where], int | None]) -> None:
        self.exact = exact
        self.spread = spread
        self.mean = round(sum(exact.values()) / len(exact)) if exact else 0

    def __call__(self, where: Where) -> int:
        """At a place."""
        found = self.exact.get(where)
        if found is None:
            found = self.spread(where)
        return self.mean if found is None else found
