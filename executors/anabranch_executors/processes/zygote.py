"""The process that forks workers: single-threaded, with everything imported, so that a fork is safe and quick.

Theory: the driver sends a ticket with the worker's sockets; the zygote forks, and says which process it was. It
alone reaps, so a process id that it is asked to kill is still that worker's. When the driver hangs up it kills what
it started and ends.

This module never sees a call.
"""

from __future__ import annotations

import contextlib
import gc
import os
import selectors
import signal
import socket
import struct
import sys
from enum import IntEnum
from typing import Final

from anabranch_executors.processes.wire import SOCKETS
from anabranch_executors.processes.worker import die_with_parent, end_group, run

__all__ = ["RECORD", "Note", "main"]

RECORD: Final = struct.Struct("<Bqqq")
"""One note between driver and zygote: what, and three numbers."""


class Note(IntEnum):
    """What a record says."""

    START = 1  # driver: fork a worker for this ticket; its sockets come with it
    KILL = 2  # driver: kill this process
    STARTED = 3  # zygote: this ticket is that process
    ENDED = 4  # zygote: this process ended, with that exit code, negative for a signal, after it had held so many bytes


class Zygote:
    """The state of the zygote process."""

    def __init__(self, driver: socket.socket) -> None:
        self.driver = driver
        self.children: set[int] = set()
        self.bell, self.ringer = socket.socketpair()
        self.ringer.setblocking(False)
        self.bell.setblocking(False)

    def serve(self) -> None:
        """Forks, kills and reaps until the driver hangs up."""
        signal.set_wakeup_fd(self.ringer.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        with selectors.DefaultSelector() as selector:
            selector.register(self.driver, selectors.EVENT_READ)
            selector.register(self.bell, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select()]
                if self.bell in ready:
                    self.bell.recv(4096)
                    self.reap()
                if self.driver in ready and not self.obey(selector):
                    return

    def obey(self, selector: selectors.BaseSelector) -> bool:
        """Does what the next record asks; False if there won't be any more."""
        record, fds, _, _ = socket.recv_fds(self.driver, RECORD.size, SOCKETS)
        if not record:
            return False
        note, number, _, _ = RECORD.unpack(record)
        if note == Note.START:
            self.fork(number, fds, selector)
        elif number in self.children:
            end_group(number)
        return True

    def fork(self, ticket: int, fds: list[int], selector: selectors.BaseSelector) -> None:
        """Starts a worker."""
        sockets = [socket.socket(fileno=fd) for fd in fds]
        parent = os.getpid()
        pid = os.fork()
        if not pid:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            selector.close()
            for own in (self.driver, self.bell, self.ringer):
                own.close()
            run(sockets, parent)
        for end in sockets:
            end.close()
        self.children.add(pid)
        self.tell(Note.STARTED, ticket, pid)

    def reap(self) -> None:
        """Reports the children that ended; what they started ends with them."""
        while self.children:
            pid, status, used = os.wait4(-1, os.WNOHANG)
            if not pid:
                return
            self.children.discard(pid)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)  # a group keeps its id from being used again
            self.tell(Note.ENDED, pid, os.waitstatus_to_exitcode(status), peak_of(used.ru_maxrss))

    def tell(self, note: Note, first: int, second: int, third: int = 0) -> None:
        """Sends a record to the driver, if it is still there."""
        with contextlib.suppress(OSError):  # the next read from the driver says so, too
            self.driver.sendall(RECORD.pack(note, first, second, third))

    def close(self) -> None:
        """Ends all children."""
        for pid in self.children:
            end_group(pid)
        for pid in self.children:
            os.waitpid(pid, 0)


def peak_of(maximum: int) -> int:
    """The resident memory of a process at its peak, in bytes; systems give it in different units."""
    return maximum if sys.platform == "darwin" else maximum * 1024


def main(fd: int, parent: int) -> None:
    """The life of the zygote of process `parent`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent(parent)
    zygote = Zygote(socket.socket(fileno=fd))
    gc.freeze()
    try:
        zygote.serve()
    except ConnectionError:
        pass
    finally:
        zygote.close()
        sys.stdout.flush()
        os._exit(0)
