"""Exactly one reply for every call: the book of a lease's open calls, and an answer whatever a task raises.

Theory: a reply and the end of a lease race with each other, so both go through one lock: a call is settled by whoever
strikes it from the book first, and a lease that was left has an empty book. The reply is made under that lock, which
is cheap, because a reply only puts into a queue.

Invariants: a ticket is settled at most once; after `leave` has returned nothing is replied any more.
"""

from __future__ import annotations

import threading
from itertools import count
from time import perf_counter
from typing import Any

from anabranch.deadline import perform_in_time
from anabranch.executor import CallLost, Message, Reply
from anabranch.failure import Failure, capture
from anabranch.work import Code, Layout, Outcome

__all__ = ["Ledger", "answer", "in_one_line"]


class Ledger:
    """The calls of one lease that have no reply yet, each with the handle it is running under."""

    __slots__ = ("_calls", "_left", "_lock", "_tickets")

    def __init__(self) -> None:
        self._calls: dict[int, tuple[Reply, Any]] = {}
        self._left = False
        self._lock = threading.Lock()
        self._tickets = count()

    def enter(self, reply: Reply) -> int:
        """Opens a call; the ticket is what it is settled by."""
        ticket = next(self._tickets)
        with self._lock:
            if not self._left:
                self._calls[ticket] = (reply, None)
        return ticket

    def hold(self, ticket: int, handle: Any) -> None:
        """Keeps the handle until the call is settled or the lease is left."""
        with self._lock:
            if ticket in self._calls:
                self._calls[ticket] = (self._calls[ticket][0], handle)

    def settle(self, ticket: int, message: Message) -> None:
        """Replies, unless that has been done or the lease was left."""
        with self._lock:
            reply, _ = self._calls.pop(ticket, (None, None))
            if reply is not None:
                reply(message)

    def is_open(self, ticket: int) -> bool:
        """Whether somebody still waits for this call."""
        return ticket in self._calls

    def leave(self) -> list[Any]:
        """Closes the book; returns the handles of the calls that were open."""
        with self._lock:
            self._left = True
            handles = [handle for _, handle in self._calls.values() if handle is not None]
            self._calls.clear()
        return handles


def answer(
    code: Code, layout: Layout, values: tuple[Any, ...], worker: str = "", *, kill: bool = False
) -> Outcome | CallLost:
    """Runs one call; whatever it raises, `SystemExit` included, becomes a failure in the outcome. A function that takes
    longer than it may is interrupted, or left behind in a thread of its own; with `kill` its process is ended, if nothing
    else helps.
    """
    started = perf_counter()
    try:
        return perform_in_time(code, layout, values, worker, kill=kill)
    except BaseException as error:
        failure = Failure(code.name, (), layout.where, capture(error), worker=worker)
        return Outcome(layout.call, (), (), (failure,), perf_counter() - started, started, worker)


def in_one_line(error: BaseException) -> str:
    """The first line of what the error says, or its type."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
