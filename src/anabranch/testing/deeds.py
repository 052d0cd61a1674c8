"""What can befall a call on purpose: the faults by name, and how each is done.

Theory: each is the real thing. A process that is to be killed is killed by the kernel, memory that is to run out is taken
first, and what is not to travel does not.

This module never knows who asks for a fault, or why.
"""

from __future__ import annotations

import ctypes
import os
import signal
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NoReturn, get_args

__all__ = ["DEADLY", "DEEDS", "FAULTS", "GATED", "Fault", "Struck"]

Fault = Literal[
    "ok", "raise", "hang", "deaf", "stuck", "kill", "oom", "exit", "segfault", "unpicklable", "unloadable", "foreign"
]
"""What befalls an attempt; see `anabranch.testing.chaos`."""

FAULTS: Final[tuple[Fault, ...]] = get_args(Fault)

GATED: Final = frozenset[Fault]({"hang", "deaf"})
"""What waits to be released."""

DEADLY: Final = frozenset[Fault]({"stuck", "kill", "oom", "exit", "segfault"})
"""What ends or stops the whole process."""


class Struck(Exception):
    """What a function raises by plan."""


class Foreign(Exception):
    """An exception that pickles, and does not unpickle."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _unloaded, ()


class Unloadable:
    """A value that pickles, and does not unpickle."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _unloaded, ()


def _unloaded() -> NoReturn:
    raise Struck("by plan this cannot be unpickled")


def _raise(place: str) -> NoReturn:
    raise Struck(f"{place} failed by plan")


def _foreign(place: str) -> NoReturn:
    raise Foreign(f"{place} failed by plan")


def _kill(_: str) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("dead")


def _oom(place: str) -> NoReturn:
    taken = [b"\1" * (1 << 20) for _ in range(64)]  # written to, so that they are there
    _kill(f"{place} has {len(taken)} MiB")


def _exit(_: str) -> NoReturn:
    os._exit(3)


def _segfault(_: str) -> NoReturn:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.string_at(0)
    raise AssertionError("dead")


def _stuck(_: str) -> NoReturn:
    python = ctypes.PyDLL(None)  # what is called through it keeps the interpreter's lock
    mutex = ctypes.create_string_buffer(128)
    python.pthread_mutex_init(mutex, None)
    python.pthread_mutex_lock(mutex)
    python.pthread_mutex_lock(mutex)  # which no signal ends
    raise AssertionError("stuck")


DEEDS: Final[Mapping[Fault, Callable[[str], Any]]] = {
    "raise": _raise,
    "stuck": _stuck,
    "kill": _kill,
    "oom": _oom,
    "exit": _exit,
    "segfault": _segfault,
    "unpicklable": lambda _: threading.Lock(),
    "unloadable": lambda _: Unloadable(),
    "foreign": _foreign,
}
"""What is done instead of calling the function; it is told the call's place, for messages."""
