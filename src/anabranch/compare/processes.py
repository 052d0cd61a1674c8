"""What this process and its children use: processor time, and memory at the worst moment.

Theory: a thread that does not run either waits for something or would run if there were a processor for it. On a machine with
others on it the two must be told apart, or every flow would seem to wait; Linux keeps account of the second (run delay).

Memory that processes share must not be counted for each of them, so where the kernel tells (Linux) a page counts by
how many have it (proportional set size). To ask for it takes long enough to be felt, which is why memory is taken in a round of
its own and never while something is timed. The figures come from psutil; without it they are not known.

What runs on other machines, or was started by somebody else (a cluster), is not counted.
"""

from __future__ import annotations

import time
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

from anabranch.libraries import library

__all__ = ["PeakMemory", "can_be_told", "children_seconds", "wanted_seconds"]

PAUSE = 0.02
"""Seconds between two looks."""


def can_be_told() -> bool:
    """Whether the figures can be had."""
    return find_spec("psutil") is not None


def children_seconds() -> float:
    """Processor time of the living children, so far; none without psutil. To ask takes time of this process's own."""
    return sum(_seconds(child) for child in _family()[1:]) if can_be_told() else 0.0


def wanted_seconds() -> float:
    """For how long this thread has run, or would have if there had been a processor for it."""
    try:
        ran, waited, _ = Path("/proc/thread-self/schedstat").read_bytes().split()
    except (OSError, ValueError):  # not Linux, or not kept there
        return time.thread_time()
    return max((int(ran) + int(waited)) / 1e9, time.thread_time())


def _family() -> list[Any]:
    """This process and its children."""
    this = library("psutil", "bench").Process()
    return [this, *this.children(recursive=True)]


def _seconds(process: Any) -> float:
    try:
        times = process.cpu_times()
    except library("psutil", "bench").Error:  # it has ended
        return 0.0
    return float(times.user + times.system)


def _memory(process: Any) -> int:
    try:
        full = process.memory_full_info()
    except library("psutil", "bench").Error:
        return 0
    return int(getattr(full, "pss", full.rss))


class PeakMemory:
    """Looks at the memory of all of them while its block runs; `peak` is the most that it saw, in bytes."""

    def __init__(self) -> None:
        self.peak = 0
        self._over = Event()
        self._thread = Thread(target=self._look, name="anabranch memory", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while True:
            self.peak = max(self.peak, sum(map(_memory, _family())))
            if self._over.wait(PAUSE):
                self.peak = max(self.peak, sum(map(_memory, _family())))
                return
