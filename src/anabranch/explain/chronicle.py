"""What happened in a run, span by span: enough to say of any item what became of it.

Theory: a run's events are one to a span, and each is kept as a few numbers in arrays: eighty bytes for a span, however many
items it holds. Nothing is worked out before somebody asks.

Times are seconds since the run began, as the driver learnt of things. This module never reads a clock; the time is told.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from anabranch.events import (
    CallFinished,
    CallStarted,
    Event,
    FanFinished,
    FanOpened,
    ItemFailed,
    RunFinished,
    RunStarted,
    SourcePulled,
    SpanFinished,
    SpanSubmitted,
    WorkerDied,
)
from anabranch.explain.outline import NodeOutline, TaskOutline, nodes_of, outline_of

__all__ = ["Beginning", "Chronicle", "Death", "Mishap", "Place", "Span"]

Where = tuple[int, ...]


class Span(NamedTuple):
    """Items [lo, hi) of a task, or a call, where both are 0, that came back.

    Attributes:
        handed: when it was handed over.
        back: when it was back.
        seconds: how long it was inside its functions.
        queued: how long it stood behind others.
        moved: how long it was pickled and unpickled.
    """

    lo: int
    hi: int
    handed: float
    back: float
    seconds: float
    queued: float
    moved: float
    worker: str
    retries: int
    cached: int


class Mishap(NamedTuple):
    """A function failed for good."""

    node: str
    item: Where
    error: str
    message: str
    worker: str
    attempts: int
    policy: str


class Death(NamedTuple):
    """A worker died while it held these items of a task."""

    task: str
    where: Where
    lo: int
    hi: int
    worker: str
    reason: str
    at: float


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a run was to do: its outputs, its functions, its tasks."""

    run_id: str
    outputs: tuple[str, ...]
    nodes: tuple[NodeOutline, ...]
    tasks: tuple[TaskOutline, ...]


@dataclass(slots=True)
class Place:
    """One of the places where a task happens: all of the run, or one item of the fans around it.

    `length` is how many items there are, if that is known, `known` how many are at least; `out` when what is out was handed
    over, by its first item; `opened` and `closed` are when the fan was, and `pulls` which items were taken from the expander
    when.
    """

    opened: float | None = None
    closed: float | None = None
    length: int | None = None
    known: int = 0
    out: dict[int, tuple[int, float]] = field(default_factory=dict)
    numbers: array[int] = field(default_factory=lambda: array("q"))
    times: array[float] = field(default_factory=lambda: array("d"))
    pulls: array[float] = field(default_factory=lambda: array("d"))


class Chronicle:
    """What happened in one run.

    Attributes:
        seconds: how long it took; None while it runs.
        failed: whether it ended without results.
    """

    def __init__(self) -> None:
        self.seconds: float | None = None
        self.failed = False
        self.mishaps: dict[tuple[str, Where], Mishap] = {}
        self.deaths: list[Death] = []
        self.workers: list[str] = []
        self._numbers: dict[str, int] = {}
        self._places: dict[tuple[str, Where], Place] = {}
        self._beginning: Beginning | RunStarted | None = None

    # -- what happened ---------------------------------------------------------------------------------------------

    def observe(self, event: Event, at: float) -> None:
        """Takes one event into account."""
        act = _ACTS.get(type(event))
        if act is not None:
            act(self, event, at)

    def began(self, beginning: Beginning | RunStarted) -> None:
        """The run began; what was told of an earlier part of it still holds."""
        self._beginning = beginning
        self.seconds, self.failed = None, False
        for place in self._places.values():
            place.out.clear()

    def ended(self, at: float, *, failed: bool) -> None:
        """It is over."""
        self.seconds, self.failed = at, failed

    def mishap(self, mishap: Mishap) -> None:
        """A function failed for good."""
        self.mishaps[mishap.node, mishap.item] = mishap

    def _started(self, event: RunStarted, at: float) -> None:
        self.began(event)

    def _finished(self, event: RunFinished, at: float) -> None:
        self.ended(at, failed=event.failed)

    def _item_failed(self, event: ItemFailed, at: float) -> None:
        failure = event.failure
        error = failure.trace.exception
        try:
            message = str(error)
        except Exception:  # its __str__ is the user's
            message = "(its text cannot be made)"
        kind = type(error).__qualname__
        worker, attempts, policy = failure.worker, failure.attempts, failure.policy
        self.mishap(Mishap(failure.node, failure.item, kind, message, worker, attempts, policy))

    def _fan_opened(self, event: FanOpened, at: float) -> None:
        place = self._place(event.task, event.where)
        place.opened = at
        place.length = event.length
        place.known = max(place.known, event.length or 0)

    def _pulled(self, event: SourcePulled, at: float) -> None:
        place = self._place(event.task, event.where)
        if event.hi > event.lo:
            place.pulls.extend((event.lo, event.hi, at))
            place.known = max(place.known, event.hi)

    def _submitted(self, event: SpanSubmitted, at: float) -> None:
        place = self._place(event.task, event.where)
        place.opened = at if place.opened is None else place.opened
        place.out[event.lo] = (event.hi, at)
        place.known = max(place.known, event.hi)

    def _call_started(self, event: CallStarted, at: float) -> None:
        place = self._place(event.task, event.where)
        place.opened = at
        place.out[0] = (0, at)

    def _span_finished(self, event: SpanFinished, at: float) -> None:
        self._back(event, (event.lo, event.hi), at)

    def _call_finished(self, event: CallFinished, at: float) -> None:
        self._back(event, (0, 0), at)
        self._place(event.task, event.where).closed = at

    def _fan_finished(self, event: FanFinished, at: float) -> None:
        place = self._place(event.task, event.where)
        place.closed = at
        place.length = place.known = event.length
        place.out.clear()

    def _died(self, event: WorkerDied, at: float) -> None:
        self.deaths.append(Death(event.task, event.where, event.lo, event.hi, event.worker, event.reason, at))

    def _back(self, event: SpanFinished | CallFinished, items: tuple[int, int], at: float) -> None:
        place, way = self._place(event.task, event.where), event.journey
        lo, hi = items
        begun, out = self._held(place, lo)
        place.numbers.extend((lo, hi, self._number(event.worker), event.retries, event.cached))
        moved = way.packing + way.unpacking + way.returning + way.opening
        place.times.extend((begun if begun is not None else at, at, event.seconds, max(way.sent - way.handed, 0.0), moved))
        if out is not None and place.out.get(out, (0, 0.0))[0] <= hi:
            place.out.pop(out, None)

    @staticmethod
    def _held(place: Place, lo: int) -> tuple[float | None, int | None]:
        """When the span that holds an item was handed over, and its first item; it may come back in pieces."""
        if lo in place.out:
            return place.out[lo][1], lo
        found = next((first for first, (hi, _) in place.out.items() if first <= lo < hi), None)
        return (None, None) if found is None else (place.out[found][1], found)

    def _place(self, task: str, where: Where) -> Place:
        place = self._places.get((task, where))
        if place is None:
            place = self._places[task, where] = Place()
        return place

    def _number(self, worker: str) -> int:
        number = self._numbers.get(worker)
        if number is None:
            number = self._numbers[worker] = len(self.workers)
            self.workers.append(worker)
        return number

    # -- what is asked ---------------------------------------------------------------------------------------------

    @property
    def beginning(self) -> Beginning:
        """What the run was to do."""
        if isinstance(self._beginning, RunStarted):
            started = self._beginning
            self._beginning = Beginning(started.run_id, started.outputs, nodes_of(started.graph), outline_of(started.plan))
        return self._beginning or Beginning("", (), (), ())

    def places(self, task: str) -> dict[Where, Place]:
        """Where a task has happened so far."""
        return {where: place for (name, where), place in list(self._places.items()) if name == task}

    def place(self, task: str, where: Where) -> Place | None:
        """One place, if anything has happened there."""
        return self._places.get((task, where))

    def spans(self, place: Place) -> Iterator[Span]:
        """What has come back, in the order in which it did."""
        for number in range(len(place.numbers) // 5):
            lo, hi, worker, retries, cached = place.numbers[5 * number : 5 * number + 5]
            handed, back, seconds, queued, moved = place.times[5 * number : 5 * number + 5]
            yield Span(lo, hi, handed, back, seconds, queued, moved, self.workers[worker], retries, cached)

    def span(self, place: Place, item: int | None) -> Span | None:
        """The span in which an item came back, the last if there are several; of a call, `item` is None."""
        found = None
        for span in self.spans(place):
            if item is None or span.lo <= item < span.hi:
                found = span
        return found


_ACTS: Final[Mapping[type, Callable[[Chronicle, Any, float], None]]] = {
    RunStarted: Chronicle._started,  # noqa: SLF001  the class's own
    RunFinished: Chronicle._finished,  # noqa: SLF001
    ItemFailed: Chronicle._item_failed,  # noqa: SLF001
    FanOpened: Chronicle._fan_opened,  # noqa: SLF001
    SourcePulled: Chronicle._pulled,  # noqa: SLF001
    SpanSubmitted: Chronicle._submitted,  # noqa: SLF001
    CallStarted: Chronicle._call_started,  # noqa: SLF001
    SpanFinished: Chronicle._span_finished,  # noqa: SLF001
    CallFinished: Chronicle._call_finished,  # noqa: SLF001
    FanFinished: Chronicle._fan_finished,  # noqa: SLF001
    WorkerDied: Chronicle._died,  # noqa: SLF001
}
