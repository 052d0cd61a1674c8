"""The critical path: from the end of a run back to its beginning, always to what had to be waited for last.

Theory: a call began when its values were there and a worker was free. Of all that it could have waited for, the values that
it reads and the call before it on its worker, what ended last is what it did wait for. Followed back, that gives a
chain whose calls and gaps cover the whole run; to make the run shorter, something on it must become shorter.

What a call reads is known by task, and within opened items by item. Calls of an expander are the driver's and are not told;
they are in the gaps.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from anabranch.explain.outline import TaskOutline
from anabranch.see.report.record import Record

__all__ = ["Step", "Stretch", "critical_path", "stretches"]

SLACK = 1e-4
"""Seconds by which an end may seem to lie after the beginning that waited for it."""


@dataclass(frozen=True, slots=True)
class Step:
    """A call on the path, and the gap before it.

    `why` is what it waited for: ``value``, ``worker``, or ``start`` for the first.
    """

    call: int
    why: str
    gap: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring steps of one task: how many, their seconds, the gaps before them, and when the first began."""

    task: str
    why: str
    calls: int
    seconds: float
    gaps: float
    begin: float


def critical_path(record: Record) -> list[Step]:
    """The path, first step first; empty where there were no calls."""
    if not len(record):
        return []
    graph = _Waits(record)
    last = max(range(len(record)), key=lambda number: record.begins[number] + record.lengths[number])
    path: list[Step] = []
    current: int | None = last
    while current is not None:
        before, why = graph.before(current)
        since = record.begins[before] + record.lengths[before] if before is not None else 0.0
        path.append(Step(current, why, max(record.begins[current] - since, 0.0)))
        current = before
    return path[::-1]


def stretches(record: Record, path: list[Step]) -> list[Stretch]:
    """The path with neighbouring steps of one task put together."""
    found: list[Stretch] = []
    for step in path:
        task = record.names[record.tasks[step.call]]
        seconds, begin = record.lengths[step.call], record.begins[step.call]
        if found and found[-1].task == task and step.why == "worker":
            one = found[-1]
            found[-1] = Stretch(task, one.why, one.calls + 1, one.seconds + seconds, one.gaps + step.gap, one.begin)
        else:
            found.append(Stretch(task, step.why, 1, seconds, step.gap, begin))
    return found


_Key = tuple[str, tuple[int, ...]]
"""A task, and the item that it belongs to."""


class _Ended:
    """Calls by when they ended: the times, and their ranks among all calls."""

    __slots__ = ("ranks", "times")

    def __init__(self) -> None:
        self.times: list[float] = []
        self.ranks: list[int] = []

    def add(self, time: float, rank: int) -> None:
        """One more, which ended no earlier than those before."""
        self.times.append(time)
        self.ranks.append(rank)

    def last(self, time: float, rank: int) -> int | None:
        """The rank of the last that had ended by then and stands before `rank`, so that a chain never turns back."""
        place = min(bisect_right(self.times, time), bisect_left(self.ranks, rank)) - 1
        return self.ranks[place] if place >= 0 else None


class _Waits:
    """What each call could have waited for."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.tasks: dict[tuple[str, int], TaskOutline] = {}
        outlines = {(task.inside, task.name): task for task in record.outline}
        for task in record.outline:
            self.tasks.setdefault((task.name, _depth(task, outlines)), task)
        self.ends = [begin + length for begin, length in zip(record.begins, record.lengths, strict=True)]
        self.order = sorted(range(len(record)), key=self.ends.__getitem__)
        self.ranks = [0] * len(record)
        self.groups: dict[_Key, _Ended] = {}
        self.lanes: dict[int, _Ended] = {}
        for rank, number in enumerate(self.order):
            self.ranks[number] = rank
            for key in self._keys(number):
                self.groups.setdefault(key, _Ended()).add(self.ends[number], rank)
            self.lanes.setdefault(record.lanes[number], _Ended()).add(self.ends[number], rank)

    def before(self, number: int) -> tuple[int | None, str]:
        """The call that this one waited for last, and whether for its value or its worker."""
        found: list[tuple[int, bool]] = []
        groups = [(self.groups.get(key), True) for key in self._reads(number)]
        for ended, is_value in (*groups, (self.lanes.get(self.record.lanes[number]), False)):
            rank = ended.last(self.record.begins[number] + SLACK, self.ranks[number]) if ended is not None else None
            if rank is not None:
                found.append((rank, is_value))
        if not found:
            return None, "start"
        rank, is_value = max(found)  # of two that are one and the same, the value is what mattered
        return self.order[rank], "value" if is_value else "worker"

    def _keys(self, number: int) -> Iterator[_Key]:
        """The tasks that a call is a part of, with the item that each belongs to: its own, and the fans around it."""
        name, where = self.record.names[self.record.tasks[number]], self.record.wheres[number]
        yield name, where
        task = self.tasks.get((name, len(where)))
        while task is not None and task.inside:
            where = where[:-1]
            yield task.inside, where
            task = self.tasks.get((task.inside, len(where)))

    def _reads(self, number: int) -> Iterator[_Key]:
        """What a call reads, and what the opened items around it read."""
        name, where = self.record.names[self.record.tasks[number]], self.record.wheres[number]
        task = self.tasks.get((name, len(where)))
        while task is not None:
            yield from ((read, where) for read in task.reads)
            where = where[:-1]
            task = self.tasks.get((task.inside, len(where))) if task.inside else None


def _depth(task: TaskOutline, outlines: dict[tuple[str, str], TaskOutline]) -> int:
    """In how many opened items a task lies."""
    names = {name: outline for (_, name), outline in outlines.items()}
    depth, around = 0, task.inside
    while around and depth < len(outlines):
        depth += 1
        outer = names.get(around)
        around = outer.inside if outer is not None else ""
    return depth
