"""Writing a journal: one driver, in groups.

Theory: a record is put into a group at once and written with it: when the group is large, when it is a second old, or when its
driver says so. So a crash costs what happened within a second, and a span costs no system call. A group is one write at the
end of the file; if it fails half-way (a full disk), what was written of it is taken back, so that a later one does not follow
half a line. Nothing is forced to the disk unless `sync` is asked for: what was written survives the death of the process, but
not a loss of power.

The value that a record refers to must be stored before the record is added.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from weakref import WeakSet

from anabranch.errors import InputError
from anabranch.journal.folder import JOURNAL, fcntl, flock, gate
from anabranch.journal.lines import Chain
from anabranch.journal.records import Began, Ended, Record, Resumed, encoded
from anabranch.journal.story import Follower, Story
from anabranch.store.blobs import explained
from anabranch.store.seal import Seal

__all__ = ["Journal"]

LARGE: Final = 1 << 16
"""A group of so many bytes is written."""

OLD: Final = 1.0
"""A group that is so many seconds old is written."""


class Journal:
    """The journal of a run that is being driven by this process. Made by `begin` or `resume`; closed by `end` or `close`.

    Not for several threads at once: it belongs to the thread that drives the run.
    """

    __slots__ = ("__weakref__", "_chain", "_clock", "_file", "_first", "_good", "_group", "_seal", "_size", "path", "sync")

    def __init__(self, path: Path, file: int, chain: Chain, good: int, seal: Seal) -> None:
        self.path = path
        self.sync = False
        self._file = file
        self._chain = chain
        self._good = good
        self._seal = seal
        self._group: list[bytes] = []
        self._size = 0
        self._first = 0.0
        self._clock: Callable[[], float] = time.monotonic
        _open.add(self)

    @classmethod
    def begin(cls, folder: Path, record: Began, seal: Seal) -> Self:
        """Begins the journal of a new run.

        Raises:
            InputError: there is a run in this folder already.
            StoreError: it cannot be written.
        """
        path = folder / JOURNAL
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with gate(folder):
                file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
                _lock(file)
        except FileExistsError:
            raise InputError(f"there is a run in {folder} already; resume it, or give the new one another name") from None
        except OSError as error:
            raise explained(error, path, "a journal") from error
        journal = cls(path, file, Chain(), 0, seal)
        try:
            journal.add(record)
            journal.flush()
        except BaseException:
            journal.close()
            with suppress(OSError):
                path.unlink()
            raise
        return journal

    @classmethod
    def resume(
        cls, folder: Path, executor: str, seal: Seal, check: Callable[[Story], None] | None = None
    ) -> tuple[Self, Story]:
        """Takes a run over, and says what is done. What is behind a torn or damaged line is cut off; a copy is kept of damage.

        Args:
            folder: of the run.
            executor: on which it goes on.
            seal: of its lines.
            check: looks at the story before anything is written; if it raises, the run stays as it was.

        Raises:
            InputError: another process is driving the run.
            StoreError: the journal cannot be read or written, or says nothing.
        """
        path = folder / JOURNAL
        try:
            with gate(folder):
                file = os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
                try:
                    _lock(file)
                except BlockingIOError:
                    os.close(file)
                    raise InputError(f"the run in {folder} is running: another process drives it") from None
        except OSError as error:
            raise explained(error, path, "a journal") from error
        try:
            follower = Follower(folder, seal)
            tail = follower.tail()
            if check is not None:
                check(follower.story)
            if tail.is_damaged:
                _keep_copy(path)
            os.ftruncate(file, tail.good)
            os.lseek(file, tail.good, os.SEEK_SET)
            journal = cls(path, file, follower.lines.chain, tail.good, seal)
            record = Resumed(executor, os.getpid(), socket.gethostname(), time.time())
            journal.add(record)
            journal.flush()
        except OSError as error:
            os.close(file)
            raise explained(error, path, "a journal") from error
        except BaseException:
            os.close(file)
            raise
        follower.story.add([record])
        return journal, follower.story

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def add(self, record: Record) -> None:
        """Adds a record to the group, and writes the group if it is large or old.

        Raises:
            StoreError: it cannot be written; the group is kept for another try.
        """
        line = self._chain.line(encoded(record), self._seal)
        if not self._group:
            self._first = self._clock()
        self._group.append(line)
        self._size += len(line)
        if self._size >= LARGE or self.due() <= 0:
            self.flush()

    def due(self) -> float:
        """In how many seconds the group ought to be written; infinite if there is none."""
        return self._first + OLD - self._clock() if self._group else float("inf")

    def flush(self) -> None:
        """Writes the group.

        Raises:
            StoreError: it cannot be written; the group is kept for another try.
        """
        if not self._group or self._file < 0:
            return
        data = memoryview(b"".join(self._group))
        try:
            written = 0
            while written < len(data):
                written += os.write(self._file, data[written:])
            if self.sync:
                os.fsync(self._file)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._file, self._good)
                os.lseek(self._file, self._good, os.SEEK_SET)
            raise explained(error, self.path, "the journal") from error
        self._good += len(data)
        self._group.clear()
        self._size = 0

    def end(self, state: str, text: str = "") -> None:
        """Says how the run ended, writes all there is, and closes the journal.

        Raises:
            StoreError: it cannot be written.
        """
        try:
            self.add(Ended(state, text, time.time()))
            self.flush()
        finally:
            self.close()

    def close(self) -> None:
        """Lets go of the journal; what was not written is lost. May be called twice."""
        if self._file >= 0 and flock is not None:
            with suppress(OSError):
                flock(self._file, fcntl.LOCK_UN)
        self.leave()

    def leave(self) -> None:
        """Closes this process's hold of the file and nothing else."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)


def _lock(file: int) -> None:
    """Locks a journal for its driver.

    Raises:
        BlockingIOError: another driver has it.
    """
    if flock is None:
        return
    try:
        flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        pass  # a file system without locks


def _leave_all() -> None:
    """In a forked child: it must not keep a journal locked when its parent has died."""
    for journal in list(_open):
        journal.leave()
    _open.clear()


_open: WeakSet[Journal] = WeakSet()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all)


def _keep_copy(path: Path) -> None:
    copy = path.with_name(f"{JOURNAL}.damaged")
    with open(path, "rb") as damaged, open(copy, "ab") as kept:
        while block := damaged.read(1 << 20):
            kept.write(block)
