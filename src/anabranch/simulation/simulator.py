"""The driver and its workers, under a virtual clock.

This module never decides what comes next; the run does.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush, heapreplace
from itertools import count
from typing import Any

from anabranch.errors import InternalError
from anabranch.executor import Call
from anabranch.plan import Plan, ReaderTask
from anabranch.run import Capacity, Cell, Run
from anabranch.run.commands import (
    CloseSource,
    Command,
    Due,
    EndFeed,
    Feed,
    FeedTaken,
    Look,
    Looked,
    News,
    OpenSource,
    Pace,
    Pull,
    Pulled,
    Read,
    ReaderFinished,
    RunHere,
    SourceOpened,
    Submit,
)
from anabranch.simulation.cluster import Cluster
from anabranch.simulation.model import Hollow, Model, counted
from anabranch.work import Outcome

__all__ = ["Simulator"]


class _Reading:
    """A stream reader: until when it is busy, and how many of its feeds have not ended."""

    def __init__(self, call: Call, feeds: Sequence[int], seconds: float, now: float) -> None:
        self.call = call
        self.open = len(feeds)
        self.taken = dict.fromkeys(feeds, 0)
        self.seconds = seconds
        self.until = now


class Simulator:
    """Does what a run asks for, as the engine does, at virtual times."""

    def __init__(self, plan: Plan, model: Model, cluster: Cluster) -> None:
        self.model = model
        self.cluster = cluster
        credit = 2 * cluster.workers if cluster.credit is None else cluster.credit
        given = {value: Cell(None) for value in plan.given}
        places = {place: Capacity(cluster.workers, credit) for place in plan.places}
        self.run = Run(plan.root, given, slots=cluster.workers, credit=credit, places=places, limits=plan.limits)
        self.paces: dict[str, float] = {}
        self.now = 0.0
        self.work = 0.0
        self.driver = 0.0
        self.calls = 0
        self.items = 0
        self.most_held = 0
        self.free = [0.0] * cluster.workers
        self.arriving: list[tuple[float, int, News, int]] = []
        self.order = count()
        self.pulled: dict[int, int] = {}
        self.near: dict[int, int] = {}
        self.readings: dict[int, _Reading] = {}
        self.names: dict[str, str] = {}
        self.back = 0
        for task in plan.root.tasks:
            if isinstance(task, ReaderTask):
                self.names[task.code.key] = task.output.name

    def finish(self) -> None:
        """Turns the loop until the run is over.

        Raises:
            InternalError: nothing is out and nothing to be done.
        """
        run, arriving = self.run, self.arriving
        while True:
            while (command := run.next()) is not None:
                self.do(command)
            run.events.clear()
            if run.stopped:
                break
            if not arriving:
                raise InternalError("the run cannot go on: no call is out, and none can be made")
            time, _, news, items = heappop(arriving)
            self.now = max(self.now, time)
            self.back += items
            run.handle(news)
        if run.error is not None:
            raise run.error

    def do(self, command: Command) -> None:
        """Does one command."""
        if isinstance(command, Submit):
            self.submit(command.call)
        elif isinstance(command, (Pull, Look)):
            self.run.handle(self.pull(command) if isinstance(command, Pull) else self.look(command))
        elif isinstance(command, RunHere):
            outcome = self.perform(command.call)[0]
            self.now += outcome.seconds
            self.run.handle(outcome)
        elif isinstance(command, OpenSource):
            self.run.handle(self.open(command))
        elif isinstance(command, Read):
            feeds = [feed for feed, _ in command.feeds]
            duration = self.model.durations.get(self.names.get(command.call.code.key, ""))
            self.readings[command.reader] = _Reading(command.call, feeds, duration.longest if duration else 0.0, self.now)
        elif isinstance(command, Feed):
            self.feed(command)
        elif isinstance(command, EndFeed):
            self.end_feed(command)
        elif isinstance(command, Pace):
            due = max(self.paces.get(command.key, 0.0), self.now) + command.seconds
            self.paces[command.key] = due
            heappush(self.arriving, (due, next(self.order), Due(command.alarm), 0))
        elif not isinstance(command, CloseSource):
            raise InternalError(f"unknown command {command!r}")

    def take(self, seconds: float) -> None:
        """The driver is busy for so long, with what nobody else can do."""
        self.now += seconds
        self.driver += seconds

    def perform(self, call: Call) -> tuple[Outcome, int]:
        """What comes of a call, and how many items it has."""
        task = self.model.tasks[call.code.key]
        items, seconds, outputs = task.perform(call)
        self.items += items
        self.work += seconds
        return Outcome(call.layout.call, outputs, task.holes, (), seconds, 0.0), items

    def submit(self, call: Call) -> None:
        """Gives a call to the worker that is free first."""
        cluster, free = self.cluster, self.free
        outcome, items = self.perform(call)
        self.calls += 1
        self.take(cluster.dispatch)
        start = max(self.now + cluster.latency, free[0])
        end = start + cluster.overhead + outcome.seconds
        heapreplace(free, end)
        heappush(self.arriving, (end + cluster.latency, next(self.order), outcome, items))
        self.most_held = max(self.most_held, self.items - self.settled())

    def settled(self) -> int:
        """Items that came back; where streams are read, those that the slowest reader has begun on."""
        if not self.readings:
            return self.back
        return min(taken for reading in self.readings.values() for taken in reading.taken.values())

    def open(self, command: OpenSource) -> SourceOpened:
        """An expander's call."""
        name, where = self.run.source_place(command.source)
        self.pulled[command.source] = 0
        axis = self.model.axis(name)
        length = self.model.width(name, where) if axis.counted else None
        return SourceOpened(command.source, Outcome(command.source, (None,), (None,), (), 0.0, 0.0), length=length)

    def pull(self, command: Pull) -> Pulled:
        """Takes items from a source."""
        name, where = self.run.source_place(command.source)
        lo = self.pulled[command.source]
        hi = min(lo + command.items, self.model.width(name, where))
        self.pulled[command.source] = hi
        near = self.near.get(command.source, lo)
        seconds = max(0, hi - max(lo, near)) * self.model.axis(name).seconds
        self.take(seconds)
        items: Any = Hollow(self.model, (name,), where, lo, hi)
        return Pulled(command.source, items, hi - lo < command.items, seconds, weight=1)

    def look(self, command: Look) -> Looked:
        """Brings items of a source near."""
        name, where = self.run.source_place(command.source)
        lo, width = self.pulled[command.source], self.model.width(name, where)
        before = max(lo, self.near.get(command.source, lo))
        self.near[command.source] = near = max(before, min(lo + command.items, width))
        seconds = (near - before) * self.model.axis(name).seconds
        self.take(seconds)
        left = width - lo if width < lo + command.items else None
        return Looked(command.source, near - lo, left, seconds, weight=1)

    def feed(self, command: Feed) -> None:
        """A reader begins on the next part as soon as it is through with the last."""
        reading = self.readings[command.reader]
        items = counted(command.argument, command.values)
        begun = max(self.now, reading.until)
        reading.until = begun + items * reading.seconds
        reading.taken[command.feed] += items
        heappush(self.arriving, (begun, next(self.order), FeedTaken(command.reader, command.feed), 0))

    def end_feed(self, command: EndFeed) -> None:
        """A reader returns when all its feeds have ended."""
        reading = self.readings[command.reader]
        reading.open -= 1
        if not reading.open:
            outcome = Outcome(reading.call.id, (None,), (None,), (), 0.0, 0.0)
            end = max(self.now, reading.until)
            heappush(self.arriving, (end, next(self.order), ReaderFinished(command.reader, outcome), 0))
