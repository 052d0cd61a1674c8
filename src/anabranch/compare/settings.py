"""What can be compared: an executor with a number of workers.

Theory: the sequential executor is what all else is measured by, as it has nothing to hand over and one worker. How many
workers are tried, if nobody says so, are the powers of two up to what there are processors, and at least two: what is waiting
gains from a second worker even where there is one processor.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from anabranch.errors import InputError, nearest_or_all
from anabranch.registry import known_executors

__all__ = ["EXECUTORS", "SEQUENTIAL", "Setting", "processors", "settings_of"]

SEQUENTIAL = "sequential"
EXECUTORS = (SEQUENTIAL, "threads", "processes")
"""What is tried if nobody says so: what is always there."""


@dataclass(frozen=True, slots=True)
class Setting:
    """An executor, by name, with so many workers."""

    executor: str
    workers: int = 1

    @property
    def label(self) -> str:
        """``processes × 4``."""
        return self.executor if self.executor == SEQUENTIAL else f"{self.executor} × {self.workers}"

    @property
    def plainness(self) -> tuple[int, int]:
        """Of two that are as quick, the lesser is to be taken: it needs less of the machine, and of the functions."""
        order = {name: number for number, name in enumerate(EXECUTORS)}
        return order.get(self.executor, len(order)), self.workers

    @property
    def options(self) -> dict[str, int]:
        """What the executor is made with."""
        return {} if self.executor == SEQUENTIAL else {"workers": self.workers}


def processors() -> int:
    """How many this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not everywhere
        return os.cpu_count() or 1


def settings_of(executors: Sequence[str] = (), workers: Sequence[int] = ()) -> list[Setting]:
    """Every executor with every number of workers, the plainest first.

    Args:
        executors: by name; without any, those that are always there.
        workers: numbers of workers; without any, powers of two up to the number of processors.

    Raises:
        InputError: an executor is unknown, or a number is none of workers.
    """
    known = [one.name for one in known_executors()]
    for name in executors:
        if name not in known:
            raise InputError(f"unknown executor '{name}'{nearest_or_all(name, known)}")
    for number in workers:
        if number < 1:
            raise InputError(f"a comparison is of one worker or more, not {number}")
    counts = tuple(workers) or _counts()
    found = {
        Setting(name, 1 if name == SEQUENTIAL else number) for name in executors or EXECUTORS for number in counts
    }
    return sorted(found, key=lambda setting: (setting.plainness, setting.executor))


def _counts() -> tuple[int, ...]:
    most = max(processors(), 2)
    powers = [2**n for n in range(1, most.bit_length()) if 2**n <= most]
    return tuple(dict.fromkeys([*powers, most]))
