"""What is left behind: threads, child processes and shared memory that were not there before, and have not ended in good time.

Processes and memory are seen where there is `/proc`; elsewhere only threads are.
"""

from __future__ import annotations

import gc
import os
import select
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

__all__ = ["Surroundings"]

HELPERS = ("multiprocessing.resource_tracker", "multiprocessing.forkserver", "loky.backend.resource_tracker")
"""Processes that the standard library and loky start once per interpreter, and keep."""

OWN_LOOP = "anabranch event loop"
"""The thread in which a process runs coroutines, from the first one on."""

SEGMENT = "memfd:anabranch"
"""What files in memory that hold values are called."""


@dataclass(frozen=True)
class Surroundings:
    """The threads and child processes, grandchildren included, that there are at one time, and the shared memory that this
    process holds.
    """

    threads: frozenset[threading.Thread]
    children: frozenset[int]
    segments: frozenset[str]

    @classmethod
    def now(cls) -> Surroundings:
        """What there is."""
        return cls(frozenset(threading.enumerate()), frozenset(_descendants(os.getpid())), frozenset(_segments()))

    def left_behind(self, patience: float = 10.0, known_threads: tuple[str, ...] = ()) -> list[str]:
        """What has come since and does not end within `patience` seconds, in words.

        Args:
            patience: how long to wait for it.
            known_threads: beginnings of the names of threads that libraries start once and keep.
        """
        until = monotonic() + patience
        if set(threading.enumerate()) - self.threads or set(_descendants(os.getpid())) - self.children or self._new_segments():
            gc.collect()  # a driver that nobody closed ends its workers when it is collected, and values go with what has them
        threads = [
            thread for thread in threading.enumerate() if thread not in self.threads and not _may_stay(thread, known_threads)
        ]
        for thread in threads:
            thread.join(max(0.0, until - monotonic()))
        children = [pid for pid in _descendants(os.getpid()) if pid not in self.children]
        left = [f"process {pid}: {_command(pid)}" for pid in children if not _ends(pid, until)]
        left += [f"shared memory {inode}" for inode in sorted(self._new_segments())]
        return [f"thread {thread.name}" for thread in threads if thread.is_alive()] + left

    def _new_segments(self) -> set[str]:
        return _segments() - self.segments


def _may_stay(thread: threading.Thread, known: tuple[str, ...]) -> bool:
    """The caller itself, a test runner's timer, the event loop of this process, and what a foreign thread looks like that once
    ran some Python.
    """
    foreign = isinstance(thread, threading._DummyThread)  # noqa: SLF001  there is no other way to tell
    return foreign or thread is threading.current_thread() or thread.name.startswith(("pytest_timeout", OWN_LOOP, *known))


def _descendants(pid: int) -> list[int]:
    found = []
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(child) for child in listing.read_text().split()]
        except OSError:  # it has just ended
            continue
        for child in children:
            found += [child, *_descendants(child)]
    return found


def _segments() -> set[str]:
    """The inodes of what this process has open or mapped of the memory that local workers share with it."""
    found: set[str] = set()
    with suppress(OSError):
        lines = Path("/proc/self/maps").read_text().splitlines()
        found.update(line.split()[4] for line in lines if SEGMENT in line)
        for entry in Path("/proc/self/fd").iterdir():
            with suppress(OSError):  # it has been closed just now
                if SEGMENT in str(entry.readlink()):
                    found.add(str(entry.stat().st_ino))
    return found


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def _ends(pid: int, until: float) -> bool:
    """Whether it is one that may stay, or ends in time; a process that has ended and was not waited for has ended."""
    if any(helper in _command(pid) for helper in HELPERS):
        return True
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return True
    try:
        return bool(select.select([handle], [], [], max(0.0, until - monotonic()))[0])
    finally:
        os.close(handle)
