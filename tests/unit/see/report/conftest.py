"""Records of runs that are told call by call, with a clock that says what it is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from anabranch.events import (
    CallFinished,
    CallStarted,
    EngineWaited,
    ExecutorLeased,
    FanFinished,
    FanOpened,
    RunFinished,
    RunStarted,
    SourcePulled,
    SpanFinished,
    SpanSubmitted,
    WorkerDied,
)
from anabranch.journey import AT_HOME, Journey
from anabranch.see.report import Record


def recorded(
    calls: Sequence[tuple[Any, ...]],
    seconds: float,
    slots: int = 2,
    plan: Any = None,
    graph: Any = None,
    *,
    ready: float = 0.0,
    waits: Sequence[tuple[float, float]] = (),
    pulls: Sequence[tuple[float, float]] = (),
    deaths: Sequence[tuple[float, str]] = (),
) -> Record:
    """A record of calls (worker, task, handed over, begun, over, items or None, where, journey) in a run that took so long; the
    workers were `ready` at that time, and the driver waited for answers and pulled items in those intervals.
    """
    now = [100.0]
    record = Record(RunStarted("id", ("x",), "ProcessExecutor", slots, graph, plan), lambda: now[0])
    told: list[tuple[float, Any]] = [(ready, ExecutorLeased(slots))]
    told += [(end, EngineWaited(end - start, 100.0 + start)) for start, end in waits]
    told += [(end, SourcePulled("f", "f", (), 0, 1, end - start, 100.0 + start)) for start, end in pulls]
    told += [(at, WorkerDied("f", (), 0, 1, worker, "SIGKILL")) for at, worker in deaths]
    opened: dict[tuple[str, tuple[int, ...]], int] = {}
    for worker, task, handed, begun, over, items, where, *way in calls:
        moments = {name: value if name in LENGTHS else 100.0 + value for name, value in (way[0] if way else {}).items()}
        timing = (over - begun, 100.0 + begun, worker, 0, Journey(**moments) if moments else AT_HOME)
        if items is None:
            told.append((handed, CallStarted(task, where)))
            told.append((over, CallFinished(task, where, *timing)))
        else:
            lo = opened.setdefault((task, where), 0)
            if not lo:
                told.append((handed, FanOpened(task, task, where, None)))
            hi = opened[task, where] = lo + items
            told.append((handed, SpanSubmitted(task, task, where, lo, hi)))
            told.append((over, SpanFinished(task, task, where, lo, hi, *timing)))
    told += [(seconds, FanFinished(task, task, where, width)) for (task, where), width in opened.items()]
    for at, event in sorted(told, key=lambda one: one[0]):
        now[0] = 100.0 + at
        record(event)
    now[0] = 100.0 + seconds
    record(RunFinished("id", False))
    return record


LENGTHS = {"packing", "unpacking", "returning", "opening"}
"""What of a journey is no moment."""


@pytest.fixture
def record_of() -> Callable[..., Record]:
    """Makes a record; see `recorded`."""
    return recorded
