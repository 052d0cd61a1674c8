"""Limits at work: whose turn it is to call what many call, and who has to wait.

Theory: each key has a *gate*. A call that goes through a gate with a rate closes it for as long as its turn lasts, and the
engine says when it is over (`Pace`); a gate with a concurrency lets no more through than that. What was called besides
(attempts made where the function ran, items of a loop inside of a span) is known when the call is back, and lengthens the next
turn; results that were found instead of computed shorten it. So over time the rate is what it should be.

A call that was told to come again closes the gate for longer, and halves what it lets through. The calls that were out with
it are told the same, which counts once.

This module never knows the time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import count

from anabranch.limits import Limit
from anabranch.run.commands import Later, Pace

__all__ = ["Gates"]

SLOWEST = 1 / 64
"""A rate is never slowed down to less than this share of what it may be."""

RECOVERY = 0.05
"""By so much of what it may be a rate grows again with each call that goes well."""

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds for which a gate is closed when a call is told to come again, and does not say when: twice as many each time."""

BATCH = 0.01
"""Seconds of turns that a call may have together: more than 1/BATCH calls a second go out several at a time."""


class Gate:
    """The calls of one key."""

    __slots__ = ("allowed", "debt", "inside", "is_open", "limit", "pushes", "share", "since")

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.is_open = True
        self.inside = 0
        self.debt = 0
        self.share = 1.0
        self.allowed = float(limit.concurrency or 0)
        self.pushes = 0
        self.since = -1

    @property
    def lets_in(self) -> bool:
        """Whether one more may pass now."""
        return self.is_open and not (self.limit.concurrency and self.inside >= int(self.allowed))

    def turn(self, calls: int) -> float:
        """The seconds that the turn of so many calls takes, with what is owed."""
        owed, self.debt = max(0, calls + self.debt), min(0, calls + self.debt)
        return owed * self.limit.interval / self.share

    def went_well(self) -> None:
        """A call came back with an answer."""
        self.pushes = 0
        self.share = min(1.0, self.share + RECOVERY)
        if self.limit.concurrency:
            self.allowed = min(self.limit.concurrency, self.allowed + 1 / self.allowed)

    def was_pushed(self, call: int, asked: float, newest: int) -> float:
        """A call was told to come again; the seconds for which nobody may pass, 0 if it is no news."""
        if call <= self.since:
            return 0.0
        self.since = newest
        self.share = max(SLOWEST, self.share / 2)
        self.allowed = max(1.0, self.allowed / 2)
        self.pushes += 1
        return asked or min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (self.pushes - 1))


class Gates:
    """The gates of a run.

    Args:
        limits: by key.
        numbers: gives alarms their numbers.
    """

    def __init__(self, limits: Mapping[str, Limit], numbers: count[int]) -> None:
        self.gates = {key: Gate(limit) for key, limit in limits.items()}
        self.alarms: dict[int, Gate] = {}
        self._numbers = numbers

    def closed(self, keys: Iterable[str]) -> set[str]:
        """Those of the keys whose gates let nobody in now."""
        return {key for key in keys if not self.gates[key].lets_in}

    def most(self, keys: Mapping[str, int]) -> int | None:
        """How many items may go together; None for any number."""
        found = None
        for key, calls in keys.items():
            limit = self.gates[key].limit
            if limit.back_off:
                return 1  # so that what is told to come again is alone
            if limit.interval:
                each = max(1, int(BATCH / limit.interval / max(calls, 1)))
                found = each if found is None else min(found, each)
        return found

    def slots(self, keys: Iterable[str], slots: int) -> int:
        """How many calls can run at the same time."""
        return min([slots, *(limit.concurrency for key in keys if (limit := self.gates[key].limit).concurrency)])

    def enter(self, keys: Mapping[str, int], items: int) -> Iterator[Pace]:
        """A call of so many items goes out."""
        for key, calls in keys.items():
            gate = self.gates[key]
            gate.inside += 1
            if gate.limit.interval and (seconds := gate.turn(calls * items)):
                yield Pace(self._close(gate), gate.limit.key, seconds)

    def leave(self, keys: Iterable[str]) -> None:
        """It is out no more."""
        for key in keys:
            self.gates[key].inside -= 1

    def answered(self, besides: Mapping[str, int]) -> None:
        """A call came back with an answer; `besides` is how many calls were made, by key, that it had no turns for."""
        for key, calls in besides.items():
            self.gates[key].went_well()
            self.gates[key].debt += calls

    def pushed(self, keys: Iterable[str], call: int, asked: float, newest: int) -> Iterator[Later]:
        """A call was told to come again, and when, if it was told that."""
        for key in keys:
            gate = self.gates[key]
            if gate.limit.back_off and (seconds := gate.was_pushed(call, asked, newest)):
                yield Later(self._close(gate), seconds)

    def due(self, alarm: int) -> None:
        """A turn is over."""
        gate = self.alarms.pop(alarm)
        gate.is_open = gate not in self.alarms.values()

    def _close(self, gate: Gate) -> int:
        """Closes it until the alarm of this number."""
        gate.is_open = False
        alarm = next(self._numbers)
        self.alarms[alarm] = gate
        return alarm
