"""One thread that owns a pool's state: it waits for sockets and for commands of other threads.

Theory: single writer. Another thread never touches the state; it posts a command, and a byte on a socket wakes the loop
if it may be asleep. Once the loop has ended, commands run in the thread that posts them, where the pool refuses them,
so a command is never left lying.

This module never knows what its callbacks do.
"""

from __future__ import annotations

import selectors
import signal
import socket
import threading
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

__all__ = ["READ", "WRITE", "Loop", "Watcher"]

READ = selectors.EVENT_READ
WRITE = selectors.EVENT_WRITE

Command: TypeAlias = Callable[[], None]
Watcher: TypeAlias = Callable[[int], None]


class Loop:
    """A thread with a selector and a queue of commands."""

    def __init__(self, name: str, tick: Callable[[], float | None], broken: Callable[[BaseException], None]) -> None:
        """Before each wait, `tick` does what is due and says in how many seconds something will be; `broken` is told
        what ended the loop if that was an exception.
        """
        self._tick = tick
        self._broken = broken
        self._commands: deque[Command] = deque()
        self._selector = selectors.DefaultSelector()
        self._bell, self._ringer = socket.socketpair()
        self._bell.setblocking(False)
        self._ringer.setblocking(False)
        self._rung = False
        self._stopping = False
        self._ended = False
        self.watch(self._bell, self._wake)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def post(self, command: Command) -> None:
        """Has the loop run `command` soon; from any thread, never blocks."""
        self._commands.append(command)
        if self._ended:
            self._obey()
        elif not self._rung:
            self._rung = True
            try:
                self._ringer.send(b"!")
            except OSError:  # it ended just now
                self._obey()

    def watch(self, fileobj: socket.socket | int, watcher: Watcher, events: int = READ) -> None:
        """Calls `watcher` with what the file is ready for, whenever it is; again to change `events`."""
        if self._watching(fileobj):
            self._selector.modify(fileobj, events, watcher)
        else:
            self._selector.register(fileobj, events, watcher)

    def unwatch(self, fileobj: socket.socket | int) -> None:
        """Stops watching the file, if it was watched; to be called before it is closed."""
        if self._watching(fileobj):
            self._selector.unregister(fileobj)

    def stop(self) -> None:
        """Ends the loop after this round; called in its thread."""
        self._stopping = True

    def join(self) -> None:
        """Waits for the thread to end, unless it is the one that asks."""
        if threading.current_thread() is not self._thread and self._thread.ident is not None:
            self._thread.join()

    def abandon(self) -> None:
        """Closes the files: at the end, and in a forked child, where the thread does not exist."""
        self._ended = True
        self._selector.close()
        self._bell.close()
        self._ringer.close()

    def _watching(self, fileobj: socket.socket | int) -> bool:
        return fileobj in self._selector.get_map()

    def _run(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))  # for the main thread
        try:
            while not self._stopping:
                for key, events in self._selector.select(self._tick()):
                    now = self._selector.get_map().get(key.fd)
                    if now is not None and now.data is key.data:
                        key.data(events)
        except BaseException as error:
            self._broken(error)
        finally:
            self.abandon()
            self._obey()

    def _wake(self, _: int) -> None:
        self._bell.recv(4096)
        self._rung = False
        self._obey()

    def _obey(self) -> None:
        while True:
            try:
                command = self._commands.popleft()
            except IndexError:
                return
            command()
