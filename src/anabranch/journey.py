"""What a call's way to its worker and back took: the part of its life that is neither the flow's nor the engine's.

Theory: a call changes hands six times. Who hands it on writes down when, by a clock of its own; so each part can be told,
and nobody has to be asked. A call that never left its process has no journey, and pays nothing for one.

::

    driver   ── packing ──▶ handed ──▶ sent                                        answered ── opening ──▶
    worker                  received ── unpacking ──▶ … started … over … ── returning ──▶ returned

This module never knows what travels, nor how.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from time import perf_counter
from typing import NamedTuple

__all__ = ["AT_HOME", "Footprint", "Journey", "Stay", "footprint"]


class Journey(NamedTuple):
    """What a call's way took; all of it 0 where it did not travel, and each part where nobody can tell.

    Moments are on the monotonic clock of who wrote them down, `received` the worker's and all others the driver's.

    Attributes:
        packing: seconds that the driver took to pickle the call.
        handed: when it had, and handed the call over.
        sent: when the call went to its worker; later than `handed` where it had to wait for one.
        received: when the worker took it up.
        unpacking: seconds that it took to unpickle it.
        returning: seconds that it took to pickle what came of the call.
        returned: when it had done that. What lies in between and is not of the functions themselves is what goes on around
            a call: a cache, adapters.
        answered: when the driver had the answer.
        opening: seconds that it took to unpickle it.
        given: bytes that went to the worker.
        brought: bytes that came back.
        memory: bytes that the worker had in memory for itself when the call was over.
        peak: the most that it has had in memory so far, what it shares with others included.
    """

    packing: float = 0.0
    handed: float = 0.0
    sent: float = 0.0
    received: float = 0.0
    unpacking: float = 0.0
    returning: float = 0.0
    returned: float = 0.0
    answered: float = 0.0
    opening: float = 0.0
    given: int = 0
    brought: int = 0
    memory: int = 0
    peak: int = 0

    def back(self, there: Journey, answered: float, opening: float, brought: int) -> Journey:
        """The whole way: this is the driver's half of it, and `there` the worker's."""
        return there._replace(
            packing=self.packing,
            handed=self.handed,
            sent=self.sent,
            answered=answered,
            opening=opening,
            given=self.given,
            brought=brought,
        )


AT_HOME = Journey()
"""Of a call that did not travel."""


class Stay:
    """A call's time with its worker, which writes down each step: made when it has the call."""

    __slots__ = ("over", "received", "unpacked")

    def __init__(self) -> None:
        self.received = self.unpacked = self.over = perf_counter()

    def began(self) -> None:
        """The call has been unpickled and is performed now."""
        self.unpacked = perf_counter()

    def ended(self) -> None:
        """It has been performed, and what came of it is pickled now."""
        self.over = perf_counter()

    def journey(self) -> Journey:
        """The worker's half of the journey; all is pickled."""
        now = perf_counter()
        memory, peak = footprint()
        return Journey(
            received=self.received,
            unpacking=self.unpacked - self.received,
            returning=now - self.over,
            returned=now,
            memory=memory,
            peak=peak,
        )


class Footprint(NamedTuple):
    """What a process has in memory for itself, and the most that it has had there so far; 0 where nobody can tell."""

    memory: int
    peak: int


def footprint() -> Footprint:
    """That of this process. It takes some microseconds."""
    memory = peak = 0
    with suppress(OSError, ValueError):
        statm = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _, resident, shared, *_ = os.read(statm, 128).split()
        finally:
            os.close(statm)
        memory = (int(resident) - int(shared)) * _PAGE
    if sys.platform != "win32":
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        peak = most if sys.platform == "darwin" else most * 1024
    return Footprint(memory, peak)


_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
