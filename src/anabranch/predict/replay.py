"""Which durations belong to which node of the plan, so that a simulation takes as long as the recorded run did.

Theory: what was timed are tasks; what a simulation asks for are nodes. All that matters to a schedule is what a task takes in
sum, so the time of a task goes to one of its nodes, and the others take none. A fan's spans go to the first function of its
body. A fan with inner ones was run in two ways (see `anabranch.run`): items that were opened tell of each inner call by itself;
of spans of outer items it is known how long they took and how many inner items they had. Their time is split between
the outer functions and the inner loop as it was in the items that were opened; without any, the inner loop takes it all.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from anabranch.plan import CallTask, Fan, FanTask, FramePlan, Kind, Plan, ReaderTask
from anabranch.predict.places import Recorded, Where, Widths
from anabranch.predict.recording import CallRecord, Recording
from anabranch.simulation import Axis, Seconds

__all__ = ["Replay", "replay_of"]

Table = dict[Where, list[tuple[int, int, float]]]


@dataclass(frozen=True, slots=True)
class Replay:
    """What a simulation needs besides the plan: axes and durations. `longest` are the seconds of the longest item, `serial`
    those of all calls outside of any fan-out.
    """

    axes: dict[str, Axis]
    seconds: dict[str, Seconds]
    longest: float
    serial: float


class _Loops:
    """The spans of one fan that has inner ones: which outer items ran as loops inside of which span."""

    def __init__(self, calls: Iterable[CallRecord]) -> None:
        self.spans: dict[Where, list[CallRecord]] = defaultdict(list)
        for call in sorted(calls, key=lambda one: one.lo):
            self.spans[call.where].append(call)

    def of(self, where: Where) -> CallRecord | None:
        """The span that an item inside of it, or of an outer item in it, was a part of."""
        for depth in range(len(where), 0, -1):
            found = self.spans.get(where[: depth - 1], [])
            place = bisect_right(found, where[depth - 1], key=lambda one: one.lo) - 1
            if place >= 0 and where[depth - 1] < found[place].hi:
                return found[place]
        return None


@dataclass(frozen=True, slots=True)
class _Looped:
    """How a node's time is to be had of spans that it was looped in: its share, and the axis whose items it is spread over."""

    loops: _Loops
    axis: str
    share: float


def replay_of(recording: Recording, plan: Plan) -> Replay:
    """Sorts a recording by the nodes of a plan of its shape."""
    return _Sorter(recording, plan).replay()


class _Sorter:
    def __init__(self, recording: Recording, plan: Plan) -> None:
        self.recording = recording
        self.plan = plan
        self.calls: dict[tuple[str, int], list[CallRecord]] = defaultdict(list)
        for call in recording.calls:
            self.calls[call.task, len(call.where)].append(call)
        self.tables: dict[str, Table] = defaultdict(lambda: defaultdict(list))
        self.looped: dict[str, list[_Looped]] = defaultdict(list)
        self.around: dict[str, list[_Loops]] = defaultdict(list)
        self.parents: dict[str, str] = {}
        self.alone: set[str] = set()
        self.serial = 0.0

    def replay(self) -> Replay:
        """All of it."""
        self._frame(self.plan.root, 0)
        names = {*self.tables, *self.looped}
        made = {name: Recorded(self.tables.get(name, {}), self._elsewhere(name)) for name in names}
        longest = max((one.longest for name, one in made.items() if name not in self.alone), default=0.0)
        axes = self._axes()
        return Replay(axes, {**made, **self._readers(axes)}, longest, self.serial)

    def _readers(self, axes: Mapping[str, Axis]) -> dict[str, float]:
        """For each stream reader, seconds for an element."""
        found = {}
        for task in self.plan.root.tasks:
            if isinstance(task, ReaderTask) and self.recording.reading.get(task.name):
                items = [self._elements(feed.value.name, axes) for feed in task.feeds if feed is not None]
                found[task.output.name] = self.recording.reading[task.name] / max(sum(items), 1)
        return found

    def _elements(self, name: str, axes: Mapping[str, Axis]) -> int:
        """How many elements of a value a reader gets."""
        axis = axes.get(self.plan.selection.vertices[name].axes[0])
        return 0 if axis is None else axis.width(()) if callable(axis.width) else axis.width

    # -- durations -------------------------------------------------------------------------------------------------

    def _frame(self, frame: FramePlan, depth: int) -> None:
        owners = {node: node for task in frame.tasks if isinstance(task, CallTask) for node in task.code.origins}
        for task in frame.tasks:
            if isinstance(task, FanTask):
                self._fan(task, depth)
        for (name, at), found in self.calls.items():
            nodes = self.recording.nodes.get(name, (name,))
            owner = next((owners[node] for node in reversed(nodes) if node in owners), None)
            if owner is None or at != depth:
                continue
            for call in found:
                if call.hi == 0:  # no span
                    self._once(owner, call)

    def _once(self, node: str, call: CallRecord) -> None:
        """A call outside of loops: for the item that it belongs to, or, at the root, for the run."""
        if not call.where:
            self.serial += call.seconds
            self.alone.add(node)
        outer, index = (call.where[:-1], call.where[-1]) if call.where else ((), 0)
        self.tables[node][outer].append((index, index + 1, call.seconds))

    def _fan(self, task: FanTask, depth: int) -> None:
        spans = [call for call in self.calls.get((task.name, depth), ()) if call.hi]
        own = _first(task.fan)
        if not task.nested:
            for call in spans if own is not None else ():
                self.tables[own or ""][call.where].append((call.lo, call.hi, call.seconds / call.items))
            return
        self._frame(task.inner, depth + 1)
        share = self._share(task.inner, depth + 1) if own is not None else 0.0
        inner = next((fan for fan in _fans(task.fan) if _deepest(fan) is not None), None)
        for call in spans if own is not None else ():
            has_inner = inner is not None and dict(call.inner).get(inner.axis, 0) > 0
            part = share if has_inner else 1.0
            self.tables[own or ""][call.where].append((call.lo, call.hi, part * call.seconds / call.items))
        loops = _Loops(spans)
        for axis, parent in _axes_inside(task.fan):
            self.around[axis].append(loops)
            self.parents[axis] = parent
        if inner is not None:
            self.looped[_deepest(inner) or ""].append(_Looped(loops, _innermost_axis(inner), 1 - share))

    def _share(self, frame: FramePlan, depth: int) -> float:
        """The share of an opened item's time that its own functions took, and not its inner fans."""
        own = inner = 0.0
        fans = {task.name for task in frame.tasks if isinstance(task, FanTask)}
        calls = {task.name for task in frame.tasks if isinstance(task, CallTask)}
        for (name, at), found in self.calls.items():
            if at == depth:
                inner += sum(call.seconds for call in found if call.hi and name in fans)
                own += sum(call.seconds for call in found if not call.hi and name in calls)
        return own / (own + inner) if own + inner else 0.0

    def _elsewhere(self, name: str) -> Callable[[Where], float]:
        mean, looped = _mean(self.tables.get(name, {})), self.looped.get(name, [])

        def each(where: Where) -> float:
            for one in looped:
                call = one.loops.of(where)
                items = dict(call.inner).get(one.axis, 0) if call is not None else 0
                if call is not None and items:
                    return one.share * call.seconds / items
            return mean

        return each

    # -- widths ----------------------------------------------------------------------------------------------------

    def _axes(self) -> dict[str, Axis]:
        exact: dict[str, dict[Where, int]] = defaultdict(dict)
        source: dict[str, float] = defaultdict(float)
        counted: dict[str, bool] = {}
        for fan in self.recording.fans:
            exact[fan.axis].setdefault(fan.where, fan.length)
            source[fan.axis] += fan.source_seconds
            counted[fan.axis] = counted.get(fan.axis, True) and fan.counted
        found = {}
        for axis in {*exact, *self.around}:
            items = sum(exact[axis].values())
            seconds = source[axis] / items if items else 0.0
            found[axis] = Axis(Widths(exact[axis], self._spread(axis)), counted.get(axis, True), seconds)
        return found

    def _spread(self, axis: str) -> Callable[[Where], int | None]:
        """How wide an axis is where it was a loop: what there was of it in the span, spread evenly over what is around it."""
        around, chain = self.around.get(axis, []), [axis]
        while chain[0] in self.parents:
            chain.insert(0, self.parents[chain[0]])

        def width(where: Where) -> int | None:
            call = next((call for call in (loops.of(where) for loops in around) if call is not None), None)
            if call is None:
                return None
            depth, inner = len(call.where), dict(call.inner)
            place, count = where[depth] - call.lo, call.items
            for name, index in zip(chain[-(len(where) - depth) :], where[depth + 1 :], strict=False):
                items = inner.get(name, 0)
                place, count = items * place // max(count, 1) + index, items
            items, count = inner.get(axis, 0), max(count, 1)
            return items * (place + 1) // count - items * place // count

        return width


def _first(fan: Fan) -> str | None:
    """The first function of a fan's own body; None if there is none."""
    return next((step.name for step in fan.body.steps if not isinstance(step, Fan) and step.kind is Kind.CALL), None)


def _fans(fan: Fan) -> Iterator[Fan]:
    """The fans right inside of a fan."""
    return (step for step in fan.body.steps if isinstance(step, Fan))


def _axes_inside(fan: Fan) -> Iterator[tuple[str, str]]:
    """All axes that are opened inside of a fan, each with the one around it."""
    for inner in _fans(fan):
        yield inner.axis, fan.axis
        yield from _axes_inside(inner)


def _deepest(fan: Fan) -> str | None:
    """The function that takes the time of a loop: of the innermost of its loops that calls any."""
    for inner in _fans(fan):
        found = _deepest(inner)
        if found is not None:
            return found
    return _first(fan)


def _innermost_axis(fan: Fan) -> str:
    """The axis of the loop that `_deepest` stands in."""
    for inner in _fans(fan):
        if _deepest(inner) is not None:
            return _innermost_axis(inner)
    return fan.axis


def _mean(table: Table) -> float:
    pieces = [piece for found in table.values() for piece in found]
    items = sum(hi - lo for lo, hi, _ in pieces)
    return sum((hi - lo) * each for lo, hi, each in pieces) / items if items else 0.0
