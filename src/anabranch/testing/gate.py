"""A gate that one process keeps shut, and at which calls wait in any process of the machine.

Theory: it is a lock on a file. The kernel holds whoever waits, without polling, and opens the gate when its keeper
opens it or dies; so nothing that hangs on purpose outlives the test that wanted it.
"""

from __future__ import annotations

import fcntl
import os

__all__ = ["Gate", "pass_gate"]


class Gate:
    """A gate, shut until `open`."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._file = open(path, "w")  # noqa: SIM115  as long as the gate
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def open(self) -> None:
        """Lets through who waits and who comes. May be called again."""
        if not self._file.closed:
            fcntl.flock(self._file, fcntl.LOCK_UN)  # before it is closed: a forked child may have it open too
            self._file.close()


def pass_gate(path: str, *, deaf: bool = False) -> None:
    """Waits until the gate is open; what a signal's handler raises meanwhile is swallowed if it is `deaf`."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while True:
            try:
                return fcntl.flock(file, fcntl.LOCK_SH)
            except BaseException:
                if not deaf:
                    raise
    finally:
        os.close(file)
