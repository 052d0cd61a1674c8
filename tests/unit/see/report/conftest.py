"""Records of runs that are told call by call, with a clock that says what it is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from anabranch.events import (
    CallFinished,
    CallStarted,
    FanFinished,
    FanOpened,
    RunFinished,
    RunStarted,
    SpanFinished,
    SpanSubmitted,
)
from anabranch.see.report import Record


def recorded(calls: Sequence[tuple[Any, ...]], seconds: float, slots: int = 2, plan: Any = None, graph: Any = None) -> Record:
    """A record of calls (worker, task, handed over, begun, over, items or None, where) in a run that took so long."""
    now = [100.0]
    record = Record(RunStarted("id", ("x",), "ProcessExecutor", slots, graph, plan), lambda: now[0])
    told: list[tuple[float, Any]] = []
    opened: dict[tuple[str, tuple[int, ...]], int] = {}
    for worker, task, handed, begun, over, items, where in calls:
        if items is None:
            told.append((handed, CallStarted(task, where)))
            told.append((over, CallFinished(task, where, over - begun, 100.0 + begun, worker)))
        else:
            lo = opened.setdefault((task, where), 0)
            if not lo:
                told.append((handed, FanOpened(task, task, where, None)))
            hi = opened[task, where] = lo + items
            told.append((handed, SpanSubmitted(task, task, where, lo, hi)))
            told.append((over, SpanFinished(task, task, where, lo, hi, over - begun, 100.0 + begun, worker)))
    told += [(seconds, FanFinished(task, task, where, width)) for (task, where), width in opened.items()]
    for at, event in sorted(told, key=lambda one: one[0]):
        now[0] = 100.0 + at
        record(event)
    now[0] = 100.0 + seconds
    record(RunFinished("id", False))
    return record


@pytest.fixture
def record_of() -> Callable[..., Record]:
    """Makes a record; see `recorded`."""
    return recorded
