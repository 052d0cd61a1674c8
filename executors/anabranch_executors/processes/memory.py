"""A limit to what a worker may hold in memory, enforced before the system would choose a victim.

Theory: nothing tells of a process that grows, so while calls run the workers are looked at every `EVERY` seconds, and only
if there is a limit: what the call that runs says that it needs, or else the executor's. What counts is what a worker has for
itself; memory that it shares with the driver does not.

This module never decides what becomes of the calls of a worker that was killed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from time import monotonic
from typing import Final

from anabranch.errors import ExecutorError
from anabranch_executors.processes.link import Link

__all__ = ["MemoryGuard", "bytes_of", "in_units"]

EVERY: Final = 0.1
UNITS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}


class MemoryGuard:
    """Kills workers that hold more than they may: `limit` bytes, where the call that runs says nothing else."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._due = 0.0

    def check(self, links: Iterable[Link], kill: Callable[[Link], None]) -> float | None:
        """Looks at the workers that run something; says in how many seconds to look again."""
        working = ((link, link.held[0].memory or self._limit) for link in links if link.held and not link.dying)
        busy = [(link, limit) for link, limit in working if limit is not None]
        if not busy:
            return None
        now = monotonic()
        if now < self._due:
            return self._due - now
        self._due = now + EVERY
        for link, limit in busy:
            held = own_memory(link.pid)
            if held > limit:
                link.fault = f"it held {in_units(held)} of memory, more than its limit of {in_units(limit)}"
                kill(link)
        return EVERY


def own_memory(pid: int) -> int:
    """The bytes of memory that a process has for itself; 0 where that cannot be told."""
    try:
        found = re.search(r"^RssAnon:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def bytes_of(text: str | int | None) -> int | None:
    """A size of memory: a number of bytes, or a text like ``"2GB"`` or ``"500 MiB"``.

    Raises:
        ExecutorError: it is none.
    """
    if text is None or (isinstance(text, int) and not isinstance(text, bool) and text > 0):
        return text
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmg]i?)?b?\s*", str(text), re.IGNORECASE)
    size = int(float(found[1]) * UNITS[(found[2] or "").lower()]) if found else 0
    if size <= 0:
        raise ExecutorError(f"memory_limit must be a size like '2GB' or a number of bytes, not {text!r}")
    return size


def in_units(size: int) -> str:
    """The size in words: ``1.3 GB``."""
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size} bytes"
