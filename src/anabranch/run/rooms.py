"""A place as a run sees it: how many calls it takes, which it has, and what waits to go there.

Each place has credit of its own, so that none waits for another: what waits for a busy one leaves the others alone.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from anabranch.executor import Call

if TYPE_CHECKING:
    from anabranch.run.fan import FanState

__all__ = ["Capacity", "Room"]


class Capacity(NamedTuple):
    """How many calls run at a place at the same time, and how many it may be given."""

    slots: int
    credit: int


class Room:
    """What a run has at one place.

    Attributes:
        slots: how many calls run there at the same time.
        credit: how many may be out.
        out: the calls that are.
        ready: calls that wait for credit.
        stack: fans that can be cut, the one that opened last on top.
    """

    __slots__ = ("credit", "out", "ready", "slots", "stack")

    def __init__(self, capacity: Capacity) -> None:
        self.slots, self.credit = capacity
        self.out: set[int] = set()
        self.ready: deque[Call] = deque()
        self.stack: list[FanState] = []

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is out and nothing waits."""
        return not (self.out or self.ready or self.stack)
