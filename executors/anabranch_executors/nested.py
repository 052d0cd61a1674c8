"""A run inside of a call: where a call leases the executor that runs it.

Theory: slots are few, and a call that waits for calls behind it in the queue holds one of them. As many such calls as there
are slots, and nobody ever goes on. So what is leased inside of an executor's own calls runs at once, in the thread
that asks. Context variables tell who is inside: they also reach the threads of another executor in between.

This module never knows an executor's queue or threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

from anabranch.deadline import perform_in_time
from anabranch.executor import Call, Reply
from anabranch_executors.sequential import local

__all__ = ["NestedLease", "is_inside", "run_inside"]

P = ParamSpec("P")
T = TypeVar("T")

_running: ContextVar[frozenset[int]] = ContextVar("anabranch_executors.nested", default=frozenset())
"""By identity, whose calls are being run here; to hold the objects would keep them alive."""


def is_inside(slots: object) -> bool:
    """Whether this is a call that occupies one of these slots: those of an executor or of a pool."""
    return id(slots) in _running.get()


def run_inside(slots: int, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Calls `function` as what occupies one of the slots with this `id`; to be called in a context of its own."""
    _running.set(_running.get() | {slots})
    return function(*args, **kwargs)


class NestedLease:
    """Runs each call before `submit` returns."""

    def submit(self, call: Call, reply: Reply) -> None:
        """Runs the call."""
        reply(perform_in_time(call.code, call.layout, local(call), threading.current_thread().name))

    def forget(self, keys: list[int]) -> None:
        """Nothing is kept."""
