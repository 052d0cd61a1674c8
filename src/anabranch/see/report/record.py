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
from typing import NamedTuple

from anabranch.events import (
    CallFinished,
    CallStarted,
    EngineWaited,
    Event,
    ExecutorLeased,
    FanFinished,
    FanOpened,
    ItemFailed,
    PartsJoined,
    RunFinished,
    RunStarted,
    SourcePulled,
    SpanFinished,
    SpanSubmitted,
    StreamRead,
    WorkerDied,
)
from anabranch.explain.outline import TaskOutline, outline_of
from anabranch.journey import AT_HOME, footprint
from anabranch.see.clocks import Clocks
from anabranch.see.report.doings import Doing, Doings
from anabranch.see.report.failures import Failures
from anabranch.see.report.loads import Loads

__all__ = ["CallRow", "Record", "Way"]

DRIVER = "driver"
"""What the driver calls itself where it does a call."""

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


class Way(NamedTuple):
    """The way of one call, moments in seconds since the run began: see `anabranch.journey`. `unpacked` is when the worker
    began to perform it and `over` when that was done.
    """

    handed: float
    sent: float
    received: float
    unpacked: float
    over: float
    returned: float
    answered: float
    opening: float


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
        self.ready = 0.0
        self.slots = started.slots
        self.failed = False
        self.clocks = Clocks(self.began)
        self.names: list[str] = []
        self.workers: list[str] = []
        self.widths: dict[str, int] = {}
        self.opened: dict[str, float] = {}
        self.failures = Failures()
        self.doings = Doings()
        self.loads = Loads()
        self.retries = 0
        self.cached = 0
        self.died = 0
        self.ends: dict[str, float] = {}
        self.deaths: list[tuple[float, WorkerDied]] = []
        self.outline: tuple[TaskOutline, ...] = ()
        self._numbers: dict[str, int] = {}
        self._places: dict[str, int] = {}
        self._handed: dict[tuple[str, tuple[int, ...], int], float] = {}
        self.tasks, self.lanes = array("H"), array("H")
        self.begins, self.lengths, self.hands = array("d"), array("d"), array("d")
        self.los, self.his = array("q"), array("q")
        self.wheres: list[tuple[int, ...]] = []
        self._ways = array("d")

    def __call__(self, event: Event) -> None:
        """Takes one event."""
        now = self.clock() - self.began
        if isinstance(event, SpanSubmitted):
            self._handed[event.task, event.where, event.lo] = now
        elif isinstance(event, SpanFinished):
            self._add(event, event.lo, event.hi)
        elif isinstance(event, CallStarted):
            self._handed[event.task, event.where, 0] = now
        elif isinstance(event, (CallFinished, PartsJoined)):
            self._add(event, 0, 0)
        elif isinstance(event, (SourcePulled, StreamRead)):
            self._did(Doing.WORKING, event.started, event.seconds)
        elif isinstance(event, EngineWaited):
            self._did(Doing.WAITING, event.started, event.seconds)
        elif isinstance(event, FanOpened):
            self.opened.setdefault(event.task, now)
            self._did(Doing.WORKING, event.started, event.seconds)
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
            self.ends[event.worker] = now
            self._handed.pop((event.task, event.where, event.lo), None)
            if len(self.deaths) < KEPT:
                self.deaths.append((now, event))
        elif isinstance(event, ExecutorLeased):
            self.ready, self.slots = now, event.slots
        elif isinstance(event, RunFinished):
            self.seconds, self.failed = now, event.failed
            self.outline = outline_of(self.started.plan)
            self.loads.driver = footprint().peak
            self.doings.close()

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

    def way(self, number: int) -> Way:
        """The way of one call."""
        return Way(*self._ways[8 * number : 8 * number + 8])

    def place(self, worker: str) -> int:
        """The number of a worker."""
        return self._places[worker]

    def items(self, number: int) -> int:
        """How many items a call held."""
        return max(self.his[number] - self.los[number], 1)

    def of_worker(self, lane: int) -> Sequence[int]:
        """The calls of one worker, by when they began."""
        found = [number for number, at in enumerate(self.lanes) if at == lane]
        return sorted(found, key=self.begins.__getitem__)

    def _add(self, event: SpanFinished | CallFinished | PartsJoined, lo: int, hi: int) -> None:
        self.retries += event.retries
        self.cached += event.cached
        if not (event.started or event.worker):  # it failed on its way
            self._handed.pop((event.task, event.where, lo), None)
            return
        begin = self.clocks.begin(event.worker, event.started, event.seconds, self.clock())
        handed = self._go(event, begin, self._handed.pop((event.task, event.where, lo), begin))
        self.loads.add(event)
        if event.worker == DRIVER:
            self.doings.add(Doing.WORKING, begin, event.seconds)
        self.tasks.append(self._number(event.task))
        self.lanes.append(self._place(event.worker))
        self.begins.append(begin)
        self.lengths.append(event.seconds)
        self.hands.append(min(handed, begin))
        self.los.append(lo)
        self.his.append(hi)
        self.wheres.append(event.where)

    def _go(self, event: SpanFinished | CallFinished | PartsJoined, begin: float, handed: float) -> float:
        """Keeps the way of a call, and returns when it was handed over."""
        way, end, began = event.journey, begin + event.seconds, self.began
        received = begin + way.received - event.started if way.received else begin
        returned = begin + way.returned - event.started if way.returned else end
        if way is AT_HOME or not way.handed:
            handed = min(handed, received)
            self._ways.extend((handed, handed, received, received, returned, returned, returned, 0.0))
            return handed
        unpacked, over = received + way.unpacking, returned - way.returning
        handed, sent, answered = way.handed - began, way.sent - began, way.answered - began
        self._did(Doing.PACKING, way.handed - way.packing, way.packing)
        self._ways.extend((handed, sent, received, unpacked, over, returned, answered, way.opening))
        return handed

    def _did(self, doing: Doing, started: float, seconds: float) -> None:
        self.doings.add(doing, started - self.began, seconds)

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
