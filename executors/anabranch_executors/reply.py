"""Exactly one reply for every call: the book of a lease's open calls, and an answer whatever a task raises.

Theory: a reply and the end of a lease race with each other, so both go through one lock: a call is settled by whoever
strikes it from the book first, and a lease that was left has an empty book. The reply is made under that lock, which
is cheap, because a reply only puts into a queue. Where an executor is closed under a run, the answers that it still
owes may never come from what it has ended, so its book is closed by `refuse`.

Invariants: a ticket is settled at most once; after `leave` has returned nothing is replied any more.
"""

from __future__ import annotations

import threading
from itertools import count
from time import perf_counter
from typing import Any, NamedTuple

from anabranch.deadline import Slate, perform_in_time
from anabranch.executor import Call, CallFailed, CallLost, Message, Reply
from anabranch.failure import Failure, capture
from anabranch.work import Code, Layout, Outcome

__all__ = ["INTERRUPTED", "Ledger", "answer", "in_one_line"]

INTERRUPTED = 0.3
"""Seconds for which who is interrupted waits for what cannot be killed."""


class Entry(NamedTuple):
    """An open call, and the handle that it is running under."""

    call: int
    reply: Reply
    handle: Any = None


class Ledger:
    """The calls of one lease that have no reply yet."""

    __slots__ = ("_calls", "_left", "_lock", "_refusal", "_tickets")

    def __init__(self) -> None:
        self._calls: dict[int, Entry] = {}
        self._left = False
        self._lock = threading.Lock()
        self._refusal: Exception | None = None
        self._tickets = count()

    def enter(self, call: Call, reply: Reply) -> int:
        """Opens a call, or answers it where the book is closed; the ticket is what it is settled by."""
        ticket = next(self._tickets)
        with self._lock:
            if self._left:
                pass
            elif self._refusal is not None:
                reply(CallFailed(call.id, self._refusal))
            else:
                self._calls[ticket] = Entry(call.id, reply)
        return ticket

    def hold(self, ticket: int, handle: Any) -> None:
        """Keeps the handle until the call is settled or the lease is left."""
        with self._lock:
            if ticket in self._calls:
                self._calls[ticket] = self._calls[ticket]._replace(handle=handle)

    def settle(self, ticket: int, message: Message) -> None:
        """Replies, unless that has been done or the lease was left."""
        with self._lock:
            entry = self._calls.pop(ticket, None)
            if entry is not None:
                entry.reply(message)

    def handle(self, call: int) -> Any:
        """The handle under which a call is running; None if there is none."""
        with self._lock:
            return next((entry.handle for entry in self._calls.values() if entry.call == call), None)

    def is_open(self, ticket: int) -> bool:
        """Whether somebody still waits for this call."""
        return ticket in self._calls

    def refuse(self, error: Exception) -> None:
        """Answers the calls that are open, and those that will come, as failed."""
        with self._lock:
            if self._left:
                return
            self._refusal = error
            for entry in self._calls.values():
                entry.reply(CallFailed(entry.call, error))
            self._calls.clear()

    def leave(self) -> list[Any]:
        """Closes the book; returns the handles of the calls that were open."""
        with self._lock:
            self._left = True
            handles = [entry.handle for entry in self._calls.values() if entry.handle is not None]
            self._calls.clear()
        return handles


def answer(
    code: Code,
    layout: Layout,
    values: tuple[Any, ...],
    worker: str = "",
    *,
    kill: bool = False,
    slate: Slate | None = None,
) -> Outcome | CallLost:
    """Runs one call; whatever it raises, `SystemExit` included, becomes a failure in the outcome. A function that takes
    longer than it may is interrupted, or left behind in a thread of its own; with `kill` its process is ended, if nothing
    else helps, and the `slate` tells of what.
    """
    started = perf_counter()
    try:
        return perform_in_time(code, layout, values, worker, kill=kill, slate=slate)
    except BaseException as error:
        failure = _failure(code, layout, error, worker)
        return Outcome(layout.call, (), (), (failure,), perf_counter() - started, started, worker)


def _failure(code: Code, layout: Layout, error: BaseException, worker: str) -> Failure:
    try:
        return code.load().failure_of(error, layout.where, worker)
    except Exception:  # the code itself does not load
        return Failure(code.name, (), layout.where, capture(error), worker=worker)


def in_one_line(error: BaseException) -> str:
    """The first line of what the error says, or its type."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
