"""One time line for workers whose clocks began at different moments.

Theory: a worker tells when a call began by its own monotonic clock. Workers of this machine share the driver's; a worker
elsewhere does not, and nobody can ask it for the time. But a call's end lies between its hand-over and the moment when its
answer is here. So where what a worker tells cannot be true by the driver's clock, its times are moved so that its quickest
answer took no time at all: the least move that keeps cause before effect.
"""

from __future__ import annotations

__all__ = ["Clocks"]

SLACK = 0.002
"""Seconds by which a clock of this machine may seem to be wrong."""


class Clocks:
    """Brings workers' times onto the driver's clock.

    Args:
        started: when the run began, by the driver's clock.
    """

    __slots__ = ("_moves", "started")

    def __init__(self, started: float) -> None:
        self.started = started
        self._moves: dict[str, float] = {}

    def begin(self, worker: str, started: float, seconds: float, now: float) -> float:
        """When the call began, by the driver's clock, in seconds since the run did. `now` is when it was known to be over."""
        move = self._moves.get(worker)
        late = now - (started + seconds)
        if move is None:
            is_ours = late >= -SLACK and started >= self.started - SLACK
            move = self._moves[worker] = 0.0 if is_ours else late
        elif move > late and move != 0.0:
            move = self._moves[worker] = late
        return max(started + move - self.started, 0.0)
