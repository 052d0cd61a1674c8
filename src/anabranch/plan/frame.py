"""The plan of a frame: a body's steps as tasks with what they need, ready for a scheduler.

Theory: a body can be run in two ways. As a loop, inside a task's generated code; or *opened*, as a frame whose calls and
fans are scheduled one by one. The root is always opened. An inner body is opened where one item of the outer axis is
worth more than one worker (see `anabranch.run`); so a `FanTask` holds both its code and, made when first asked for,
the frame plan of its body.

A task needs values, whole; that is the only thing it waits for. Three things flow while they are being made: the items of a
source into the fan that opens its axis, a fan's output into a `Stream` reader, and the lists of one loop, element by element,
into another over the same axis that *follows* it, at another place, say.

This module never knows how many items there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from anabranch.graph import Role
from anabranch.placement import DEFAULT_PLACE, NOTHING, Resources, together
from anabranch.plan.body import Body, Fan, Reading, Value, rank_in
from anabranch.plan.needs import fan_needs_code, once_needs_code
from anabranch.plan.select import Axes, Kind, Link, Vertex
from anabranch.plan.source import Import, Partial, fan_code, once_code, partial_imports
from anabranch.plan.tolls import FREE, Toll, toll_of
from anabranch.work import Code, Form

__all__ = ["CallTask", "FanTask", "FramePlan", "Gather", "ReaderTask", "SourceTask", "Task", "frame_plan"]


@dataclass(frozen=True, slots=True)
class Gather:
    """One argument of a task: a value of the frame, and how its parts become one."""

    value: Value
    form: Form = Form.JOINED
    depth: int = 0


@dataclass(frozen=True, eq=False)
class CallTask:
    """Functions called once in a frame, in one place. `needs` is what they need while they run; where that depends on
    inputs, `needs_code` tells the rest.
    """

    name: str
    code: Code
    arguments: tuple[Gather, ...]
    outputs: tuple[Value, ...]
    place: str = DEFAULT_PLACE
    needs: Resources = NOTHING
    needs_code: Code | None = None
    toll: Toll = FREE


@dataclass(frozen=True, eq=False)
class SourceTask:
    """The call of an expander, made in the driver; it gives the iterator that the fan of `axis` pulls."""

    name: str
    axis: str
    code: Code
    arguments: tuple[Gather, ...]


@dataclass(frozen=True, eq=False)
class ReaderTask:
    """A function with `Stream` parameters, run by the driver while the fans that feed it still run.

    `feeds` gives for each argument the value that streams into it and the depth closed, or None for an ordinary one.
    """

    name: str
    code: Code
    arguments: tuple[Gather, ...]
    feeds: tuple[Gather | None, ...]
    output: Value

    @property
    def ordinary(self) -> tuple[Gather, ...]:
        """The arguments that must be there before the reader starts."""
        return tuple(a for a, feed in zip(self.arguments, self.feeds, strict=True) if feed is None)


@dataclass(frozen=True, eq=False)
class Merge:
    """How the partial values of an associative collector become one: its own code, given a list of them."""

    output: Value
    source: Value
    code: Code
    arguments: tuple[Gather | None, ...]


@dataclass(frozen=True, eq=False)
class FanTask:
    """A fan, to be run in spans.

    Attributes:
        fan: what it loops over and why.
        code: runs one span; None if there is nothing to run, only items to be listed.
        columns: the outputs of `code`, as lists outside.
        items: the column of the items themselves, if something else in the frame reads it.
        merges: the partial values after them.
        captured: what does not vary, as arguments of `code` after the lists.
        awaited: values that its stream readers need, so that it starts when they can.
        needs_code: gives what each item needs, where that depends on inputs; takes what `code` takes.
    """

    name: str
    fan: Fan
    code: Code | None
    columns: tuple[Value, ...]
    items: Value | None
    merges: tuple[Merge, ...]
    captured: tuple[Value, ...]
    awaited: tuple[Value, ...]
    vertices: Mapping[str, Vertex] = field(repr=False)
    fuse: bool = False
    needs_code: Code | None = None
    toll: Toll = FREE

    @property
    def axis(self) -> str:
        """The axis."""
        return self.fan.axis

    @property
    def place(self) -> str:
        """Where it runs."""
        return self.fan.site.place

    @property
    def needs(self) -> Resources:
        """What a span of it needs while it runs."""
        return self.fan.needs

    @property
    def aligned(self) -> tuple[Reading, ...]:
        """The lists read element by element, besides a fresh fan's items."""
        return self.fan.aligned

    @property
    def lists(self) -> tuple[Value, ...]:
        """The lists that it makes."""
        return self.columns if self.items is None else (*self.columns, self.items)

    @property
    def wholes(self) -> tuple[Value, ...]:
        """What it reads that has to be there before it starts."""
        merged = (a.value for merge in self.merges for a in merge.arguments if a is not None)
        return (*self.captured, *self.awaited, *merged)

    @property
    def merge_sources(self) -> tuple[Value, ...]:
        """What each of `merges` collects, as seen inside the fan."""
        return tuple(merge.source for merge in self.merges)

    @property
    def nested(self) -> bool:
        """Whether its body opens another axis, so that opening an item may pay."""
        return any(isinstance(step, Fan) for step in self.fan.body.steps)

    @cached_property
    def inner(self) -> FramePlan:
        """The plan of one item as a frame of its own."""
        outputs = tuple(reading.inner for reading in self.fan.outputs)
        return frame_plan(self.fan.body, self.vertices, outputs, fuse=self.fuse)


Task = CallTask | SourceTask | ReaderTask | FanTask


@dataclass(frozen=True, eq=False)
class FramePlan:
    """The tasks of a body, what is wanted of it, and how often each value is read (so that it can be dropped).

    `needs` are the values that each task reads, `follows` those of them that need not be whole for it to start.
    """

    axes: Axes
    tasks: tuple[Task, ...]
    outputs: tuple[Value, ...]
    needs: tuple[tuple[Value, ...], ...]
    follows: tuple[frozenset[Value], ...]
    readers: Mapping[Value, tuple[int, ...]]
    feeds: Mapping[Value, tuple[tuple[int, int], ...]]


def frame_plan(body: Body, vertices: Mapping[str, Vertex], outputs: Sequence[Value], *, fuse: bool) -> FramePlan:
    """Plans a body.

    Args:
        body: its steps.
        vertices: all vertices of the selection.
        outputs: values that must be there in the end.
        fuse: put calls that could run side by side into one task; right where there is only one slot.
    """
    tasks = tuple(_Tasks(body, vertices, outputs, fuse=fuse).make())
    needs = tuple(_needs(task) for task in tasks)
    readers: dict[Value, list[int]] = {}
    for number, needed in enumerate(needs):
        for value in needed:
            readers.setdefault(value, []).append(number)
    feeds: dict[Value, list[tuple[int, int]]] = {}
    for number, task in enumerate(tasks):
        if isinstance(task, ReaderTask):
            for position, feed in enumerate(task.feeds):
                if feed is not None:
                    feeds.setdefault(feed.value, []).append((number, position))
    return FramePlan(
        body.axes,
        tasks,
        tuple(outputs),
        needs,
        _follows(tasks, needs),
        {value: tuple(numbers) for value, numbers in readers.items()},
        {value: tuple(places) for value, places in feeds.items()},
    )


def _needs(task: Task) -> tuple[Value, ...]:
    """The values that the task reads."""
    if isinstance(task, FanTask):
        found = [*(reading.outer for reading in task.aligned), *task.wholes]
    elif isinstance(task, ReaderTask):
        found = [argument.value for argument in task.ordinary]
    else:
        found = [argument.value for argument in task.arguments]
    return tuple(dict.fromkeys(found))


def _follows(tasks: Sequence[Task], needs: Sequence[tuple[Value, ...]]) -> tuple[frozenset[Value], ...]:
    """For each task the lists that it can read while they are being made: a loop those of another over the same axis, unless it
    waits for something that is made of them.
    """
    found = [frozenset[Value]()] * len(tasks)
    loops = [(n, task) for n, task in enumerate(tasks) if isinstance(task, FanTask)]
    lists = {(task.axis, value): n for n, task in loops for value in task.lists}
    for number, task in loops:
        aligned = {reading.outer for reading in task.aligned}.difference(task.wholes)
        made = {value: lists[task.axis, value] for value in aligned if (task.axis, value) in lists}
        if made:
            behind = _behind(tasks, needs, [value for value in needs[number] if value not in made])
            found[number] = frozenset(value for value, maker in made.items() if maker not in behind)
    return tuple(found)


def _behind(tasks: Sequence[Task], needs: Sequence[tuple[Value, ...]], values: list[Value]) -> set[int]:
    """The tasks that must be done for these values to be there."""
    makers: dict[Value, list[int]] = {}
    for number, task in enumerate(tasks):
        for value in _makes(task):
            makers.setdefault(value, []).append(number)
    found: set[int] = set()
    while values:
        for number in makers.get(values.pop(), ()):
            if number not in found:
                found.add(number)
                task = tasks[number]
                values += [*needs[number], *([Value(task.axis, 1)] if isinstance(task, FanTask) and task.fan.fresh else [])]
    return found


def _makes(task: Task) -> Iterable[Value]:
    """The values that a task makes; of a source, the items that its loop pulls."""
    if isinstance(task, FanTask):
        return (*task.lists, *(merge.output for merge in task.merges))
    if isinstance(task, SourceTask):
        return (Value(task.axis, 1),)
    return (task.output,) if isinstance(task, ReaderTask) else task.outputs


class _Tasks:
    """Groups a body's steps into tasks."""

    def __init__(self, body: Body, vertices: Mapping[str, Vertex], outputs: Sequence[Value], *, fuse: bool) -> None:
        self.body = body
        self.vertices = vertices
        self.outputs = set(outputs)
        self.fuse = fuse
        self.calls = [step for step in body.steps if isinstance(step, Vertex) and step.kind is Kind.CALL]
        self.fans = [step for step in body.steps if isinstance(step, Fan)]
        self.produced = {reading.outer: fan for fan in self.fans for reading in fan.outputs}
        self.place = self._places()
        self.readers = self._readers()
        self.partials = self._partials()
        self.pushed = {partial.vertex.name for partials in self.partials.values() for partial in partials}

    def make(self) -> list[Task]:
        groups: list[list[Vertex]] = []
        tasks: list[Task] = []
        made: dict[Value, int] = {}
        wave = 0
        for step in self.body.steps:
            if isinstance(step, Fan):
                tasks.append(self._fan(step))
                wave = len(groups)
            elif step.kind is not Kind.CALL or step.name in self.pushed:
                continue
            elif step.name.endswith("()"):
                tasks.append(self._source(step))
            elif any(link.role is Role.STREAM for link in step.links):
                tasks.append(self._reader(step))
            else:
                self._place(step, groups, made, wave)
        calls: list[Task] = [self._group(group) for group in groups]
        return [*calls, *tasks]

    def _value(self, link: Link) -> Value:
        return Value(link.source, rank_in(link, self.vertices, self.body.axes))

    def _places(self) -> dict[Value, int]:
        """For each value made in this body the position of the step that makes it."""
        found = {}
        for number, step in enumerate(self.body.steps):
            if isinstance(step, Fan):
                found.update(dict.fromkeys((reading.outer for reading in step.outputs), number))
            elif step.kind is Kind.CALL:
                found[Value(step.name, 0)] = number
        return found

    def _readers(self) -> dict[Value, list[str | None]]:
        """For each value the names of the calls that read it; None stands for a fan."""
        found: dict[Value, list[str | None]] = {}
        for step in self.body.steps:
            if isinstance(step, Fan):
                for value in (*(reading.outer for reading in step.aligned), *step.captured):
                    found.setdefault(value, []).append(None)
            else:
                for link in step.links:
                    if link.name is not None:
                        found.setdefault(self._value(link), []).append(step.name)
        return found

    def _read_outside(self, value: Value, inside: set[str]) -> bool:
        return any(reader is None or reader not in inside for reader in self.readers.get(value, ()))

    def _is_made_by(self, value: Value, before: int) -> bool:
        """Whether the value is there before the step at that position, without waiting for it."""
        return self.place.get(value, -1) < before

    # -- calls -----------------------------------------------------------------------------------------------------

    def _place(self, vertex: Vertex, groups: list[list[Vertex]], made: dict[Value, int], wave: int) -> None:
        """Puts a call into a group: with one slot, all that no fan lies between; else only the end of a chain."""
        own = [self._value(link) for link in vertex.links if link.name is not None]
        elsewhere = [value for value in own if value not in made and value in self.place]
        number = len(groups)
        if self.fuse:
            if wave < len(groups) and all(value in self.produced for value in elsewhere):
                number = len(groups) - 1
        elif not elsewhere:
            before = {made[value] for value in own if value in made}
            last = Value(groups[min(before)][-1].name, 0) if len(before) == 1 else None
            joins = bool(before) and groups[min(before)][-1].site == vertex.site
            if joins and last in own and last not in self.outputs and len(self.readers[last]) == 1:
                number = min(before)
        if number == len(groups):
            groups.append([])
        groups[number].append(vertex)
        made[Value(vertex.name, 0)] = number

    def _group(self, group: list[Vertex]) -> CallTask:
        inside = {vertex.name for vertex in group}
        imports, arguments = self._imports(group, inside)
        names = [Value(vertex.name, 0) for vertex in group]
        outputs = [value for value in names if value in self.outputs or self._read_outside(value, inside)]
        outputs = outputs or names[-1:]
        code = once_code(self.vertices, group, imports, outputs)
        name = group[0].node if len(group) == 1 else f"{group[0].node} … {group[-1].node}"
        needs = together(vertex.resources for vertex in group)
        needs_code = once_needs_code(self.vertices, group, imports)
        return CallTask(name, code, tuple(arguments), tuple(outputs), group[0].site.place, needs, needs_code, toll_of(group))

    def _imports(self, group: Sequence[Vertex], inside: set[str]) -> tuple[list[Import], list[Gather]]:
        found: dict[Import, Gather] = {}
        for vertex in group:
            for link in vertex.links:
                if link.name is None or link.source in inside:
                    continue
                value = self._value(link)
                if link.depth:
                    found[Import(value, (vertex.name, link.name))] = Gather(value, Form.COLLECTED, link.depth)
                else:
                    found[Import(value)] = Gather(value)
        return list(found), list(found.values())

    def _source(self, vertex: Vertex) -> SourceTask:
        imports, arguments = self._imports([vertex], set())
        code = once_code(self.vertices, [vertex], imports, [Value(vertex.name, 0)])
        return SourceTask(vertex.node, vertex.node, code, tuple(arguments))

    def _reader(self, vertex: Vertex) -> ReaderTask:
        imports, arguments = self._imports([vertex], set())
        streams = {link.name for link in vertex.links if link.role is Role.STREAM}
        pairs = list(zip(imports, arguments, strict=True))
        streaming = [i.reader is not None and i.reader[1] in streams and a.value in self.produced for i, a in pairs]
        feeds = tuple(a if flows else None for flows, (_, a) in zip(streaming, pairs, strict=True))
        # An override or an outer pass may give the whole list at once: an iterator over it is all the function asks for.
        code = once_code(self.vertices, [vertex], imports, [Value(vertex.name, 0)])
        return ReaderTask(vertex.node, code, tuple(arguments), feeds, Value(vertex.name, 0))

    # -- fans ------------------------------------------------------------------------------------------------------

    def _partials(self) -> dict[int, list[Partial]]:
        """For each fan, by position, the associative collectors that can run at the end of its spans."""
        found: dict[int, list[Partial]] = {}
        for vertex in self.calls:
            closing = [link for link in vertex.links if link.depth]
            if not vertex.associative or len(closing) != 1:
                continue
            collected = closing[0]
            value = self._value(collected)
            fan = self.produced.get(value)
            others = [self._value(k) for k in vertex.links if k is not collected and k.name is not None]
            if fan is None or collected.depth != 1 or fan.site != vertex.site:
                continue
            if all(self._is_made_by(other, self.place[value]) for other in others):
                inner = next(reading.inner for reading in fan.outputs if reading.outer == value)
                found.setdefault(id(fan), []).append(Partial(vertex, inner))
        return found

    def _fan(self, fan: Fan) -> FanTask:
        partials = self.partials.get(id(fan), [])
        pushed = {partial.vertex.name for partial in partials}
        own_items = Value(fan.axis, 1)
        columns, inner, items = [], [], None
        for reading in fan.outputs:
            if fan.fresh and reading.outer == own_items:
                items = reading.outer
            elif reading.outer in self.outputs or self._read_outside(reading.outer, pushed):
                columns.append(reading.outer)
                inner.append(reading.inner)
        if items is not None and items not in self.outputs and not self._read_outside(items, pushed):
            items = None
        code = fan_code(self.vertices, fan, inner, partials) if inner or partials else None
        extra = partial_imports(self.vertices, fan, partials, self.body.axes)
        merges = tuple(self._merge(partial) for partial in partials)
        captured = (*fan.captured, *extra)
        awaited = self._awaited(fan)
        needs_code = fan_needs_code(self.vertices, fan)
        made = (code, tuple(columns), items, merges, captured, awaited)
        return FanTask(fan.name, fan, *made, self.vertices, self.fuse, needs_code, toll_of(fan.body.steps))

    def _awaited(self, fan: Fan) -> tuple[Value, ...]:
        """What the fan's stream readers need besides their streams, as far as it can be had before the fan starts: with
        the readers at work from the beginning, nothing piles up.
        """
        outer = {reading.outer for reading in fan.outputs}
        found = []
        for vertex in self.calls:
            values = {self._value(k): k.role for k in vertex.links if k.name is not None}
            if any(role is Role.STREAM and value in outer for value, role in values.items()):
                place = self.place[next(value for value in values if value in outer)]
                plain = [value for value, role in values.items() if role is Role.PLAIN and value in self.place]
                found += [value for value in plain if self._is_made_by(value, place)]
        return tuple(dict.fromkeys(found))

    def _merge(self, partial: Partial) -> Merge:
        vertex = partial.vertex
        imports, arguments = self._imports([vertex], set())
        code = once_code(self.vertices, [vertex], imports, [Value(vertex.name, 0)])
        given = tuple(a if a.form is not Form.COLLECTED else None for a in arguments)
        return Merge(Value(vertex.name, 0), partial.source, code, given)
