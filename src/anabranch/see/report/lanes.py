"""Where each worker's time went. The parts of all workers add up to wall time × workers, exactly.

Theory: a worker is in a function or it is not; the first is told. The rest is split by what can be seen from the driver: before
its first call a worker was *starting*; later, it was waiting while somewhere a call had been handed over and not begun
(*hand-over*: serialization, transfer, queueing, calls that wait behind another worker's long one), or while there was none
(*no work*: a source that is slow, a collect that waits for its last item, the end of a run).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from anabranch.see.report.record import Record

__all__ = ["Lane", "lanes_of"]

DRIVER = "driver"


@dataclass(frozen=True, slots=True)
class Lane:
    """One worker: its calls in order, and the seconds of each kind. `calls` is empty for a slot that was never used."""

    worker: str
    calls: Sequence[int]
    busy: float
    handover: float
    idle: float
    starting: float

    @property
    def seconds(self) -> float:
        """The whole."""
        return self.busy + self.handover + self.idle + self.starting


def lanes_of(record: Record) -> list[Lane]:
    """The lanes of all workers, in the order in which they came to be known; slots that nobody used, last.

    Calls that the driver did itself have a lane of their own only where the driver is the only worker.
    """
    waiting = _Waiting(record)
    others = [place for place, name in enumerate(record.workers) if name != DRIVER]
    places = others or list(range(len(record.workers)))
    lanes = [_lane(record, place, waiting) for place in places]
    for number in range(len(lanes), max(record.started.slots, 1)):
        lanes.append(Lane(f"unused {number + 1 - len(places)}", (), 0.0, 0.0, 0.0, record.seconds))
    return lanes


def _lane(record: Record, place: int, waiting: _Waiting) -> Lane:
    calls = record.of_worker(place)
    busy = handover = idle = 0.0
    first = min(record.begins[calls[0]], record.seconds) if calls else record.seconds
    at = first
    for number in calls:
        begin = max(record.begins[number], at)
        end = min(max(record.begins[number] + record.lengths[number], begin), record.seconds)
        if begin > at:
            part = waiting.between(at, begin)
            handover += part
            idle += begin - at - part
        busy += max(end - begin, 0.0)
        at = max(at, end)
    if record.seconds > at:
        part = waiting.between(at, record.seconds)
        handover += part
        idle += record.seconds - at - part
    return Lane(record.workers[place], calls, busy, handover, idle, first)


class _Waiting:
    """How long, up to any moment, there was a call that had been handed over and not begun."""

    def __init__(self, record: Record) -> None:
        begun = [(begin, -1) for begin in record.begins]
        changes = sorted([*((handed, 1) for handed in record.hands), *begun], key=lambda one: (one[0], -one[1]))
        counts = list(accumulate(change for _, change in changes))
        self.times = [time for time, _ in changes]
        self.some = [count > 0 for count in counts]
        lengths = (after - before for before, after in pairwise(self.times))
        parts = (length if some else 0.0 for length, some in zip(lengths, self.some, strict=False))
        self.sums = list(accumulate(parts, initial=0.0))

    def between(self, start: float, end: float) -> float:
        """The seconds of it within an interval."""
        return self._until(end) - self._until(start)

    def _until(self, time: float) -> float:
        place = bisect_right(self.times, time) - 1
        if place < 0:
            return 0.0
        return self.sums[place] + (time - self.times[place] if self.some[place] else 0.0)
