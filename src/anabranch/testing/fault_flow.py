"""The functions that the contract about faults puts faults into.

Theory: a module of its own, and a light one, for a worker imports it each time that one starts.
"""

from __future__ import annotations

import threading
import time

from anabranch.markers import Collect, Parallelizable, associative
from anabranch.policies import retry, timeout
from anabranch.testing.deeds import Struck

__all__ = ["FUNCTIONS", "LIMIT"]

LIMIT = 0.5
"""Seconds that a function may take where it is limited."""


def item(n: int) -> Parallelizable[int]:
    """Numbers."""
    yield from range(n)


def work(item: int) -> int:
    """Squares."""
    return item * item


def rows(work: Collect[int]) -> list[int]:
    """What came through."""
    return work


@timeout(LIMIT)
def limited(item: int) -> int:
    """The same with a time limit."""
    return item * item


def limited_rows(limited: Collect[int]) -> list[int]:
    """What came through."""
    return limited


@retry(attempts=3)
@timeout(LIMIT)
def tried(item: int) -> int:
    """The same with a time limit, and tried again."""
    return item * item


@associative
def summed(tried: Collect[int]) -> int:
    """Their sum, in parts."""
    return sum(tried)


def inner(item: int) -> Parallelizable[int]:
    """As many numbers as the item says."""
    yield from range(item)


def deep(inner: int, item: int) -> tuple[int, int]:
    """Both indices."""
    return item, inner


def deep_rows(deep: Collect[Collect[tuple[int, int]]]) -> list[list[tuple[int, int]]]:
    """What came through."""
    return deep


def late(item: int) -> int:
    """Fails soon for the first item, and takes long for the others."""
    threading.Event().wait(0.3 if item == 0 else 5.0)
    if item == 0:
        raise Struck(str(time.time()))
    return item


def busy(item: int, pace: float) -> int:
    """Squares, with so many seconds of work."""
    until = time.perf_counter() + pace
    while time.perf_counter() < until:
        pass
    return item * item


def busy_rows(busy: Collect[int]) -> list[int]:
    """What came through."""
    return busy


FUNCTIONS = (item, work, rows, limited, limited_rows, tried, summed, inner, deep, deep_rows, late, busy, busy_rows)
