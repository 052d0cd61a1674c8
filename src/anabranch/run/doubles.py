"""Spans of pure functions that take far too long are run twice, where there is nothing else to do; the first answer counts.

Theory: a straggler holds up the end of a run, while slots idle. A second copy costs nobody anything then, if the functions
have no effects: only what is marked `pure` is doubled (as backup tasks in MapReduce: Dean and Ghemawat, OSDI 2004). How long
is far too long is measured by its like: `TIMES` the median of what an item has taken. Time is news: when slots idle, an alarm
is set for each pure span that is out; if it is still out when that rings, and slots still idle, the copy goes out.

Both copies have one errand. Whichever answers first is the span's answer; the other is recalled, and what comes of it is of no
interest. If one of them is lost, the other goes on alone, and nobody is charged.

Invariants: a span has at most one copy at a time; a pair counts as one span.

This module never reads a clock: when it is time is told.
"""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import Final

from anabranch.events import CopyWon, SpanDoubled
from anabranch.executor import CallLost, Message
from anabranch.plan import FanTask
from anabranch.run.board import Board, Purpose, Trip
from anabranch.run.commands import Command, Later
from anabranch.run.rooms import Room
from anabranch.work import Code, Outcome

__all__ = ["Doubles"]

TIMES: Final = 3
LEAST: Final = 0.05
"""Seconds; nothing shorter is worth a copy."""

KNOWN: Final = 3
"""So many spans must have come back before anything can be called long."""

REMEMBERED: Final = 99


class Doubles:
    """The copies of one run."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.alarms: dict[int, int] = {}
        """The call that each alarm is about."""
        self.copies: dict[int, int] = {}
        """The original of each copy, while both are out."""
        self._pairs: dict[int, int] = {}
        self._watched: set[int] = set()
        self._took: dict[FanTask, deque[float]] = {}

    def learn(self, task: FanTask, items: int, seconds: float) -> None:
        """A span came back."""
        if task.code is not None and self._is_pure(task.code):
            self._took.setdefault(task, deque(maxlen=REMEMBERED)).append(seconds / items)

    def watch(self) -> Command | None:
        """There is nothing else to do: sets an alarm for a span that is out and has none."""
        for room in self.board.all_rooms:
            for number in room.out if self._idles(room) else ():
                trip = self.board.trip(number)
                if trip is None or number in self._watched or (limit := self._limit(trip)) is None:
                    continue
                self._watched.add(number)
                alarm = next(self.board.ids)
                self.alarms[alarm] = number
                return Later(alarm, limit)
        return None

    def due(self, alarm: int) -> None:
        """An alarm rings: if its call is still out, and slots idle, its copy goes out."""
        number = self.alarms.pop(alarm)
        trip = self.board.trip(number)
        if trip is None:
            return
        if not self._idles(self.board.rooms[trip.call.place]):
            self._watched.discard(number)
            return
        errand, fan = trip.errand, trip.errand.frame.fans[trip.errand.number]
        copy = self.board.again(trip, errand)
        self.copies[copy.id] = number
        self._pairs[copy.id], self._pairs[number] = number, copy.id
        self._watched.add(copy.id)
        self.board.events.append(SpanDoubled(fan.task.name, fan.task.axis, errand.frame.where, errand.lo, errand.hi))
        self.board.urgent.append(self.board.submit(copy))

    def settles(self, trip: Trip, message: Message) -> bool:
        """Whether a message is what a span waits for; it is not if it tells of a loss and another copy is out. Where it is, the
        other copy is recalled.
        """
        number = trip.call.id
        self._watched.discard(number)
        other = self._pairs.pop(number, None)
        if other is None:
            return True
        del self._pairs[other]
        is_copy = self.copies.pop(number, None) is not None
        self.copies.pop(other, None)
        if isinstance(message, CallLost) or (isinstance(message, Outcome) and message.pushed is not None):
            return False
        errand, fan = trip.errand, trip.errand.frame.fans[trip.errand.number]
        if is_copy:
            self.board.events.append(CopyWon(fan.task.name, fan.task.axis, errand.frame.where, errand.lo, errand.hi))
        self._watched.discard(other)
        self.board.recall(other)
        return True

    def _idles(self, room: Room) -> bool:
        return room.load < room.slots and not room.ready

    def _limit(self, trip: Trip) -> float | None:
        """Seconds after which a call takes too long; None if that cannot be said, or it may not be doubled."""
        errand, call = trip
        if errand.purpose is not Purpose.SPAN or not self._is_pure(call.code) or call.needs or errand.toll:
            return None
        took = self._took.get(errand.frame.fans[errand.number].task, ())
        return max(LEAST, TIMES * median(took) * (errand.hi - errand.lo)) if len(took) >= KNOWN else None

    def _is_pure(self, code: Code) -> bool:
        known = self.board.policies
        return bool(code.origins) and all(name in known and known[name].pure for name in code.origins)
