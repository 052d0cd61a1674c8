"""One fan of one frame while it runs: how far its source is, which spans are out, what has come back.

Theory: a fan moves through few states, one way: WAITING (for values, and for its source if it is fresh), OPEN (spans can be
cut), EXHAUSTED (no more items; spans still out), DONE. Cutting a span moves `cut` forward; nothing ever moves it back.

This module never decides whether there is credit for a span; the run does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import TYPE_CHECKING

from anabranch.errors import InternalError
from anabranch.plan import FanTask, Value
from anabranch.run.commands import EndFeed, Feed
from anabranch.run.rooms import Room
from anabranch.run.sizes import SpanSizer
from anabranch.run.values import Cell, Chunk, Column, Slot, Trail
from anabranch.work import Missing

if TYPE_CHECKING:
    from anabranch.run.frame import Frame

__all__ = ["FanState", "Feeding", "MergeState", "Phase"]


class Phase(Enum):
    """Where a fan is."""

    WAITING = "for values or for its source"
    OPEN = "for credit to cut spans"
    EXHAUSTED = "for spans to come back"
    DONE = "for nothing"


MOVES: Mapping[Phase, frozenset[Phase]] = {
    Phase.WAITING: frozenset({Phase.OPEN, Phase.DONE}),
    Phase.OPEN: frozenset({Phase.EXHAUSTED, Phase.DONE}),
    Phase.EXHAUSTED: frozenset({Phase.DONE}),
    Phase.DONE: frozenset(),
}
"""From each phase those that may follow. OPEN to DONE is a fan whose readers have all gone before its end."""


class Feeding:
    """One column streamed into one parameter of a reader.

    Parts are delivered in order of their items; `lag` counts the spans that were cut and that the reader has not begun on,
    `given` the parts that it was given, its end included, and `awaited` after how many it last waited for another.
    """

    __slots__ = ("awaited", "depth", "ended", "feed", "given", "held", "lag", "next", "reader", "started", "waiting")

    def __init__(self, reader: int, feed: int, depth: int) -> None:
        self.reader = reader
        self.depth = depth
        self.feed = feed
        self.next = 0
        self.waiting: dict[int, Chunk] = {}
        self.held: list[Feed | EndFeed] = []
        self.lag = 0
        self.given = 0
        self.awaited = -1
        self.started = False
        self.ended = False

    @property
    def hungry(self) -> bool:
        """Whether the reader waits for a part that it has not been given."""
        return self.awaited == self.given and not self.ended

    def deliverable(self, chunk: Chunk) -> Iterator[Chunk]:
        """Takes a part in, and yields those whose turn it is."""
        self.waiting[chunk.lo] = chunk
        while self.next in self.waiting:
            due = self.waiting.pop(self.next)
            self.next = due.hi
            yield due


class MergeState:
    """The partial values of one associative collector; neighbours are merged as soon as there are enough.

    Parts stand in rows without a gap, found by where a row starts and where it ends; so taking one in costs the same
    however many spans are out of order. What a collector is `lacking`, another of its arguments say, its value is missing for.
    """

    __slots__ = ("busy", "ends", "grown", "lacking", "starts")

    def __init__(self) -> None:
        self.starts: dict[int, list[Chunk]] = {}
        self.ends: dict[int, list[Chunk]] = {}
        self.grown: list[Chunk] = []
        self.busy = 0
        self.lacking: Missing | None = None

    @property
    def first(self) -> Chunk | None:
        """The only part once all is merged; None if there is none."""
        return next(iter(self.starts.values()))[0] if self.starts else None

    def add(self, chunk: Chunk) -> None:
        """Takes in the partial value of a span: at the end of a row, before another, between two, or by itself."""
        row = self.ends.pop(chunk.lo, [])
        row.append(chunk)
        row += self.starts.pop(chunk.hi, ())
        self.starts[row[0].lo] = self.ends[row[-1].hi] = self.grown = row

    def neighbours(self, *, least: int) -> list[Chunk]:
        """Takes out the row that has just grown if it has at least so many parts, else nothing."""
        return self._take(self.grown) if len(self.grown) >= least else []

    def rest(self) -> list[Chunk]:
        """Takes out any row of several parts; nothing if there is none."""
        return next((self._take(row) for row in self.starts.values() if len(row) > 1), [])

    def clear(self) -> None:
        """Forgets all parts."""
        self.starts.clear()
        self.ends.clear()
        self.grown = []

    def _take(self, row: list[Chunk]) -> list[Chunk]:
        del self.starts[row[0].lo], self.ends[row[-1].hi]
        self.grown = []
        return row


class FanState:
    """A fan task in a frame."""

    __slots__ = (
        "alive",
        "columns",
        "cut",
        "feedings",
        "followers",
        "forced",
        "frame",
        "is_source_open",
        "kept",
        "length",
        "merges",
        "near",
        "number",
        "opened",
        "opener",
        "opening",
        "outstanding",
        "phase",
        "pulling",
        "queued",
        "room",
        "sizer",
        "source",
        "task",
        "trails",
    )

    def __init__(self, frame: Frame, number: int, task: FanTask, sizer: SpanSizer, room: Room) -> None:
        plan = frame.plan
        self.frame = frame
        self.number = number
        self.task = task
        self.room = room
        self.phase = Phase.WAITING
        self.sizer = sizer
        self.source: int | None = None
        self.length: int | None = None
        self.near = 0
        self.cut = 0
        self.outstanding = 0
        self.opened = 0
        self.opener = -1
        self.is_source_open = False
        self.opening = False
        self.forced = False
        self.alive = 0
        self.pulling = False
        self.queued = False
        self.kept = {value for value in task.lists if value in plan.readers or value in plan.outputs}
        self.columns = {value: Column() for value in task.lists}
        self.feedings: dict[Value, list[Feeding]] = {value: [] for value in task.lists}
        self.trails: dict[Value, Trail] = {}
        self.followers: dict[Value, list[FanState]] = {}
        self.merges = [MergeState() for _ in task.merges]

    def move(self, phase: Phase) -> None:
        """Goes on to a later phase.

        Raises:
            InternalError: there is no way from here to there.
        """
        if phase not in MOVES[self.phase]:
            raise InternalError(f"the fan over '{self.task.name}' at {self.frame.where} cannot go from {self.phase} to {phase}")
        self.phase = phase

    def follow(self, leader: FanState, value: Value) -> None:
        """Reads a list of another fan while that makes it."""
        trail, plan = leader.columns[value], self.frame.plan
        if not isinstance(trail, Trail):
            others = any(value not in plan.follows[reader] for reader in plan.readers[value])
            trail = leader.columns[value] = Trail(keeps=others or value in plan.outputs)
        trail.read_by(self.number)
        self.trails[value] = trail
        leader.followers.setdefault(value, []).append(self)

    def leave(self, value: Value) -> None:
        """Nothing more will be added to a list of its own: who reads it finds it where all values are."""
        for follower in self.followers.pop(value, ()):
            del follower.trails[value]

    def passed(self, lo: int, hi: int) -> None:
        """What these items read is not needed any more by this fan."""
        for value in self.frame.plan.follows[self.number]:
            trail = self.slot(value)
            if isinstance(trail, Trail):
                trail.passed(self.number, lo, hi)

    def slot(self, value: Value) -> Slot:
        """What it reads; as much of it as there is, if it is being made."""
        trail = self.trails.get(value)
        return self.frame.slots[value] if trail is None else trail

    @property
    def ahead(self) -> int | None:
        """How many items are there to be cut, of lists that are being made; None if there are none of these."""
        return min(trail.length for trail in self.trails.values()) - self.cut if self.trails else None

    @property
    def is_open(self) -> bool:
        """Whether spans can be cut."""
        return self.phase is Phase.OPEN

    @property
    def left(self) -> int | None:
        """Items that remain to be cut; None if nobody knows."""
        return None if self.length is None else self.length - self.cut

    @property
    def idle(self) -> bool:
        """Whether nothing of it is out."""
        return not self.outstanding and not self.pulling

    def may_open(self, index: int) -> bool:
        """Whether an item has an inner fan, and what it is made of is here."""
        if self.phase is Phase.DONE or not self.task.nested:
            return False
        slots = (self.slot(reading.outer) for reading in self.task.aligned)
        return all(_has_here(slot, index) for slot in slots)

    @property
    def wanted(self) -> bool:
        """Whether anybody still waits for what it makes."""
        fed = any(not feeding.ended for feedings in self.feedings.values() for feeding in feedings)
        return bool(self.kept or self.merges or fed)

    @property
    def lag(self) -> int:
        """How many spans the slowest reader at work is behind; a reader with two streams counts by its faster one."""
        least: dict[int, int] = {}
        for feedings in self.feedings.values():
            for feeding in feedings:
                if feeding.started and not feeding.ended:
                    least[feeding.reader] = min(least.get(feeding.reader, feeding.lag), feeding.lag)
        return max(least.values(), default=0)


def _has_here(slot: Slot, index: int) -> bool:
    """Whether an element of a list is in this process (and there at all)."""
    return slot.is_local and (isinstance(slot, Cell) or slot.length > index)
