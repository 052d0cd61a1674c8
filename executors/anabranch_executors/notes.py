"""What workers of other engines write down of their calls, to be read when they are dead.

Theory: Ray and Dask say that a worker died and which calls were lost with it, but not which of them were running, and seldom
of what it died. So a worker on the driver's machine writes a record when it begins a call and when it has ended it, into
memory that is the driver's: a file without a name, which it finds among the driver's open files in `/proc`. What is there
outlives the worker and ends with the driver; there is nothing to tidy up. A call that had not begun, or was over and its
answer on its way, is not what the worker died of.

Some deaths are foretold by the process itself, and it writes them down too where it is asked to: `os._exit`, and the signals
that `faulthandler` sees. What is left is a signal that nobody can see. One of these is known beforehand: that of the timer by
which a process ends where a function takes too long; so who has a time limit is written down with it (it is a
`anabranch.deadline.Slate`), and where the time was up the death is what the limit asked for.

Invariant: who cannot write is not taken for one who has not begun: records count only when one of an answered call has been
seen.

This module never knows which engine there is.
"""

from __future__ import annotations

import faulthandler
import json
import os
import re
import socket
import struct
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum
from time import monotonic
from typing import Final, NamedTuple, NoReturn

from anabranch.deadline import too_long

__all__ = ["Limited", "Loss", "Note", "Notes", "Slate", "begin", "end", "named"]

RECORD: Final = struct.Struct("<BBxxi")
"""How far a call has come, the exit code, and the process."""

LAST_WORDS: Final = 1 << 40
"""Where in the file what `faulthandler` says begins: a page for each process."""

PAGE: Final = 1 << 16

FATAL: Final = {"Segmentation": "SIGSEGV", "Bus": "SIGBUS", "Aborted": "SIGABRT", "Illegal": "SIGILL", "Floating": "SIGFPE"}
"""The signals, by the first word that `faulthandler` has for each."""

LIMITS: Final = 1 << 50
"""Where in the file what has a time limit begins: so many bytes for each call."""

ROOM: Final = 1 << 10

LEASES: Final = 8
"""So many leases' files a worker keeps open."""

PATIENCE: Final = 50
"""So many calls in a row may be lost that were not running; then something is wrong with the workers, and they are charged."""


class Step(IntEnum):
    """How far a call has come."""

    UNKNOWN = 0
    BEGUN = 1
    ENDED = 2
    EXITED = 3


class Note(NamedTuple):
    """Where a worker writes down a call; travels with it."""

    path: str
    token: str
    ticket: int


class Limited(NamedTuple):
    """A function that may take so many seconds for one item, by when its time is up, and how long it may take."""

    node: str
    where: tuple[int, ...]
    until: float
    seconds: float


class Loss(NamedTuple):
    """What is known of a call that was lost: whether it may be what the worker died of, of what it died, and which it was;
    and the function whose time was up, if that was why.
    """

    charged: bool
    reason: str = ""
    worker: str = ""
    overdue: Limited | None = None


class Notes:
    """The driver's side: the records of one lease.

    Args:
        are_kept: whether workers are on this machine, so that they can write.
    """

    def __init__(self, *, are_kept: bool) -> None:
        self._token = os.urandom(8).hex()
        self._file = -1
        self._lock = threading.Lock()
        self._reliable = False
        self._idle_deaths = 0
        if are_kept and sys.platform == "linux":
            self._file = os.memfd_create(f"notes of anabranch {self._token}", os.MFD_CLOEXEC)

    def of(self, ticket: int) -> Note | None:
        """What is to travel with a call; None where workers cannot write."""
        path = f"/proc/{os.getpid()}/fd/{self._file}"
        return Note(path, self._token, ticket) if self._file >= 0 else None

    def answered(self, ticket: int) -> None:
        """A call was answered: if it was written down, then records count."""
        self._idle_deaths = 0
        if not self._reliable:
            self._reliable = self._read(ticket)[0] is not Step.UNKNOWN

    def lost(self, ticket: int) -> Loss:
        """A call was lost with its worker."""
        step, code, pid = self._read(ticket)
        if step in (Step.UNKNOWN, Step.ENDED):
            self._idle_deaths += 1
            return Loss(not self._reliable or self._idle_deaths > PATIENCE, worker=named(pid) if pid else "")
        reason = f"exit code {code}" if step is Step.EXITED else self._last_words(pid)
        overdue = None if reason else self._overdue(ticket)
        return Loss(True, too_long(overdue.node, overdue.seconds) if overdue else reason, named(pid), overdue)

    def close(self) -> None:
        """Frees the memory."""
        with self._lock:
            file, self._file = self._file, -1
            if file >= 0:
                os.close(file)

    def _read(self, ticket: int) -> tuple[Step, int, int]:
        with self._lock:
            data = os.pread(self._file, RECORD.size, ticket * RECORD.size) if self._file >= 0 else b""
        step, code, pid = RECORD.unpack(data) if len(data) == RECORD.size else (0, 0, 0)
        return Step(step), code, pid

    def _overdue(self, ticket: int) -> Limited | None:
        """The function whose time was up when its process ended, if one had a limit."""
        with self._lock:
            said = os.pread(self._file, ROOM, LIMITS + ticket * ROOM) if self._file >= 0 else b""
        text = said.partition(b"\n")[0].strip(b"\0")
        if not text:
            return None
        node, where, until, seconds = json.loads(text)
        return Limited(node, tuple(where), until, seconds) if until <= monotonic() else None

    def _last_words(self, pid: int) -> str:
        """The signal that `faulthandler` saw, and where the process was then; empty if it saw none."""
        with self._lock:
            said = os.pread(self._file, PAGE, LAST_WORDS + pid * PAGE) if self._file >= 0 else b""
        found = re.search(rb"Fatal Python error: ([A-Z][a-z]+)", said)
        if found is None:
            return ""
        signal = FATAL.get(found[1].decode(), found[1].decode())
        place = re.search(r'File "(.*)", line (\d+) in (.*)', said.decode(errors="replace"))
        return f"killed by {signal}" + (f" in {place[3]} ({place[1]}:{place[2]})" if place else "")


def named(pid: int) -> str:
    """What a process of this machine is called."""
    return f"{socket.gethostname()}:{pid}"


# In the worker.


def begin(note: Note | None, *, confess: bool = False) -> None:
    """Writes down that a call begins in this process.

    Args:
        note: where; None does nothing.
        confess: also have written down how the process ends, if it ends by itself.
    """
    if note is not None:
        with suppress(OSError):  # the driver has gone
            _pen.begin(note, confess=confess)


def end(note: Note | None) -> None:
    """Writes down that a call has ended, and only its answer remains to be sent."""
    if note is not None:
        with suppress(OSError):
            _pen.end(note)


class Slate:
    """Where a call writes down which function of it has a time limit now: to be read when its process has been ended."""

    def __init__(self, note: Note) -> None:
        self._note = note

    def write(self, node: str, where: tuple[int, ...], seconds: float) -> None:
        """A function begins."""
        text = json.dumps((node, where, monotonic() + seconds, seconds)).encode() + b"\n"
        self._put(text if len(text) <= ROOM else b"\n")

    def wipe(self) -> None:
        """It has ended."""
        self._put(b"\n")

    def _put(self, text: bytes) -> None:
        with suppress(OSError):  # the driver has gone
            _pen.limit(self._note, text)


class _Pen:
    """The driver's files that this process writes into: of the last few leases."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: dict[str, int] = {}
        self._call: tuple[int, int, int] | None = None  # the file, ticket and process of which the end is to be told
        self._words = -1

    def begin(self, note: Note, *, confess: bool) -> None:
        """Writes the record of a call.

        Raises:
            OSError: the file is not there, or another one.
        """
        with self._lock:
            file = self._opened(note)
            os.pwrite(file, RECORD.pack(Step.BEGUN, 0, os.getpid()), note.ticket * RECORD.size)
            if confess:
                self._confess(file, note.ticket)

    def end(self, note: Note) -> None:
        """Writes the record of a call that has ended.

        Raises:
            OSError: as above.
        """
        with self._lock:
            os.pwrite(self._opened(note), RECORD.pack(Step.ENDED, 0, os.getpid()), note.ticket * RECORD.size)

    def limit(self, note: Note, text: bytes) -> None:
        """Writes what has a time limit in a call.

        Raises:
            OSError: as above.
        """
        with self._lock:
            os.pwrite(self._opened(note), text, LIMITS + note.ticket * ROOM)

    def _opened(self, note: Note) -> int:
        if note.token not in self._files:
            if note.token not in os.readlink(note.path):
                raise FileNotFoundError(note.path)
            while len(self._files) >= LEASES:
                os.close(self._files.pop(next(iter(self._files))))
            self._files[note.token] = os.open(note.path, os.O_WRONLY | os.O_CLOEXEC)
        return self._files[note.token]

    def _confess(self, file: int, ticket: int) -> None:
        """From now on the end of this process is written down: `os._exit`, and fatal signals."""
        if self._call is None:
            os._exit = self._exit_noted(os._exit)  # type: ignore[assignment]
        if self._call is None or self._call[0] != file:
            before, self._words = self._words, os.dup(file)
            os.lseek(self._words, LAST_WORDS + os.getpid() * PAGE, os.SEEK_SET)
            faulthandler.enable(self._words, all_threads=False)
            if before >= 0:
                os.close(before)
        self._call = (file, ticket, os.getpid())

    def _exit_noted(self, leave: Callable[[int], NoReturn]) -> Callable[[int], NoReturn]:
        def noted(status: int) -> NoReturn:
            """Exits at once, and has it written down."""
            if self._call is not None and self._call[2] == os.getpid():  # and this is not a child
                file, ticket, pid = self._call
                with suppress(OSError, TypeError):
                    os.pwrite(file, RECORD.pack(Step.EXITED, status & 0xFF, pid), ticket * RECORD.size)
            leave(status)

        return noted


_pen = _Pen()
