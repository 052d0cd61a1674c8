"""How far a run has come, in figures: a fold over its events.

Theory: people think in fan-outs. A fan-out that lies in another happens many times; those are added up under one name, so
that what is shown does not grow with the data. How many items there will be is known only when a source has ended, or
said so at once; until then the total is open.

An item of an outer fan-out that was opened (see `anabranch.run`) is done when its frame is; the plan says what a frame
consists of. Where something of it was skipped and is never told of, the outer fan-out's end sets the figures right.

A tally is written by the run's thread and may be read by another at any time: all that is ever changed is a number, or a
dict that only the writer goes through. This module reads no clock; the time is told.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from anabranch.events import (
    CallFinished,
    CallStarted,
    Event,
    ExecutorLeased,
    FanFinished,
    FanOpened,
    ItemFailed,
    RunFinished,
    RunStarted,
    SpanFinished,
    SpanSubmitted,
    WorkerDied,
)
from anabranch.plan import CallTask, FanTask, FramePlan, Plan

__all__ = ["FanProgress", "Snapshot", "Tally"]

WINDOW = 15.0
"""Seconds over which a rate is taken."""


DRIVER = "driver"
"""What the driver calls itself where it does a call; it is counted as a worker only where it is the only one."""


@dataclass(frozen=True, slots=True)
class FanProgress:
    """How far a fan-out has come, all its occurrences together.

    Attributes:
        name: the axis, and which pass over it if there are several.
        depth: how many fan-outs it lies in.
        done: items that are through; those that failed count too.
        known: items that are known to exist.
        is_open: whether there may be more than `known`.
        out: items that are being worked on.
        failed: items that failed.
        rate: items a second, lately; None if there is nothing to go by.
        left: seconds until it ends at that rate; None if nobody can know.
        is_over: whether no more of it will come.
        retried: attempts beyond the first.
        cached: results that were found instead of computed.
    """

    name: str
    depth: int
    done: int
    known: int
    is_open: bool
    out: int
    failed: int
    rate: float | None
    left: float | None
    is_over: bool
    retried: int = 0
    cached: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How far a run has come at one moment, `seconds` after it began.

    `running` counts calls that have been handed over and are not back, `workers` those that have done anything yet,
    `retried` attempts beyond the first, `cached` results that were found instead of computed, `died` workers that died or were
    killed. `memory` is how many bytes workers held when last heard of; 0 if they do not say.
    """

    run_id: str
    outputs: tuple[str, ...]
    seconds: float
    fans: tuple[FanProgress, ...]
    calls: int
    running: int
    failed: int
    workers: int
    slots: int
    is_over: bool
    has_failed: bool
    retried: int = 0
    died: int = 0
    cached: int = 0
    memory: int = 0


@dataclass(slots=True)
class _Occurrence:
    """One of the times that a fan-out happens: `broken` are spans whose worker died, and how many items of each are out
    still; they come back in pieces that nobody announces.
    """

    length: int | None = None
    done: int = 0
    out: int = 0
    broken: dict[tuple[int, int], int] = field(default_factory=dict)


@dataclass(slots=True)
class _Fan:
    """One fan-out, all its occurrences together; `open` holds those that are at work."""

    name: str
    depth: int
    known: int = 0
    unknown: int = 0
    handed: int = 0
    done: int = 0
    failed: int = 0
    begun: int = 0
    ended: int = 0
    retried: int = 0
    cached: int = 0
    first: float | None = None
    open: dict[tuple[int, ...], _Occurrence] = field(default_factory=dict)
    marks: deque[tuple[float, int]] = field(default_factory=deque)


class Tally:
    """The figures of one run."""

    def __init__(self, started: RunStarted, now: float) -> None:
        self.run_id = started.run_id
        self.outputs = started.outputs
        self.slots = started.slots
        self.began = now
        self.fans: dict[str, _Fan] = {}
        self.order: tuple[_Fan, ...] = ()
        self.calls = 0
        self.running = 0
        self.failed = 0
        self.retried = 0
        self.cached = 0
        self.died = 0
        self.memory: dict[str, int] = {}
        self.workers: set[str] = set()
        self.is_over = False
        self.has_failed = False
        self.plan = started.plan
        self.lengths: dict[str, int] = {}
        self.frames: dict[tuple[str, tuple[int, ...]], int] = {}
        self._nest: _Nest | None = None

    def observe(self, event: Event, now: float) -> None:
        """Takes one event into account."""
        act = _ACTS.get(type(event))
        if act is not None:
            act(self, event, now)

    def snapshot(self, now: float) -> Snapshot:
        """The figures now."""
        return Snapshot(
            self.run_id,
            self.outputs,
            now - self.began,
            tuple(self._progress(fan, now) for fan in self.order),
            self.calls,
            self.running,
            self.failed,
            len(self.workers - {DRIVER}) or len(self.workers),
            self.slots,
            self.is_over,
            self.has_failed,
            self.retried,
            self.died,
            self.cached,
            sum(list(self.memory.values())),
        )

    # -- events ----------------------------------------------------------------------------------------------------

    def executor_leased(self, event: ExecutorLeased, now: float) -> None:
        """How many calls run at the same time is known for sure."""
        self.slots = event.slots

    def fan_opened(self, event: FanOpened, now: float) -> None:
        """A fan-out began once more."""
        self._open(self._fan(event.task, len(event.where)), event.where, event.length, now)

    def span_submitted(self, event: SpanSubmitted, now: float) -> None:
        """Items were handed over. Of a later pass this is the first that is told, and its items have been counted before."""
        fan = self._fan(event.task, len(event.where))
        if event.where not in fan.open:
            self._open(fan, event.where, self._length(event.axis, event.where), now)
        fan.handed += event.hi - event.lo
        fan.open[event.where].out += event.hi - event.lo
        self.running += 1

    def span_finished(self, event: SpanFinished, now: float) -> None:
        """They came back; perhaps too late for anybody to care."""
        self._came(event)
        items = event.hi - event.lo
        fan = self._fan(event.task, len(event.where))
        fan.retried += event.retries
        fan.cached += event.cached
        occurrence = fan.open.get(event.where)
        if occurrence is None:
            self.running = max(self.running - 1, 0)
            return
        fan.handed -= items
        occurrence.out -= items
        self._add(fan, event.where, items)
        whole = next((span for span in occurrence.broken if span[0] <= event.lo < span[1]), None)
        if whole is None:
            self.running -= 1
        elif occurrence.broken[whole] > items:
            occurrence.broken[whole] -= items
        else:
            del occurrence.broken[whole]
            self.running -= 1

    def worker_died(self, event: WorkerDied, now: float) -> None:
        """A worker died; what it held is still to come, in pieces."""
        self.died += 1
        self.memory.pop(event.worker, None)
        fan = self.fans.get(event.task)
        occurrence = fan.open.get(event.where) if fan is not None and event.hi > event.lo else None
        if occurrence is not None and not any(lo <= event.lo < hi for lo, hi in occurrence.broken):
            occurrence.broken[event.lo, event.hi] = event.hi - event.lo

    def fan_finished(self, event: FanFinished, now: float) -> None:
        """A fan-out is through: whatever was not told of its items is known now."""
        fan = self._fan(event.task, len(event.where))
        if event.where not in fan.open:
            self._open(fan, event.where, event.length, now)
        self._know(fan, event.where, event.length)
        occurrence = fan.open.pop(event.where)
        fan.done += event.length - occurrence.done
        fan.handed -= occurrence.out
        self.running -= len(occurrence.broken)
        fan.ended += 1
        if not event.where:
            self.lengths[event.axis] = event.length
        self._frame_part_done(event.task, event.where, now)

    def call_started(self, event: CallStarted, now: float) -> None:
        """A call is ready to be handed over."""
        self.running += 1

    def call_finished(self, event: CallFinished, now: float) -> None:
        """It came back."""
        self.running -= 1
        self._came(event)
        self._frame_part_done(event.task, event.where, now)

    def item_failed(self, event: ItemFailed, now: float) -> None:
        """A function raised."""
        self.failed += 1
        failure = event.failure
        fans = [fan for fan in self.order if failure.axes and fan.name.partition(",")[0] == failure.axes[-1]]
        if fans:
            fans[-1].failed += 1

    def run_finished(self, event: RunFinished, now: float) -> None:
        """It is over."""
        self.is_over, self.has_failed = True, event.failed
        self.running = 0

    def _came(self, event: SpanFinished | CallFinished) -> None:
        self.calls += 1
        self.retried += event.retries
        self.cached += event.cached
        self.workers.add(event.worker)
        if event.journey.memory:
            self.memory[event.worker] = event.journey.memory

    # -- inside ----------------------------------------------------------------------------------------------------

    def _fan(self, name: str, depth: int) -> _Fan:
        fan = self.fans.get(name)
        if fan is None:
            fan = self.fans[name] = _Fan(name, depth)
            self.order = self._ordered()
        return fan

    def _ordered(self) -> tuple[_Fan, ...]:
        """As the plan nests them; those that it does not know, last."""
        places = {name: number for number, name in enumerate(self.nest.order)}
        return tuple(sorted(self.fans.values(), key=lambda fan: places.get(fan.name, len(places))))

    @property
    def nest(self) -> _Nest:
        """What lies in what; made when first asked for."""
        if self._nest is None:
            self._nest = _Nest(self.plan)
        return self._nest

    def _open(self, fan: _Fan, where: tuple[int, ...], length: int | None, now: float) -> None:
        fan.begun += 1
        fan.first = now if fan.first is None else fan.first
        fan.open[where] = _Occurrence()
        fan.unknown += 1
        if length is not None:
            self._know(fan, where, length)

    def _length(self, axis: str, where: tuple[int, ...]) -> int | None:
        """What an earlier pass over the same items has shown; kept for the outermost fan-outs only, which are few."""
        return None if where else self.lengths.get(axis)

    def _know(self, fan: _Fan, where: tuple[int, ...], length: int) -> None:
        """One occurrence has so many items."""
        occurrence = fan.open[where]
        if occurrence.length is None:
            fan.unknown -= 1
        fan.known += length - (occurrence.length or 0)
        occurrence.length = length

    def _add(self, fan: _Fan, where: tuple[int, ...], items: int) -> None:
        fan.done += items
        fan.open[where].done += items

    def _frame_part_done(self, task: str, where: tuple[int, ...], now: float) -> None:
        """A task of an opened item is done; with its last, the item is."""
        if not where:
            return
        outer = self.nest.parents.get(task)
        if outer is None:
            return
        left = self.frames.pop((outer, where), self.nest.tasks[outer]) - 1
        if left:
            self.frames[outer, where] = left
            return
        fan = self._fan(outer, len(where) - 1)
        if where[:-1] not in fan.open:
            self._open(fan, where[:-1], self._length(self.nest.axes[outer], where[:-1]), now)
        self._add(fan, where[:-1], 1)

    def _progress(self, fan: _Fan, now: float) -> FanProgress:
        done, known = fan.done, max(fan.known, fan.done)
        is_open = not self.is_over and (fan.unknown > 0 or self._may_begin_again(fan))
        is_over = self.is_over or (not is_open and not fan.open)
        rate = self._rate(fan, done, now)
        left = (known - done) / rate if rate and not is_open and not is_over else None
        out = 0 if is_over else max(fan.handed, 0)
        counts = (fan.retried, fan.cached)
        return FanProgress(fan.name, fan.depth, done, known, is_open, out, fan.failed, rate, left, is_over, *counts)

    def _may_begin_again(self, fan: _Fan) -> bool:
        """Whether an outer fan-out is still at work, so that this one may be opened once more."""
        outer = self.nest.parents.get(fan.name)
        return outer is not None and outer in self.fans and bool(self.fans[outer].open)

    def _rate(self, fan: _Fan, done: int, now: float) -> float | None:
        marks = fan.marks
        if not marks or now - marks[-1][0] > WINDOW / 30:
            marks.append((now, done))
        while len(marks) > 2 and now - marks[1][0] > WINDOW:
            marks.popleft()
        since, before = marks[0] if len(marks) > 1 else (fan.first if fan.first is not None else now, 0)
        return (done - before) / (now - since) if now > since and done > before else None


class _Nest:
    """Which tasks an opened item of each fan consists of, and the fans in the order in which they nest."""

    def __init__(self, plan: Plan | None) -> None:
        self.order: list[str] = []
        self.parents: dict[str, str] = {}
        self.tasks: dict[str, int] = {}
        self.axes: dict[str, str] = {}
        if plan is not None:
            self._add(plan.root, None)

    def _add(self, frame: FramePlan, outer: str | None) -> None:
        for task in frame.tasks:
            if outer is not None and isinstance(task, (CallTask, FanTask)):
                self.parents[task.name] = outer
                self.tasks[outer] = self.tasks.get(outer, 0) + 1
            if isinstance(task, FanTask):
                self.order.append(task.name)
                self.axes[task.name] = task.axis
                if task.nested:
                    self._add(task.inner, task.name)


_ACTS: Final[Mapping[type, Callable[[Tally, Any, float], None]]] = {
    ExecutorLeased: Tally.executor_leased,
    FanOpened: Tally.fan_opened,
    SpanSubmitted: Tally.span_submitted,
    SpanFinished: Tally.span_finished,
    FanFinished: Tally.fan_finished,
    CallStarted: Tally.call_started,
    CallFinished: Tally.call_finished,
    ItemFailed: Tally.item_failed,
    WorkerDied: Tally.worker_died,
    RunFinished: Tally.run_finished,
}
