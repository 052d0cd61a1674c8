"""SIGINT and SIGTERM: the first unwinds the run, so that its workers end; a second, or a run that won't end, is final.

Theory: a signal becomes an exception in the main thread, and every `finally` between there and the command closes what
it opened. That can take long where a thread cannot be killed, or fail where a user's function swallows the exception,
so a timer stands behind it. Worker processes end with this one in whatever way it ends.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from types import FrameType
from typing import NoReturn

__all__ = ["GRACE", "Terminated", "exit_code", "heed"]

GRACE = 5.0
"""Seconds that a run has to end after a signal."""

_received: list[int] = []


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived. Like Ctrl-C it is no failure of the function that it goes through."""


def heed() -> None:
    """From now on signals unwind the main thread. One that the parent has this process ignore stays ignored."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def exit_code(error: BaseException | None = None) -> int | None:
    """128 and the number of the signal that ended the run, or None if none did."""
    if not _received and isinstance(error, SystemExit) and error.code == signal.SIGTERM:
        return 128 + signal.SIGTERM  # Ray puts a handler of its own in the place of ours, which exits like this
    return 128 + _received[0] if _received else None


def _stop(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001  the signature of a handler
    if _received:
        os._exit(128 + number)
    _received.append(number)
    timer = threading.Timer(GRACE, _give_up, (number,))
    timer.daemon = True
    timer.start()
    raise KeyboardInterrupt if number == signal.SIGINT else Terminated


def _give_up(number: int) -> None:
    what = "interrupted" if number == signal.SIGINT else "terminated"
    with suppress(OSError):
        os.write(2, f"{what}; what ran did not end within {GRACE:g} s and was left\n".encode())
    os._exit(128 + number)
