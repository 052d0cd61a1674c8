"""A limit to how long one measurement may take: a library that hangs is reported, and the others are measured.

The alarm reaches the main thread where it waits; a library that hangs in foreign code that never returns is not reached.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["TookTooLong", "limited"]


class TookTooLong(Exception):
    """A measurement did not end in time."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Ends the block with `TookTooLong` after so many seconds, where the system has alarms."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*_: object) -> None:
        raise TookTooLong(f"not done after {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
