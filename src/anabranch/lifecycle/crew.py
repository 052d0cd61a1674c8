"""Adapters that go to workers: one and the same object for all functions of a driver, in each process.

Theory: a crew travels with every task of its driver, as part of what the task calls. It has a token, and a process that has a
crew of that token already keeps that one; so an adapter that counts, or holds a connection, does so once in a process and
not once for each task. In the driver's own process the crew is the original, with the objects that the user gave.

A crew lives as long as the process has one of the tasks that it came with.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from anabranch.lifecycle.base import NodeExecutionHook, NodeExecutionMethod, NodeFailureMethod, TaskExecutionHook, WorkerReport
from anabranch.lifecycle.telling import Hook, hooks_of

__all__ = ["Crew", "collected", "deliver"]

_lock = threading.Lock()
_here: weakref.WeakValueDictionary[str, Crew] = weakref.WeakValueDictionary()


class Crew:
    """The adapters of a driver that act where functions run."""

    __slots__ = (
        "__weakref__",
        "adapters",
        "after",
        "after_task",
        "before",
        "before_task",
        "failing",
        "methods",
        "reported",
        "token",
    )

    def __init__(self, adapters: Sequence[Any], token: str = "") -> None:
        self.adapters = tuple(adapters)
        self.token = token or os.urandom(12).hex()
        self.before = hooks_of(adapters, NodeExecutionHook, "run_before_node_execution")
        self.after = hooks_of(adapters, NodeExecutionHook, "run_after_node_execution")
        self.methods = hooks_of(adapters, NodeExecutionMethod, "run_to_execute_node")
        self.failing = hooks_of(adapters, NodeFailureMethod, "run_to_replace_failure")
        self.before_task = hooks_of(adapters, TaskExecutionHook, "run_before_task_execution")
        self.after_task = hooks_of(adapters, TaskExecutionHook, "run_after_task_execution")
        reporters = [one for one in adapters if isinstance(one, WorkerReport)]
        self.reported = {self._place(one): Hook(one, "run_after_report") for one in reporters}
        with _lock:
            _here.setdefault(self.token, self)

    @property
    def hooks(self) -> tuple[Hook, ...]:
        """All methods that may be called."""
        return (*self.before, *self.after, *self.before_task, *self.after_task, *self.methods, *self.failing)

    @property
    def acts_on_nodes(self) -> bool:
        """Whether it has anything to do with single functions."""
        return bool(self.before or self.after or self.methods)

    @property
    def acts_on_tasks(self) -> bool:
        """Whether it has anything to do with tasks."""
        return bool(self.before_task or self.after_task or self.reported)

    def notes_of(self, reports: list[tuple[Any, Any]]) -> tuple[tuple[int, Any], ...]:
        """Reports as they travel: by the place of the adapter among the others."""
        return tuple((self._place(adapter), facts) for adapter, facts in reports)

    def _place(self, adapter: Any) -> int:
        return next(place for place, one in enumerate(self.adapters) if one is adapter)

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, (self.token, self.adapters)


_reports: ContextVar[list[tuple[Any, Any]] | None] = ContextVar("anabranch reports", default=None)


@contextmanager
def collected() -> Iterator[list[tuple[Any, Any]]]:
    """What adapters report in the block."""
    reports: list[tuple[Any, Any]] = []
    token = _reports.set(reports)
    try:
        yield reports
    finally:
        _reports.reset(token)


def deliver(adapter: Any, facts: Any) -> None:
    """Keeps a report until the task is over; outside of any task, in the driver, it has arrived already."""
    reports = _reports.get()
    if reports is not None:
        reports.append((adapter, facts))
    else:
        Hook(adapter, "run_after_report").tell({"facts": facts, "run_id": ""})


def _arrived(token: str, adapters: tuple[Any, ...]) -> Crew:
    """The crew of that token in this process."""
    return _here.get(token) or Crew(adapters, token)
