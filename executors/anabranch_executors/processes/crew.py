"""The workers of a pool: started, written to, read from, killed, buried.

Theory: what a worker said before it ended still counts, so its socket is read to the end before its end is told. Every
worker that was started is told to have ended exactly once, for whatever reason.

This module never decides when a worker is needed or what its messages mean; all of it runs in the loop's thread.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from itertools import count
from typing import TypeAlias

from anabranch.errors import ExecutorError
from anabranch_executors.processes.launch import Ended, Launcher
from anabranch_executors.processes.link import Link
from anabranch_executors.processes.loop import READ, WRITE, Loop
from anabranch_executors.processes.wire import SOCKETS, Packet
from anabranch_executors.processes.worker import GRACE

__all__ = ["Crew", "StartMethod"]

StartMethod: TypeAlias = Callable[[Loop, Ended], Launcher]


class Crew:
    """The links of a pool's workers, `links`, and what keeps them going."""

    def __init__(self, loop: Loop, start_method: StartMethod, received: Callable[[Link, Packet], None], ended: Ended) -> None:
        """`received` is told each message of a worker, `ended` that and why one has ended."""
        self.links: list[Link] = []
        self._loop = loop
        self._launcher = start_method(loop, self._bury)
        self._received = received
        self._ended = ended
        self._tickets = count(1)

    def start(self) -> None:
        """Starts a worker; its first message will be that it is ready."""
        pairs = [socket.socketpair() for _ in range(SOCKETS)]
        link = Link(next(self._tickets), *(ours for ours, _ in pairs))
        link.watcher = partial(self._ready, link)
        self.links.append(link)
        self._loop.watch(link.data, link.watcher)
        try:
            self._launcher.start(link, [theirs for _, theirs in pairs])
        except (OSError, ExecutorError) as error:
            self._loop.post(partial(self._bury, link, str(error)))
        finally:
            for _, theirs in pairs:
                theirs.close()

    def flush(self, link: Link) -> None:
        """Sends what the socket takes, and has the loop say when it takes more."""
        try:
            link.outbox.send(link.data)
        except OSError:
            self.kill(link)
            return
        blocked = bool(link.outbox)
        if blocked != link.blocked and not link.dying:
            link.blocked = blocked
            self._loop.watch(link.data, link.watcher, READ | WRITE if blocked else READ)

    def kill(self, link: Link) -> None:
        """Kills a worker; that it ended is told later."""
        if not link.dying:
            link.dying = True
            self._loop.unwatch(link.data)
            self._launcher.kill(link)

    def part(self, links: Iterable[Link]) -> None:
        """Hangs up on those workers that have things of their own, and gives them the time to close these and end; the loop
        waits as long.
        """
        parting = [link for link in links if link.owns and not link.dying]
        for link in parting:
            with suppress(OSError):
                link.control.shutdown(socket.SHUT_WR)
        until = time.monotonic() + GRACE
        for link in parting:
            with suppress(OSError):
                link.data.settimeout(max(0.01, until - time.monotonic()))
                while link.data.recv(1 << 16):  # what is still said is for nobody
                    pass

    def close(self) -> None:
        """Kills all workers and waits for them; tells nothing of their end."""
        links, self.links = self.links, []
        self.part(links)
        for link in links:
            self._loop.unwatch(link.data)
            link.close()
        self._launcher.close()

    def abandon(self) -> None:
        """Lets go of them in a forked child: they are the parent's."""
        links, self.links = self.links, []
        for link in links:
            link.close()
        self._launcher.abandon()

    def _ready(self, link: Link, events: int) -> None:
        if events & WRITE:
            self.flush(link)
        if events & READ:
            try:
                self._read(link)
            except BlockingIOError:
                pass
            except (EOFError, ConnectionError):
                self.kill(link)
            except (OSError, MemoryError) as error:
                link.fault = f"what it sent cannot be received: {error}"
                self.kill(link)

    def _read(self, link: Link) -> None:
        for message in link.inbox.receive(link.data):
            self._received(link, message)

    def _bury(self, link: Link, reason: str) -> None:
        if link not in self.links:
            return
        link.dying = True
        self._loop.unwatch(link.data)
        with suppress(EOFError, OSError, MemoryError):
            while not link.fault:
                self._read(link)
        self.links.remove(link)
        link.close()
        self._ended(link, link.fault or reason)
