"""The start methods: how a worker process comes to be, and how it is learnt that and why it ended.

Theory: a launcher starts a process for a link and reports, in the loop's thread and exactly once, how it ended. A
process is killed with its whole group, and reaped only afterwards, so no other process can have got its id meanwhile.

This module never knows calls.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol, TypeAlias

from anabranch.errors import ExecutorError
from anabranch_executors.processes.link import Link
from anabranch_executors.processes.loop import Loop
from anabranch_executors.processes.memory import in_units
from anabranch_executors.processes.place import Place
from anabranch_executors.processes.worker import end_group, run
from anabranch_executors.processes.zygote import RECORD, Note

__all__ = ["LAUNCHERS", "Launcher"]

Ended: TypeAlias = Callable[[Link, str], None]


class Launcher(Protocol):
    """One start method, for one pool."""

    def start(self, link: Link, sockets: list[socket.socket]) -> None:
        """Starts a worker on these sockets. Raises `OSError` or `ExecutorError` if that cannot even be tried."""

    def kill(self, link: Link) -> None:
        """Kills the worker; that it ended is reported later."""

    def close(self) -> None:
        """Kills all and waits for them; reports nothing any more."""

    def abandon(self) -> None:
        """Closes its files in a forked child."""


def command(module: str, *arguments: int) -> list[str]:
    """The command line of a process that imports as this one does and runs `main` of one of our modules."""
    if not sys.executable:
        raise ExecutorError("Python does not know its own executable here; use start_method='fork', or 'threads'")
    code = (
        "import sys; arguments, sys.path[:] = map(int, sys.argv[1].split(',')), sys.argv[2:]; del sys.argv[1:]; "
        f"from anabranch_executors.processes.{module} import main; main(*arguments)"
    )
    flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001  as multiprocessing
    return [sys.executable, *flags, "-c", code, ",".join(map(str, arguments)), *Place.here().path]


def popen(module: str, *fds: int) -> subprocess.Popen[bytes]:
    """Starts one of our modules in a process group of its own, with these files open."""
    line = command(module, *fds, os.getpid())
    return subprocess.Popen(line, stdin=subprocess.DEVNULL, pass_fds=fds, process_group=0)


def in_words(exit_code: int, peak: int = 0) -> str:
    """How a process ended: ``killed by SIGKILL``, ``exit code 3``; and how much memory it had held, if that is known."""
    held = f"; it had held up to {in_units(peak)} of memory" if peak else ""
    if exit_code >= 0:
        return f"exit code {exit_code}{held}"
    try:
        name = signal.Signals(-exit_code).name
    except ValueError:
        name = f"signal {-exit_code}"
    hint = " (the system does this when memory runs out)" if exit_code == -signal.SIGKILL else ""
    return f"killed by {name}{hint}{held}"


class Child:
    """A process made by `os.fork`, with as much of Popen's face as is needed here."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def wait(self) -> int:
        """Reaps it."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class Spawn:
    """Each worker a fresh interpreter, a child of the driver."""

    def __init__(self, loop: Loop, ended: Ended) -> None:
        self._loop = loop
        self._ended = ended
        self._processes: dict[Link, tuple[Any, int]] = {}  # with the file that becomes readable when it ends, or -1

    def start(self, link: Link, sockets: list[socket.socket]) -> None:
        """Starts it, and waits for its end without a thread where the system can."""
        process = self._process(sockets)
        link.pid = process.pid
        pidfd = os.pidfd_open(link.pid) if hasattr(os, "pidfd_open") else -1
        self._processes[link] = process, pidfd
        if pidfd >= 0:
            self._loop.watch(pidfd, partial(self._reap, link))

    def kill(self, link: Link) -> None:
        """Kills it; where nothing would tell of its end, waits for it."""
        process, pidfd = self._processes.get(link, (None, -1))
        if process is None:
            return
        end_group(link.pid)
        if pidfd < 0:
            self._loop.post(partial(self._reap, link, 0))

    def close(self) -> None:
        """Kills all, then waits for each."""
        for link in self._processes:
            end_group(link.pid)
        for process, pidfd in self._processes.values():
            self._wait(process, pidfd)
        self._processes.clear()

    def abandon(self) -> None:
        """The parent's children are not ours."""
        for process, pidfd in self._processes.values():
            process.returncode = 0  # what Popen checks before it warns that the process still runs
            if pidfd >= 0:
                os.close(pidfd)
        self._processes.clear()

    def _process(self, sockets: list[socket.socket]) -> Any:
        return popen("worker", *(ours.fileno() for ours in sockets))

    def _reap(self, link: Link, _: int) -> None:
        process, pidfd = self._processes.pop(link, (None, -1))
        if process is not None:
            end_group(link.pid)
            self._ended(link, in_words(self._wait(process, pidfd)))

    def _wait(self, process: Any, pidfd: int) -> int:
        if pidfd >= 0:
            self._loop.unwatch(pidfd)
            os.close(pidfd)
        return int(process.wait())


class Fork(Spawn):
    """Each worker a copy of the driver, with all that it has in memory."""

    def _process(self, sockets: list[socket.socket]) -> Any:
        parent = os.getpid()
        warnings.filterwarnings("ignore", ".*use of fork", DeprecationWarning, __name__.replace(".", r"\."))
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        pid = os.fork()
        if pid:
            return Child(pid)
        for number in signal.valid_signals():
            if callable(signal.getsignal(number)):
                signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        gc.freeze()  # the driver's garbage is not ours to finalize
        sys.stdin = open(os.devnull)  # noqa: SIM115  as long as the process
        os.dup2(sys.stdin.fileno(), 0)
        run(sockets, parent)


class Forkserver:
    """Each worker a fork of a small process that was started for this purpose and has no threads: the zygote."""

    def __init__(self, loop: Loop, ended: Ended) -> None:
        self._loop = loop
        self._ended = ended
        self._links: dict[int, Link] = {}  # by ticket
        self._zygote: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._partial = b""

    def start(self, link: Link, sockets: list[socket.socket]) -> None:
        """Asks the zygote, which is started first if need be."""
        if self._socket is None:
            self._socket = self._launch()
        self._links[link.ticket] = link
        try:
            socket.send_fds(self._socket, [RECORD.pack(Note.START, link.ticket, 0, 0)], [end.fileno() for end in sockets])
        except OSError:
            self._loop.post(partial(self._lost, self._socket))

    def kill(self, link: Link) -> None:
        """Asks the zygote; a worker that is not yet known to have started ends when its sockets are closed."""
        if link.pid and self._socket is not None:
            try:
                self._socket.sendall(RECORD.pack(Note.KILL, link.pid, 0, 0))
            except OSError:
                self._loop.post(partial(self._lost, self._socket))

    def close(self) -> None:
        """Hangs up on the zygote, which kills its children first."""
        self._links.clear()
        if self._socket is not None and self._zygote is not None:
            self._loop.unwatch(self._socket)
            self._socket.close()
            self._zygote.wait()
        self._socket = self._zygote = None

    def abandon(self) -> None:
        """The parent's zygote is not ours."""
        if self._socket is not None and self._zygote is not None:
            self._socket.close()
            self._zygote.returncode = 0
        self._socket = self._zygote = None

    def _launch(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        try:
            self._zygote = popen("zygote", theirs.fileno())
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self._partial = b""
        self._loop.watch(ours, self._read)
        return ours

    def _read(self, _: int) -> None:
        assert self._socket is not None
        try:
            got = self._socket.recv(RECORD.size * 256)
        except OSError:
            got = b""
        if not got:
            self._lost(self._socket)
            return
        got = self._partial + got
        whole = len(got) - len(got) % RECORD.size
        self._partial = got[whole:]
        for note, first, second, peak in RECORD.iter_unpack(got[:whole]):
            if note == Note.STARTED:
                self._links[first].pid = second
                if self._links[first].dying:
                    self.kill(self._links[first])
            else:
                link = next(link for link in self._links.values() if link.pid == first)
                del self._links[link.ticket]
                self._ended(link, in_words(second, peak))

    def _lost(self, connection: socket.socket) -> None:
        """The zygote at this socket ended, and with it the workers."""
        if self._socket is not connection or self._zygote is None:
            return
        self._loop.unwatch(self._socket)
        self._socket.close()
        self._zygote.kill()
        reason = f"the fork server ended: {in_words(self._zygote.wait())}"
        self._socket = self._zygote = None
        links, self._links = self._links, {}
        for link in links.values():
            if link.pid:
                end_group(link.pid)
        for link in links.values():
            self._ended(link, reason)


LAUNCHERS: Final[dict[str, Callable[[Loop, Ended], Launcher]]] = {
    "forkserver": Forkserver,
    "spawn": Spawn,
    "fork": Fork,
}
