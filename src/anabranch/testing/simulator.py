"""A run on workers that do not exist: the same state machine under a virtual clock.

Theory: `Run` never knows time, threads or values, so all of them can be made up. A call that is submitted gets a worker and
a time at which its outcome arrives; a heap gives the outcomes back in that order, and the clock jumps from one to the next.
Lists are ranges: they have a length and no contents. So a hundred million items on ten thousand workers cost as many
steps as there are calls, and what is measured is the scheduler and nothing else.

::

    Run.next ──▶ Submit ──▶ driver's clock + dispatch ──▶ first worker that is free ──▶ heap ──▶ Run.handle

What is modelled: the driver does one thing at a time, and each call costs it `dispatch` seconds; calls and outcomes are
`latency` seconds on their way; calls queue at the executor, first come, first served; a worker spends `overhead` seconds
on a call besides its items; a source takes its time to yield; a stream reader reads as fast as its function is said to.
What is not: bytes, failures, and references (columns are said to be in the driver).

How long an item takes depends on the seed and on its place, never on the span it travels in; so two schedules of one
simulated flow can be compared.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import heappop, heappush, heapreplace
from itertools import count
from random import Random
from time import perf_counter
from typing import Any, overload

from anabranch.errors import InputError, InternalError
from anabranch.executor import Call
from anabranch.plan import CallTask, FanTask, FramePlan, Plan, ReaderTask
from anabranch.plan.body import Body, Fan
from anabranch.run import Cell, Run
from anabranch.run.commands import (
    CloseSource,
    Command,
    EndFeed,
    Feed,
    FeedTaken,
    News,
    OpenSource,
    Pull,
    Pulled,
    Read,
    ReaderFinished,
    RunHere,
    SourceOpened,
    Submit,
)
from anabranch.work import Argument, Outcome

__all__ = ["Axis", "Cluster", "Seconds", "Simulation", "simulate"]

Where = tuple[int, ...]
Width = int | Callable[[Where], int]
"""How many items: always as many, or by the outer indices."""
Seconds = float | Callable[[Where, Random], float]
"""How long one item of a node takes: always as long, or by its indices and drawn from a generator that is seeded by them."""

BLOCK = 64
"""So many durations are drawn at once."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A fan-out: how many items, for all outer items or by their indices; whether the run is told (of a list it is, of a
    generator not); how long the expander takes to yield one.
    """

    width: Width
    counted: bool = True
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """What there is to run on. `credit` is two calls per worker unless it is given; the rest are seconds: for the driver to
    hand over a call, for a call or an outcome to travel, and for a worker to unpack and pack what a call brings.
    """

    workers: int
    credit: int | None = None
    dispatch: float = 0.0
    latency: float = 0.0
    overhead: float = 0.0


@dataclass(frozen=True, slots=True)
class Simulation:
    """What came of it. Seconds are virtual, but for `real_seconds`, which the scheduler took, and the simulator with it.

    Attributes:
        makespan: from start to end.
        ideal: what no schedule can beat: all work spread evenly, or the longest item by itself.
        work: seconds that workers spent on items.
        calls: calls that crossed to a worker.
        items: items that travelled in them, of the outer axis where loops are nested.
        most_held: items that were out, or back and not yet begun on by the slowest stream reader, at the worst moment.
        peak_bytes: memory at the worst moment, if it was asked for.
    """

    workers: int
    makespan: float
    ideal: float
    work: float
    calls: int
    items: int
    most_held: int
    real_seconds: float
    peak_bytes: int | None = None

    @property
    def stretch(self) -> float:
        """How many times as long as ideal."""
        return self.makespan / self.ideal if self.ideal else 1.0

    @property
    def utilisation(self) -> float:
        """The share of the workers' time that was spent on items."""
        return self.work / (self.workers * self.makespan) if self.makespan else 1.0

    @property
    def mean_span(self) -> float:
        """Items per call."""
        return self.items / self.calls if self.calls else 0.0

    @property
    def items_per_second(self) -> float:
        """Items per real second."""
        return self.items / self.real_seconds


def simulate(
    plan: Plan,
    axes: Mapping[str, Width | Axis],
    seconds: Mapping[str, Seconds],
    cluster: Cluster,
    *,
    seed: int = 0,
    trace_memory: bool = False,
) -> Simulation:
    """Runs a plan on workers that do not exist.

    Example::

        plan = driver.plan(["total"], inputs=["n"])
        simulate(plan, {"x": 10**8}, {"y": 1.0}, Cluster(workers=10_000)).stretch

    Args:
        plan: what to run; its inputs need no values.
        axes: how wide each fan-out is.
        seconds: how long one item of each node takes; nodes that are not named take none. For a stream reader it is the
            time for one element.
        cluster: what to run it on.
        seed: decides the durations that are drawn.
        trace_memory: measures the memory that the run takes; several times slower.

    Raises:
        InputError: an axis has no width.
    """
    model = _Model(plan, axes, seconds, seed)
    if trace_memory:
        tracemalloc.start()
    try:
        started = perf_counter()
        simulator = _Simulator(plan, model, cluster)
        simulator.finish()
        real = perf_counter() - started
        peak = tracemalloc.get_traced_memory()[1] if trace_memory else None
    finally:
        if trace_memory:
            tracemalloc.stop()
    ideal = max(simulator.work / cluster.workers, model.longest)
    done = simulator
    return Simulation(cluster.workers, done.now, ideal, done.work, done.calls, done.items, done.most_held, real, peak)


# -- values that are not there -----------------------------------------------------------------------------------------


class Hollow(Sequence[Any]):
    """A list of lists without contents: items [lo, hi) of the first of `axes`, each as wide as the model says."""

    __slots__ = ("axes", "hi", "lo", "model", "where")

    def __init__(self, model: _Model, axes: tuple[str, ...], where: Where, lo: int, hi: int) -> None:
        self.model = model
        self.axes = axes
        self.where = where
        self.lo = lo
        self.hi = hi

    def __len__(self) -> int:
        return self.hi - self.lo

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        places = range(self.lo, self.hi)[index]
        if isinstance(places, range):
            return Hollow(self.model, self.axes, self.where, places.start, places.stop)
        inside = (*self.where, places)
        return self.model.hollow(self.axes[1:], inside, 0, self.model.width(self.axes[1], inside))


def _count(argument: Argument, values: Sequence[Any]) -> int:
    """How many elements an argument has."""
    found = 0
    for position, start, stop in argument.parts:
        found += len(values[position]) if stop is None else 1 if stop < 0 else stop - start
    return found


# -- how long things take ----------------------------------------------------------------------------------------------


class _Drawn:
    """Durations of one node that are drawn, by place."""

    def __init__(self, name: str, draw: Callable[[Where, Random], float], seed: int) -> None:
        self.name = name
        self.draw = draw
        self.seed = seed
        self.longest = 0.0
        self.block = lru_cache(maxsize=1024)(self._block)

    def total(self, where: Where, lo: int, hi: int) -> float:
        """Of items [lo, hi) at `where`."""
        found = 0.0
        for number in range(lo // BLOCK, (hi - 1) // BLOCK + 1):
            first = number * BLOCK
            drawn = self.block(where, number)[max(lo - first, 0) : hi - first]
            self.longest = max(self.longest, *drawn)  # not of the block: it may reach beyond the last item
            found += sum(drawn)
        return found

    def _block(self, where: Where, number: int) -> list[float]:
        random = Random(f"{self.seed} {self.name} {where} {number}")
        return [self.draw((*where, n), random) for n in range(number * BLOCK, (number + 1) * BLOCK)]


class _Constant:
    """Durations of one node that are all the same."""

    def __init__(self, seconds: float) -> None:
        self.longest = seconds

    def total(self, where: Where, lo: int, hi: int) -> float:
        """Of items [lo, hi) at `where`."""
        return (hi - lo) * self.longest


class _Model:
    """How wide the axes are, how long calls take, and what they give."""

    def __init__(self, plan: Plan, axes: Mapping[str, Width | Axis], seconds: Mapping[str, Seconds], seed: int) -> None:
        self.axes = {name: axis if isinstance(axis, Axis) else Axis(axis) for name, axis in axes.items()}
        self.vertices = plan.selection.vertices
        self.durations: dict[str, _Drawn | _Constant] = {
            name: _Drawn(name, each, seed) if callable(each) else _Constant(each) for name, each in seconds.items()
        }
        self.ranges: dict[int, range] = {}
        self.tasks: dict[str, _Once | _Loop] = {}
        self._learn(plan.root)

    @property
    def longest(self) -> float:
        """The longest item that was met."""
        return max((each.longest for each in self.durations.values()), default=0.0)

    def axis(self, name: str) -> Axis:
        """What is known of an axis.

        Raises:
            InputError: nothing is.
        """
        if name not in self.axes:
            raise InputError(f"how wide is '{name}'? give axes={{'{name}': …}}")
        return self.axes[name]

    def width(self, name: str, where: Where) -> int:
        """How many items an axis has at a place."""
        width = self.axis(name).width
        return width(where) if callable(width) else width

    def hollow(self, axes: tuple[str, ...], where: Where, lo: int, hi: int) -> Sequence[Any]:
        """A list without contents; one for each length is enough where there is nothing further inside."""
        return self.ranges.setdefault(hi - lo, range(hi - lo)) if len(axes) == 1 else Hollow(self, axes, where, lo, hi)

    def of(self, fan: Fan, where: Where, lo: int, hi: int) -> float:
        """How long items [lo, hi) of a fan take, with all that is inside."""
        found = 0.0
        for step in fan.body.steps:
            if isinstance(step, Fan):
                for n in range(lo, hi):
                    inside = (*where, n)
                    found += self.of(step, inside, 0, self.width(step.axis, inside))
            elif step.name in self.durations:
                found += self.durations[step.name].total(where, lo, hi)
        return found

    def each(self, body: Body) -> float | None:
        """How long every item of a fan takes, if that is always the same."""
        found = 0.0
        for step in body.steps:
            if isinstance(step, Fan):
                width, each = self.axis(step.axis).width, self.each(step.body)
                if callable(width) or each is None:
                    return None
                found += width * each
            elif step.name in self.durations:
                duration = self.durations[step.name]
                if isinstance(duration, _Drawn):
                    return None
                found += duration.longest
        return found

    def once(self, names: Sequence[str], where: Where) -> float:
        """How long functions take that are called once at a place."""
        outer, index = (where[:-1], where[-1]) if where else ((), 0)
        return sum(self.durations[name].total(outer, index, index + 1) for name in names if name in self.durations)

    def _learn(self, frame: FramePlan) -> None:
        for task in frame.tasks:
            if isinstance(task, FanTask):
                if task.code is not None:
                    self.tasks[task.code.key] = _Loop(self, task)
                for merge in task.merges:
                    self.tasks[merge.code.key] = _Once(self, tuple(merge.code.origins), 1)
                if task.nested:
                    self._learn(task.inner)
            elif isinstance(task, CallTask):
                self.tasks[task.code.key] = _Once(self, tuple(task.code.origins), len(task.outputs))


class _Once:
    """A call of functions once."""

    def __init__(self, model: _Model, names: tuple[str, ...], outputs: int) -> None:
        self.model = model
        self.names = names
        self.outputs = (None,) * outputs
        self.holes = (None,) * outputs

    def perform(self, call: Call) -> tuple[int, float, tuple[Any, ...]]:
        """How many items, how long, and what comes back."""
        return 0, self.model.once(self.names, call.layout.where), self.outputs


class _Loop:
    """A span of a fan."""

    def __init__(self, model: _Model, task: FanTask) -> None:
        self.model = model
        self.fan = task.fan
        self.each = model.each(task.fan.body)
        self.columns = tuple(model.vertices[value.name].axes[-value.rank :] for value in task.columns)
        self.merges = (None,) * len(task.merges)
        self.merging = tuple(merge.output.name for merge in task.merges)
        self.holes = (None,) * (len(self.columns) + len(self.merges))

    def perform(self, call: Call) -> tuple[int, float, tuple[Any, ...]]:
        """How many items, how long, and what comes back."""
        _, where, lo, arguments, *_ = call.layout
        items = _count(arguments[0], call.values)
        hi = lo + items
        seconds = self.model.of(self.fan, where, lo, hi) if self.each is None else items * self.each
        if self.merging:
            seconds += self.model.once(self.merging, where)
        made = tuple(self.model.hollow(axes, where, lo, hi) for axes in self.columns)
        return items, seconds, (*made, *self.merges)


# -- the driver and its workers ----------------------------------------------------------------------------------------


class _Reading:
    """A stream reader: until when it is busy, and how many of its feeds have not ended."""

    def __init__(self, call: Call, feeds: Sequence[int], seconds: float, now: float) -> None:
        self.call = call
        self.open = len(feeds)
        self.taken = dict.fromkeys(feeds, 0)
        self.seconds = seconds
        self.until = now


class _Simulator:
    """Does what a run asks for, as the engine does, at virtual times."""

    def __init__(self, plan: Plan, model: _Model, cluster: Cluster) -> None:
        self.model = model
        self.cluster = cluster
        credit = 2 * cluster.workers if cluster.credit is None else cluster.credit
        self.run = Run(plan.root, {value: Cell(None) for value in plan.given}, slots=cluster.workers, credit=credit)
        self.now = 0.0
        self.work = 0.0
        self.calls = 0
        self.items = 0
        self.most_held = 0
        self.free = [0.0] * cluster.workers
        self.arriving: list[tuple[float, int, News, int]] = []
        self.order = count()
        self.pulled: dict[int, int] = {}
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
        elif isinstance(command, Pull):
            self.run.handle(self.pull(command))
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
        elif not isinstance(command, CloseSource):
            raise InternalError(f"unknown command {command!r}")

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
        self.now += cluster.dispatch
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
        seconds = (hi - lo) * self.model.axis(name).seconds
        self.now += seconds
        items: Any = self.model.hollow((name,), where, lo, hi)
        return Pulled(command.source, items, hi - lo < command.items, seconds, weight=1)

    def feed(self, command: Feed) -> None:
        """A reader begins on the next part as soon as it is through with the last."""
        reading = self.readings[command.reader]
        items = _count(command.argument, command.values)
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
