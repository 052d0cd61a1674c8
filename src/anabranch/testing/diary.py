"""What all processes of a test write down together: which calls began where, and which processes there are.

Theory: a line that is written with one `write` to a file opened for appending is never torn or lost, whoever else writes,
and the position after it says what stood before; so attempts are counted across processes without a lock, and the count
outlives the process that was killed right after it. A process is known by its id and the time it began, for ids are used
again: what is to be killed must be the very process that was written down.

This module never knows what becomes of a call.
"""

from __future__ import annotations

import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

__all__ = ["Diary", "Entry", "Worker"]


class Entry(NamedTuple):
    """A call that began: the function, the item, and in which process."""

    node: str
    item: tuple[int, ...]
    pid: int


class Worker(NamedTuple):
    """A process on this machine, and when it began in the kernel's own time (0 where that cannot be told)."""

    pid: int
    began: int

    @classmethod
    def this(cls) -> Worker:
        """The process that asks."""
        return cls(os.getpid(), _began(os.getpid()))

    @property
    def is_alive(self) -> bool:
        """Whether it runs; one that has ended and was not waited for does not."""
        try:
            os.kill(self.pid, 0)
        except (ProcessLookupError, PermissionError):
            return False
        return _began(self.pid) == self.began

    def kill(self) -> bool:
        """Kills it with SIGKILL, and no other that has its id by now; False if it had ended."""
        try:
            handle = os.pidfd_open(self.pid) if hasattr(os, "pidfd_open") else -1
        except ProcessLookupError:
            return False
        try:
            if not self.is_alive:
                return False
            if handle < 0:
                os.kill(self.pid, signal.SIGKILL)
            else:
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        except ProcessLookupError:
            return False
        finally:
            if handle >= 0:
                os.close(handle)
        return True


@dataclass(frozen=True, slots=True)
class Diary:
    """A folder in which processes of one machine write down what they do. Travels between them as its path."""

    folder: str

    def begin(self, node: str, item: tuple[int, ...]) -> int:
        """A call begins; says which attempt it is, from 1, over all processes."""
        line, end = self._note(node, item)
        return _beginning(self._calls, end, line[: line.rindex(b" ") + 1])

    def note(self, node: str, item: tuple[int, ...]) -> None:
        """A call begins; nobody asks which attempt it is, so nobody counts."""
        self._note(node, item)

    def _note(self, node: str, item: tuple[int, ...]) -> tuple[bytes, int]:
        self._introduce()
        line = f"{_key(node, item)}{os.getpid()}]\n".encode()
        return line, _append(self._calls, line)

    def calls(self) -> list[Entry]:
        """All calls that have begun, in order."""
        return [Entry(node, tuple(item), pid) for node, item, pid in map(json.loads, _lines(self._calls))]

    def workers(self) -> list[Worker]:
        """The processes in which a call has begun, and that are still there."""
        known = (Worker(*json.loads(line)) for line in _lines(self._workers))
        return [worker for worker in known if worker.is_alive]

    @property
    def _calls(self) -> str:
        return os.path.join(self.folder, "calls")

    @property
    def _workers(self) -> str:
        return os.path.join(self.folder, "workers")

    def _introduce(self) -> None:
        """Writes this process down, once."""
        if (self.folder, os.getpid()) not in _introduced:
            _introduced.add((self.folder, os.getpid()))
            _append(self._workers, f"{json.dumps(Worker.this())}\n".encode())


_introduced: set[tuple[str, int]] = set()


def _key(node: str, item: tuple[int, ...]) -> str:
    """How the line of a call begins."""
    return f"[{json.dumps(node)}, {json.dumps(item)}, "


def _append(path: str, line: bytes) -> int:
    """Writes a line at the end of a file; returns where it ends there."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(file, line)
        return os.lseek(file, 0, os.SEEK_CUR)
    finally:
        os.close(file)


def _beginning(path: str, end: int, key: bytes) -> int:
    """How many lines of a file's first `end` bytes begin so."""
    with open(path, "rb") as file:
        return sum(line.startswith(key) for line in file.read(end).splitlines())


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except FileNotFoundError:
        return []


def _began(pid: int) -> int:
    """When a process began, in ticks since the machine did; 0 if there is none, it has ended, or there is no `/proc`."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    fields = text[text.rindex(")") + 2 :].split()
    return 0 if fields[0] in "ZX" else int(fields[19])
