"""Claims: who is computing what just now, so that nobody else does.

Theory: a claim is a row in the index, the keys that someone is about to compute, and a file that they keep locked while they
do. The lock is the kernel's (`flock`): it ends with the process that holds it, however that ends, so nobody needs to send
signs of life and nobody has to guess from silence that a claimant is dead. Whoever wants a key that is claimed waits for
the lock, at no cost, and then looks the key up. If the claimant died, its row is there and its file is not locked: the next
to claim deletes both.

No one waits while they hold a claim: compute what is yours, store it, give the claim up, then wait for the others'. So two
can never wait for each other.

Where there is no `flock` (Windows, some network file systems) claims are granted to everyone: work may be done twice, and
is stored once.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from weakref import WeakSet

from anabranch.errors import InternalError

if TYPE_CHECKING:
    from anabranch.store.index import Index

try:
    import fcntl

    flock: Callable[[int, int], None] | None = fcntl.flock
except ImportError:  # Windows
    flock = None

__all__ = ["Claim", "Lock", "is_free", "make_claim"]

_numbers = count()
_WORD = secrets.token_hex(3)


class Lock:
    """A file that is locked as long as this object is held and the process lives."""

    __slots__ = ("__weakref__", "_file", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        _held.add(self)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
        self._file = os.open(path, flags, 0o600)
        if flock is not None:
            flock(self._file, fcntl.LOCK_EX)

    def end(self) -> None:
        """Deletes the file and lets those go on that wait for it."""
        if self._file >= 0:
            with suppress(OSError):
                os.unlink(self.path)
            if flock is not None:  # by word, for a child may have the file open too
                flock(self._file, fcntl.LOCK_UN)
            self.leave()

    def leave(self) -> None:
        """Closes this process's hold of it and nothing else."""
        os.close(self._file)
        self._file = -1


_held: WeakSet[Lock] = WeakSet()


def _leave_all() -> None:
    """In a forked child: it must not keep alive what its parent holds."""
    for lock in _held:
        if lock._file >= 0:  # noqa: SLF001
            lock.leave()
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all)


def is_free(path: str, *, wait: bool = False) -> bool:
    """Whether the holder of a lock is gone; with `wait`, not before it is."""
    if flock is None:
        return True
    try:
        file = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return True
    try:
        flock(file, fcntl.LOCK_SH | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:  # this file system has no locks
        return True
    else:
        return True
    finally:
        os.close(file)


class Claim:
    """Some keys of which `mine` are to be computed by the holder, while others are computing the rest.

    A context manager; leaving it gives the claim up. Then `wait` waits until the others are done, or dead.
    """

    __slots__ = ("_index", "_locks", "lock", "mine", "name")

    def __init__(self, mine: frozenset[bytes], locks: list[str], name: str = "", lock: Lock | None = None) -> None:
        self.mine = mine
        self.name = name
        self.lock = lock
        self._locks = locks
        self._index: Index | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.end()

    def end(self) -> None:
        """Gives the claim up; may be called twice."""
        lock, self.lock = self.lock, None
        if lock is not None:
            try:
                if self._index is not None:
                    self._index.unclaim(self.name)
            finally:
                lock.end()

    def was_stored(self) -> None:
        """Says that the row is gone already, with the results in its place."""
        self._index = None

    def wait(self) -> None:
        """Returns when everyone who claimed the rest is done with it, or gone: then it is time to look again.

        Raises:
            InternalError: the claim has not been given up: two that wait so would wait for ever.
        """
        if self.lock is not None:
            raise InternalError("a claim was not given up before waiting for the others'")
        for path in self._locks:
            is_free(path, wait=True)

    def belongs_to(self, index: Index) -> Self:
        """Says where the row is that goes with the lock."""
        self._index = index
        return self


def make_claim(index: Index, folder: Path, keys: frozenset[bytes]) -> Claim:
    """Claims as many of these keys as nobody else has claimed.

    Raises:
        StoreError: the index cannot be written.
    """
    if flock is None or not keys or index.read_only:
        return Claim(keys, [])
    name = f"{os.getpid()}-{next(_numbers)}-{_WORD}"
    lock = Lock(os.path.join(folder, name))  # before the row, so that whoever sees the row finds it locked

    def is_gone(other: str) -> bool:
        path = os.path.join(folder, other)
        if not is_free(path):
            return False
        with suppress(OSError):
            os.unlink(path)
        return True

    try:
        theirs = index.claim(name, keys, is_gone)
    except BaseException:
        lock.end()
        raise
    taken = frozenset().union(*theirs.values()) if theirs else frozenset()
    claim = Claim(keys - taken, [os.path.join(folder, other) for other in theirs], name, lock).belongs_to(index)
    if not claim.mine:
        claim.end()
    return claim
