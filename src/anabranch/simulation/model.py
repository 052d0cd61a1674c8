"""What a simulated run knows of the real one: how wide fan-outs are, how long calls take, and what they give.

Theory: lists are hollow: they have a length and no contents. How long an item takes depends on its place, and, where it is
drawn, on the seed, but never on the span it travels in; so two schedules of one flow can be compared.

This module never knows workers, clocks or schedules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Any, Protocol, overload, runtime_checkable

from anabranch.errors import InputError
from anabranch.executor import Call
from anabranch.plan import CallTask, FanTask, FramePlan, Plan
from anabranch.plan.body import Body, Fan
from anabranch.work import Argument

__all__ = ["Axis", "Durations", "Hollow", "Model", "Seconds", "Where", "Width", "counted"]

Where = tuple[int, ...]


@runtime_checkable
class Durations(Protocol):
    """How long the items of one node take, by their places."""

    @property
    def longest(self) -> float:
        """The longest that was asked for so far."""

    def total(self, where: Where, lo: int, hi: int) -> float:
        """Of items [lo, hi) at `where`."""


Width = int | Callable[[Where], int]
"""How many items: always as many, or by the outer indices."""
Seconds = float | Durations | Callable[[Where, Random], float]
"""How long one item of a node takes: always as long, or as it is known, or by its indices and drawn from a generator that is
seeded by them.
"""

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


class Hollow(Sequence[Any]):
    """A list without contents: items [lo, hi) of the first of `axes`, each a list as wide as the model says if there are more.

    Lists that are neighbours can be put together, as the driver does with those that it has.
    """

    __slots__ = ("axes", "hi", "lo", "model", "where")

    def __init__(self, model: Model, axes: tuple[str, ...], where: Where, lo: int, hi: int) -> None:
        self.model = model
        self.axes = axes
        self.where = where
        self.lo = lo
        self.hi = hi

    def __len__(self) -> int:
        return self.hi - self.lo

    def __add__(self, following: Hollow) -> Hollow:
        return Hollow(self.model, self.axes, self.where, self.lo, following.hi)

    def extend(self, following: Hollow) -> None:
        """Takes the list that begins where this one ends."""
        self.hi = following.hi

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        places = range(self.lo, self.hi)[index]
        if isinstance(places, range):
            return Hollow(self.model, self.axes, self.where, places.start, places.stop)
        if len(self.axes) == 1:
            return None
        inside = (*self.where, places)
        return Hollow(self.model, self.axes[1:], inside, 0, self.model.width(self.axes[1], inside))


def counted(argument: Argument, values: Sequence[Any]) -> int:
    """How many elements an argument has."""
    found = 0
    for position, start, stop in argument.parts:
        found += len(values[position]) if stop is None else 1 if stop < 0 else stop - start
    return found


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
        random = Random(f"{self.seed} {self.name} {where} {number}")  # noqa: S311  durations, no secrets
        return [self.draw((*where, n), random) for n in range(number * BLOCK, (number + 1) * BLOCK)]


class _Constant:
    """Durations of one node that are all the same."""

    def __init__(self, seconds: float) -> None:
        self.longest = seconds

    def total(self, where: Where, lo: int, hi: int) -> float:
        """Of items [lo, hi) at `where`."""
        return (hi - lo) * self.longest


def _durations(name: str, seconds: Seconds, seed: int) -> Durations:
    if isinstance(seconds, Durations):
        return seconds
    return _Drawn(name, seconds, seed) if callable(seconds) else _Constant(seconds)


class Model:
    """How wide the axes are, how long calls take, and what they give."""

    def __init__(self, plan: Plan, axes: Mapping[str, Width | Axis], seconds: Mapping[str, Seconds], seed: int) -> None:
        self.axes = {name: axis if isinstance(axis, Axis) else Axis(axis) for name, axis in axes.items()}
        self.vertices = plan.selection.vertices
        self.durations: dict[str, Durations] = {name: _durations(name, each, seed) for name, each in seconds.items()}
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
                if not isinstance(duration, _Constant):
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

    def __init__(self, model: Model, names: tuple[str, ...], outputs: int) -> None:
        self.model = model
        self.names = names
        self.outputs = (None,) * outputs
        self.holes = (None,) * outputs

    def perform(self, call: Call) -> tuple[int, float, tuple[Any, ...]]:
        """How many items, how long, and what comes back."""
        return 0, self.model.once(self.names, call.layout.where), self.outputs


class _Loop:
    """A span of a fan."""

    def __init__(self, model: Model, task: FanTask) -> None:
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
        items = counted(arguments[0], call.values)
        hi = lo + items
        seconds = self.model.of(self.fan, where, lo, hi) if self.each is None else items * self.each
        if self.merging:
            seconds += self.model.once(self.merging, where)
        made = tuple([Hollow(self.model, axes, where, lo, hi) for axes in self.columns])
        return items, seconds, (*made, *self.merges)
