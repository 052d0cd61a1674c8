"""How long items took, task by task: quantiles, a histogram, and the slowest calls.

Theory: what is measured is a span; an item of a span counts as its share of it. Where spans are long that hides how items
differ, and the report says so. Bins are a third of a power of ten, because what is worth knowing differs by factors.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import nlargest
from math import floor, log10

from anabranch.see.report.record import CallRow, Record

__all__ = ["Durations", "durations_of", "slowest"]

FINEST = 1e-7
"""Seconds; nothing is told apart below."""


@dataclass(frozen=True, slots=True)
class Durations:
    """One task.

    Attributes:
        calls: how many calls, with `items` items in all, which took `seconds`.
        quantiles: seconds that a share of items took at most, by that share.
        longest: seconds of the slowest item's share.
        bins: how many items in each bin; bin n begins at ``FINEST * 10 ** (n / 3)``.
    """

    task: str
    calls: int
    items: int
    seconds: float
    quantiles: dict[float, float]
    longest: float
    bins: dict[int, int]


def durations_of(record: Record) -> list[Durations]:
    """All tasks, the longest in sum first."""
    samples: list[list[tuple[float, int]]] = [[] for _ in record.names]
    for number, task in enumerate(record.tasks):
        items = record.items(number)
        samples[task].append((record.lengths[number] / items, items))
    made = [_of(name, found) for name, found in zip(record.names, samples, strict=True)]
    return sorted(made, key=lambda one: -one.seconds)


def _of(task: str, samples: list[tuple[float, int]]) -> Durations:
    samples.sort()
    items = sum(count for _, count in samples)
    bins: dict[int, int] = {}
    quantiles: dict[float, float] = {}
    wanted = [0.5, 0.9, 0.99]
    seen = 0
    for each, count in samples:
        bins[bin_of(each)] = bins.get(bin_of(each), 0) + count
        seen += count
        while wanted and seen >= wanted[0] * items:
            quantiles[wanted.pop(0)] = each
    seconds = sum(each * count for each, count in samples)
    return Durations(task, len(samples), items, seconds, quantiles, samples[-1][0] if samples else 0.0, bins)


def bin_of(seconds: float) -> int:
    """The bin that a duration falls into."""
    return max(floor(3 * log10(max(seconds, FINEST) / FINEST) + 1e-9), 0)


def bin_start(number: int) -> float:
    """Where a bin begins, in seconds."""
    return float(FINEST * 10 ** (number / 3))


def slowest(record: Record, count: int = 15) -> list[CallRow]:
    """The calls whose items took longest."""
    chosen = nlargest(count, range(len(record)), key=lambda number: record.lengths[number] / record.items(number))
    return [record.row(number) for number in chosen]
