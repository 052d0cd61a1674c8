"""A place as a run sees it: how many calls it takes, which it has, and what waits to go there.

Each place has credit of its own, so that none waits for another: what waits for a busy one leaves the others alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from anabranch.executor import Call
from anabranch.placement import Resources
from anabranch.run.tokens import slots_taken

if TYPE_CHECKING:
    from anabranch.run.fan import FanState

__all__ = ["Capacity", "Room"]


class Capacity(NamedTuple):
    """How many calls run at a place at the same time, how many it may be given, whether the run divides what it has, and
    what one call may need at most, if that is known.
    """

    slots: int
    credit: int
    is_local: bool = False
    limits: Mapping[str, float] | None = None


class Room:
    """What a run has at one place.

    Attributes:
        slots: how many calls run there at the same time.
        credit: how many may be out.
        limits: what one call may need at most; None if nobody knows.
        is_local: whether what calls need there is for the run to divide.
        out: the calls that are.
        load: how many slots they take, or will.
        ready: calls that wait for credit.
        stack: fans that can be cut, the one that opened last on top.
    """

    __slots__ = ("credit", "is_local", "limits", "load", "out", "ready", "slots", "stack")

    def __init__(self, capacity: Capacity) -> None:
        self.slots, self.credit, self.is_local, self.limits = capacity
        self.out: set[int] = set()
        self.load = 0
        self.ready: deque[Call] = deque()
        self.stack: list[FanState] = []

    def enter(self, call: Call) -> None:
        """A call goes out."""
        self.out.add(call.id)
        self.load += slots_taken(call.needs, self.slots) if call.needs and self.is_local else 1

    def leave(self, call: Call) -> None:
        """It is out no more, if it was."""
        if call.id in self.out:
            self.out.remove(call.id)
            self.load -= slots_taken(call.needs, self.slots) if call.needs and self.is_local else 1

    def has_slots(self, needs: Resources, *, at_once: bool = False) -> bool:
        """Whether a call with such needs would run at once: it must not hold what it needs while it waits. Elsewhere that is
        not for us to say, but for what has its turn now.
        """
        if not self.is_local:
            return not at_once or self.load < self.slots
        return self.load + slots_taken(needs, self.slots) <= self.slots

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is out and nothing waits."""
        return not (self.out or self.ready or self.stack)
