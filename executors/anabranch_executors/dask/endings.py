"""How the workers of a cluster that was started here have ended: what their keepers know and the scheduler does not tell.

Theory: the scheduler notices that a worker's connection is gone, often before the worker's keeper has learnt with which exit
code the process ended. So who asks waits for the keeper, for a moment. A keeper that cannot start its worker again gives up;
when the last has, nobody will ever run what waits, and whoever wants to know is told.

This module never knows which calls a worker had.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress

from anabranch_executors.processes.launch import in_words

__all__ = ["Endings"]

KEPT = 1000
"""So many endings are remembered."""

PATIENCE = 2.0
"""Seconds to wait for a keeper."""


class Endings:
    """The processes of workers, and the exit codes of those that have ended, by address.

    Args:
        workers: how many there are to be.
        are_processes: whether they are processes, which their keepers start again, and not threads of this one.
    """

    def __init__(self, workers: int, *, are_processes: bool) -> None:
        self.are_processes = are_processes
        self.told: Callable[[str], None] = lambda _: None
        self._keepers = workers
        self._processes: dict[str, int] = {}
        self._codes: OrderedDict[str, int] = OrderedDict()
        self._waiting: dict[str, list[tuple[asyncio.AbstractEventLoop, asyncio.Event]]] = {}

    def began(self, address: str, process: int) -> None:
        """A worker has been started."""
        self._processes[address] = process

    def end(self, address: str) -> None:
        """Ends a worker at once; its keeper starts another."""
        if (process := self._processes.get(address)) is not None:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def note(self, address: str, code: int) -> None:
        """A worker has ended; told in the loop of its keeper."""
        self._processes.pop(address, None)
        self._codes[address] = code
        while len(self._codes) > KEPT:
            self._codes.popitem(last=False)
        for loop, event in self._waiting.pop(address, ()):
            loop.call_soon_threadsafe(event.set)

    def give_up(self, reason: str) -> None:
        """A keeper could not start its worker; `told` is called when that was the last."""
        self._keepers -= 1
        if not self._keepers:
            self.told(reason)

    async def of(self, address: str) -> str:
        """How the worker at this address has ended, in words; empty if nobody says so in time."""
        if address not in self._codes:
            event = asyncio.Event()
            self._waiting.setdefault(address, []).append((asyncio.get_running_loop(), event))
            if address in self._codes:  # it was told meanwhile, in another thread
                event.set()
            try:
                await asyncio.wait_for(event.wait(), PATIENCE)
            except TimeoutError:
                return ""
        return in_words(self._codes[address]) if address in self._codes else ""
