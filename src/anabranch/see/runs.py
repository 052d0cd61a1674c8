"""One observer for any number of runs at once: each run gets a watcher of its own.

Theory: a driver may be used from many threads, and a function of a flow may itself run another. A run's events come in
the thread that called `execute`, in order, from `RunStarted` to `RunFinished`; so the thread says whose they are, and within a
thread the run that began last.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import get_ident

from anabranch.events import Event, RunFinished, RunStarted

__all__ = ["EachRun", "Watcher"]

Watcher = Callable[[Event], None]


class EachRun:
    """An observer that makes a watcher when a run starts, and gives it that run's events and no others."""

    def __init__(self, make: Callable[[RunStarted], Watcher]) -> None:
        self._make = make
        self._watchers: dict[int, list[Watcher]] = {}

    def __call__(self, event: Event) -> None:
        """Takes one event."""
        thread = get_ident()
        if type(event) is RunStarted:
            self._watchers.setdefault(thread, []).append(self._make(event))
        watchers = self._watchers.get(thread)
        if not watchers:
            return
        watchers[-1](event)
        if type(event) is RunFinished:
            watchers.pop()
            if not watchers:
                del self._watchers[thread]
