"""What a run did, call by call: the ground that every figure of a report stands on.

Theory: calls are few beside items (one to a span), and each is kept as a few numbers in arrays, so that a run of a million
items costs a report no more than some thousand rows.

All times are seconds since the run began, by the driver's clock. This module draws nothing.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter

from anabranch.events import (
    CallFinished,
    CallStarted,
    Event,
    FanFinished,
    FanOpened,
    ItemFailed,
    RunFinished,
    RunStarted,
    SpanFinished,
    SpanSubmitted,
    WorkerDied,
)
from anabranch.see.clocks import Clocks
from anabranch.see.outline import TaskOutline, outline_of
from anabranch.see.report.failures import Failures

__all__ = ["CallRow", "Record"]

KEPT = 100
"""So many deaths of workers are told one by one; the others are counted."""


@dataclass(frozen=True, slots=True)
class CallRow:
    """One call: `lo` and `hi` are its items, both 0 where it is no span."""

    task: str
    worker: str
    begin: float
    seconds: float
    handed: float
    where: tuple[int, ...]
    lo: int
    hi: int

    @property
    def end(self) -> float:
        """When it was over."""
        return self.begin + self.seconds

    @property
    def items(self) -> int:
        """How many items it held; 1 for a call that is no span."""
        return max(self.hi - self.lo, 1)


class Record:
    """One run's record; it is whole when the run is over.

    Args:
        started: the run's first event.
        clock: the driver's, by which events come in.
    """

    def __init__(self, started: RunStarted, clock: Callable[[], float] = perf_counter) -> None:
        self.started = started
        self.time = datetime.now(UTC)
        self.clock = clock
        self.began = clock()
        self.seconds = 0.0
        self.failed = False
        self.clocks = Clocks(self.began)
        self.names: list[str] = []
        self.workers: list[str] = []
        self.widths: dict[str, int] = {}
        self.opened: dict[str, float] = {}
        self.failures = Failures()
        self.retries = 0
        self.died = 0
        self.deaths: list[tuple[float, WorkerDied]] = []
        self.outline: tuple[TaskOutline, ...] = ()
        self._numbers: dict[str, int] = {}
        self._places: dict[str, int] = {}
        self._handed: dict[tuple[str, tuple[int, ...], int], float] = {}
        self.tasks, self.lanes = array("H"), array("H")
        self.begins, self.lengths, self.hands = array("d"), array("d"), array("d")
        self.los, self.his = array("q"), array("q")
        self.wheres: list[tuple[int, ...]] = []

    def __call__(self, event: Event) -> None:
        """Takes one event."""
        now = self.clock() - self.began
        if isinstance(event, SpanSubmitted):
            self._handed[event.task, event.where, event.lo] = now
        elif isinstance(event, SpanFinished):
            self._add(event, event.lo, event.hi)
        elif isinstance(event, CallStarted):
            self._handed[event.task, event.where, 0] = now
        elif isinstance(event, CallFinished):
            self._add(event, 0, 0)
        elif isinstance(event, FanOpened):
            self.opened.setdefault(event.task, now)
        elif isinstance(event, FanFinished):
            self.widths[event.task] = self.widths.get(event.task, 0) + event.length
        else:
            self._note(event, now)

    def _note(self, event: Event, now: float) -> None:
        """What is rare: failures, deaths, the end."""
        if isinstance(event, ItemFailed):
            self.failures.add(event.failure)
        elif isinstance(event, WorkerDied):
            self.died += 1
            self._handed.pop((event.task, event.where, event.lo), None)
            if len(self.deaths) < KEPT:
                self.deaths.append((now, event))
        elif isinstance(event, RunFinished):
            self.seconds, self.failed = now, event.failed
            self.outline = outline_of(self.started.plan)

    def __len__(self) -> int:
        return len(self.tasks)

    def row(self, number: int) -> CallRow:
        """One call, by the order in which they came back."""
        return CallRow(
            self.names[self.tasks[number]],
            self.workers[self.lanes[number]],
            self.begins[number],
            self.lengths[number],
            self.hands[number],
            self.wheres[number],
            self.los[number],
            self.his[number],
        )

    def items(self, number: int) -> int:
        """How many items a call held."""
        return max(self.his[number] - self.los[number], 1)

    def of_worker(self, lane: int) -> Sequence[int]:
        """The calls of one worker, by when they began."""
        found = [number for number, at in enumerate(self.lanes) if at == lane]
        return sorted(found, key=self.begins.__getitem__)

    def _add(self, event: SpanFinished | CallFinished, lo: int, hi: int) -> None:
        begin = self.clocks.begin(event.worker, event.started, event.seconds, self.clock())
        self.retries += event.retries
        handed = self._handed.pop((event.task, event.where, lo), begin)
        self.tasks.append(self._number(event.task))
        self.lanes.append(self._place(event.worker))
        self.begins.append(begin)
        self.lengths.append(event.seconds)
        self.hands.append(min(handed, begin))
        self.los.append(lo)
        self.his.append(hi)
        self.wheres.append(event.where)

    def _number(self, task: str) -> int:
        number = self._numbers.get(task)
        if number is None:
            number = self._numbers[task] = len(self.names)
            self.names.append(task)
        return number

    def _place(self, worker: str) -> int:
        place = self._places.get(worker)
        if place is None:
            place = self._places[worker] = len(self.workers)
            self.workers.append(worker)
        return place
