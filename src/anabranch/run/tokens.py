"""What there is of the machine that the run divides among its calls: taken when a call goes out, given back when it is over.

Theory: who needs nothing in particular waits for nobody. Of those who do, the one that waits longest is first: what it lacks is
not given to anybody else of its place until it has it, or large calls would wait for ever behind small ones.

This module never knows where a call runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil
from typing import TYPE_CHECKING

from anabranch.executor import Call
from anabranch.placement import Resources
from anabranch.plan import Toll
from anabranch.run.gates import Gates

if TYPE_CHECKING:
    from anabranch.run.fan import FanState
    from anabranch.run.rooms import Room

__all__ = ["Tokens", "slots_taken"]


class Tokens:
    """Amounts that are free, by name. What has no name here is not divided by us."""

    def __init__(self, totals: Mapping[str, float], gates: Gates) -> None:
        self.totals = dict(totals)
        self.free = dict(totals)
        self.gates = gates

    def take(self, needs: Resources) -> None:
        """A call goes out."""
        for name, amount in needs.amounts.items():
            if name in self.free:
                self.free[name] -= amount

    def give(self, needs: Resources) -> None:
        """It is over."""
        for name, amount in needs.amounts.items():
            if name in self.free:
                self.free[name] += amount

    def lacks(self, needs: Resources) -> set[str]:
        """Of what there is not enough now; rounding of fractions is not held against anybody."""
        return {name for name, amount in needs.amounts.items() if name in self.free and amount > self.free[name] + 1e-9}

    def most(self, needs: Resources, slots: int) -> int:
        """How many such calls can run at the same time."""
        known = ((amount, self.totals[name]) for name, amount in needs.amounts.items() if name in self.totals)
        return max(1, min([slots, *(int(total / amount + 1e-9) for amount, total in known)]))

    def choose(self, room: Room, toll: Callable[[Call], Toll]) -> str:
        """Puts first what can go out of a place now: of the calls that are ready, or of the fans that can be cut.

        Args:
            room: the place.
            toll: says what a call has to pass.

        Returns:
            ``ready``, ``stack``, or nothing if nothing can.
        """
        awaited: set[str] = set()
        for number, call in enumerate(room.ready):
            if self._may_go(room, (call.needs, toll(call)), awaited):
                del room.ready[number]
                room.ready.appendleft(call)
                return "ready"
        for fan in reversed(room.stack):
            if self._may_cut(room, fan, awaited):
                room.stack.remove(fan)
                room.stack.append(fan)
                return "stack"
        return ""

    def _may_cut(self, room: Room, fan: FanState, awaited: set[str]) -> bool:
        if not fan.is_open:
            return True  # it only has to be taken off
        if fan.task.needs_code is not None and room.ready:
            return False  # what has been cut off it waits already
        if fan.task.toll.inside and fan.may_open(fan.cut):
            return True  # what is inside passes by itself
        return self._may_go(room, (fan.task.needs, fan.task.toll), awaited)

    def _may_go(self, room: Room, wants: tuple[Resources, Toll], awaited: set[str]) -> bool:
        needs, toll = wants
        if not (needs or toll):
            return True
        names = needs.amounts.keys() | toll.calls.keys()
        lacking = (self.lacks(needs) if room.is_local else set()) | self.gates.closed(toll.calls)
        if not (lacking or awaited & names) and room.has_slots(needs, at_once=bool(toll)):
            return True
        awaited |= lacking or names
        return False


def slots_taken(needs: Resources, slots: int) -> int:
    """How many slots of a place a call takes: as many as processors."""
    return min(ceil(needs.cpus or 1), slots) or 1
