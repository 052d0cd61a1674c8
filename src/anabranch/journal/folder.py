"""Where runs are: one folder each, and whether its driver lives.

    runs/<run id>/  journal

Theory: a driver that lives keeps its journal locked (`flock`), and the kernel takes the lock back when it dies, however it
dies. To ask, one tries for the lock, which must not look like a driver to others who ask or start at that moment; so whoever
touches the lock first takes a second one, on the folder, for that moment only. No process numbers are compared and nothing
is guessed from the time of the last line.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from anabranch.errors import InputError, StoreError, nearest_or_all
from anabranch.journal.lines import HEAD
from anabranch.journal.records import Began, Ended, decoded
from anabranch.store.places import state_home

try:
    import fcntl

    flock: Callable[[int, int], None] | None = fcntl.flock
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]
    flock = None

__all__ = ["JOURNAL", "Peek", "Runs", "State", "fcntl", "flock", "gate", "is_driven"]

JOURNAL: Final = "journal"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class State(Enum):
    """How a run stands."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Peek:
    """What the first and the last line of a journal say."""

    run_id: str
    state: State
    began: Began | None
    ended: Ended | None
    size: int


class Runs:
    """The runs in a folder; by default the user's.

    Raises:
        StoreError: there is no home folder to look in.
    """

    def __init__(self, root: str | os.PathLike[str] | None = None) -> None:
        self.root = Path(root) if root is not None else state_home() / "runs"

    def folder(self, run_id: str) -> Path:
        """Where the run of this name is, or would be.

        Raises:
            InputError: no run can have this name.
        """
        if not (isinstance(run_id, str) and _NAME.fullmatch(run_id)):
            raise InputError(f"{run_id!r} cannot be the name of a run: letters, digits, '.', '_' and '-' can, 100 at most")
        return self.root / run_id

    def find(self, run_id: str) -> Path:
        """The folder of a run that there is.

        Raises:
            InputError: there is none of this name.
        """
        folder = self.folder(run_id)
        if not (folder / JOURNAL).exists():
            raise InputError(f"there is no run '{run_id}' in {self.root}{nearest_or_all(run_id, self.names())}")
        return folder

    def names(self) -> list[str]:
        """The names of all runs, the one that was written to last first."""
        found = []
        with suppress(OSError):
            for each in os.scandir(self.root):
                with suppress(OSError):
                    found.append((os.stat(os.path.join(each.path, JOURNAL)).st_mtime, each.name))
        return [name for _, name in sorted(found, reverse=True)]

    def peek(self, run_id: str) -> Peek:
        """A quick look at a run, for lists; nothing is checked.

        Raises:
            InputError: there is none of this name.
            StoreError: it cannot be read.
        """
        path = self.find(run_id) / JOURNAL
        try:
            with open(path, "rb") as opened:
                first = opened.readline()
                size = opened.seek(0, os.SEEK_END)
                opened.seek(max(0, size - (1 << 16)))
                last = opened.read().rstrip(b"\n").rpartition(b"\n")[2]
        except OSError as error:
            raise StoreError(f"the journal {path} cannot be read: {error.strerror}") from error
        began, ended = _said(first), _said(last + b"\n")
        end = ended if isinstance(ended, Ended) else None
        state = State.RUNNING if is_driven(path.parent) else State(end.state) if end is not None else State.LOST
        return Peek(run_id, state, began if isinstance(began, Began) else None, end, size)


def _said(line: bytes) -> object:
    try:
        return decoded(line[HEAD:])
    except ValueError:
        return None


@contextmanager
def gate(folder: Path) -> Iterator[None]:
    """Alone with the lock of a run's journal, for a moment."""
    if flock is None:
        yield
        return
    file = os.open(folder, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        with suppress(OSError):  # a file system without locks
            flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def is_driven(folder: Path) -> bool:
    """Whether the driver of the run in a folder lives. Where there are no locks, it is taken to be gone."""
    if flock is None:
        return False
    try:
        with gate(folder):
            file = os.open(folder / JOURNAL, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
            try:
                flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            finally:
                os.close(file)
    except OSError:
        pass
    return False
