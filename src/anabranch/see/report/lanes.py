"""Where each worker's time went. The parts of all workers add up to wall time × workers, exactly.

Theory: while a worker has a call, the call's journey tells what it is at: unpickling, functions, what goes on around them,
pickling. While it has none it waits, and what for is told by the chain of what had to happen before its next call came: the
answer to its last call had to get to the driver and be unpickled; the engine had to decide, or the driver was itself in
a function of the flow; the next call had to be pickled, to wait until the executor gave it to this worker, and to get there.
Where there was no next call, or the driver only waited for other workers, there was no work.

Each moment has exactly one kind, so the kinds add up by construction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

from anabranch.see.report.doings import Doing
from anabranch.see.report.record import Record

__all__ = ["DRIVER", "Kind", "Lane", "lanes_of"]

DRIVER = "driver"


class Kind(Enum):
    """What a worker's time went into: the name of it, and what it is."""

    FUNCTIONS = "in functions", "inside the functions of the flow"
    AROUND = "around them", "what goes on around calls: looking up and storing results, adapters"
    PICKLING = "pickling", "arguments, results and code, and the imports that they need; in the worker or the driver"
    TRANSFER = "on the way", "a call or an answer was on its way, in the system's or the cluster's hands"
    QUEUE = "queue", "its next call had been handed over and stood behind another worker's"
    ENGINE = "engine", "the driver was deciding what to do next"
    DRIVER = "driver's functions", "the driver was itself in a function: an expander, a stream reader, a single call"
    IDLE = "no work", "there was nothing to do for it: waiting for others' last items, or fewer items than workers"
    STARTING = "starting", "before the workers were ready"


@dataclass(frozen=True, slots=True)
class Lane:
    """One worker: its calls in order, and the seconds of each kind. `calls` is empty for a slot that was never used.

    A worker that took the place of one that died goes on in its lane.
    """

    worker: str
    calls: Sequence[int]
    parts: dict[Kind, float] = field(default_factory=dict)

    @property
    def busy(self) -> float:
        """Seconds in functions."""
        return self.parts.get(Kind.FUNCTIONS, 0.0)

    @property
    def seconds(self) -> float:
        """The whole."""
        return sum(self.parts.values())


def lanes_of(record: Record) -> list[Lane]:
    """The lanes of all workers, in the order in which they came to be known; slots that nobody used, last.

    Calls that the driver did itself have a lane of their own only where the driver is the only worker.
    """
    others = [place for place, name in enumerate(record.workers) if name != DRIVER]
    lanes = [_Worker(record).lane(crew) for crew in _crews(record, others or list(range(len(record.workers))))]
    for number in range(len(lanes), max(record.slots, 1)):
        lanes.append(_Worker(record).lane([], f"unused {number + 1 - len(others)}"))
    return lanes


def _crews(record: Record, places: Sequence[int]) -> Iterator[list[int]]:
    """The workers of each lane: one, and who came after its death."""
    calls = {place: record.of_worker(place) for place in places}
    begins = {place: record.begins[found[0]] for place, found in calls.items() if found}
    died = {record.place(name): at for name, at in record.ends.items() if name in record.workers}
    taken: set[int] = set()
    for place in places:
        if place in taken:
            continue
        crew = [place]
        while (end := died.get(crew[-1])) is not None:
            heirs = (one for one in places if one not in taken and one not in crew and begins.get(one, -1.0) >= end)
            heir = min(heirs, key=begins.__getitem__, default=None)
            if heir is None:
                break
            crew.append(heir)
            taken.add(heir)
        yield crew


class _Worker:
    """Goes through one lane, call by call, and says what each moment was."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.at = 0.0
        self.parts = dict.fromkeys(Kind, 0.0)

    def lane(self, crew: Sequence[int], name: str = "") -> Lane:
        """The lane of these workers, one after the other."""
        record = self.record
        calls = [number for place in crew for number in record.of_worker(place)]
        self._until(Kind.STARTING, record.ready)
        last = None
        for number in calls:
            self._without(last, number)
            way = record.way(number)
            self._until(Kind.PICKLING, way.unpacked)
            self._until(Kind.AROUND, record.begins[number])
            self._until(Kind.FUNCTIONS, record.begins[number] + record.lengths[number])
            self._until(Kind.AROUND, way.over)
            self._until(Kind.PICKLING, way.returned)
            last = number
        self._without(last, None)
        title = ", then ".join(record.workers[place] for place in crew) if crew else name
        return Lane(title, calls, self.parts)

    def _without(self, last: int | None, following: int | None) -> None:
        """The time after one call and until the next, or the end: what was waited for first comes first."""
        record = self.record
        way = record.way(following) if following is not None else None
        if last is not None:
            back = record.way(last)
            limit = way.sent if way is not None and way.sent > 0 else record.seconds
            self._driver(min(back.answered, limit), Kind.TRANSFER, Kind.TRANSFER)
            self._until(Kind.PICKLING, min(back.answered + back.opening, limit))
        if way is None:
            self._driver(record.seconds)
            return
        self._driver(min(way.handed, way.received))
        queued = Kind.QUEUE if last is not None else Kind.STARTING
        self._until(queued, min(way.sent, way.received))
        self._until(Kind.TRANSFER, way.received)

    def _driver(self, until: float, waiting: Kind = Kind.IDLE, deciding: Kind = Kind.ENGINE) -> None:
        """The time until then was what the driver was at: an answer that comes while it is busy waits for it."""
        until = min(until, self.record.seconds)
        if until <= self.at:
            return
        spent = self.record.doings.between(self.at, until)
        alone = self.record.workers == [DRIVER]
        here = Kind.FUNCTIONS if alone else Kind.DRIVER
        kinds = {Doing.PACKING: Kind.PICKLING, Doing.WORKING: here, Doing.WAITING: waiting}
        for doing, kind in kinds.items():
            self.parts[kind] += spent.get(doing, 0.0)
        self.parts[deciding] += max(until - self.at - sum(spent.values()), 0.0)
        self.at = until

    def _until(self, kind: Kind, time: float) -> None:
        """The time until then was of this kind."""
        time = min(time, self.record.seconds)
        if time > self.at:
            self.parts[kind] += time - self.at
            self.at = time
