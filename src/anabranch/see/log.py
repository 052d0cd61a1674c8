"""A run's events as lines of JSON: for programs, and for looking things up afterwards.

Theory: each event is one line and goes out at once, so that the file can be followed while it grows and a killed run's file is
whole but for what was not yet told. Every line has ``event`` (its kind) and ``at`` (seconds since the run began, when it
became known); what else it has are the fields of the event (see `anabranch.events`). The first line says also which version
of this layout it is, and what the names in the other lines stand for; the last one how long the driver's thread was at work. A
failure is told in words, with its traceback as text.

A later version adds fields and kinds, and changes none.
"""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime
from functools import cache
from time import perf_counter, thread_time
from typing import Any, TextIO, cast

from anabranch.events import Event, RunFinished, RunStarted
from anabranch.explain.outline import nodes_of, outline_of
from anabranch.failure import Failure
from anabranch.graph import Graph
from anabranch.journey import Journey
from anabranch.plan import Plan
from anabranch.see.files import RunFile
from anabranch.see.runs import EachRun
from anabranch.see.shape import shape_of

__all__ = ["LAYOUT", "EventFile", "Lines", "failure_document"]

LAYOUT = 1
"""The version of the lines' layout."""


class EventFile(EachRun):
    """An observer that writes each run's events to a file, one JSON object a line.

    Args:
        path: the file; ``{run_id}`` in it gives each run a file of its own.
        append: leaves what is in the file, as for a run that goes on.

    Raises:
        InputError: the file cannot be there.
    """

    def __init__(self, path: str | os.PathLike[str], *, append: bool = False) -> None:
        file = RunFile(path, "the events")
        super().__init__(lambda started: _Writer(file.open(started.run_id, by_line=True, append=append)))


class _Writer:
    """Writes one run's events."""

    def __init__(self, file: TextIO) -> None:
        self.file = file
        self.lines = Lines()

    def __call__(self, event: Event) -> None:
        line = self.lines.of(event)
        self.file.write(json.dumps(line, separators=(",", ":"), ensure_ascii=False, default=_named) + "\n")
        if type(event) is RunFinished:
            self.file.close()


class Lines:
    """The lines of one run, as documents; to be made when it starts, in the thread that drives it."""

    def __init__(self) -> None:
        self.began = perf_counter()
        self.at_work = thread_time()

    def of(self, event: Event) -> dict[str, Any]:
        """The line of an event that has just become known."""
        line: dict[str, Any] = {"event": type(event).__name__, "at": round(perf_counter() - self.began, 6)}
        if type(event) is RunStarted:
            line |= {"layout": LAYOUT, "time": datetime.now(UTC).isoformat(timespec="milliseconds")}
            line["shape"] = shape_of(event.plan)
        for name in _names(cast("Any", type(event))):
            line[name] = _plain(getattr(event, name))
        if type(event) is RunFinished:
            line["driver_seconds"] = round(thread_time() - self.at_work, 6)
        return line


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _named(value: Any) -> str:
    """What a later version may add and this one has no form for is named by its type, and not looked into."""
    return type(value).__name__


def _plain(value: Any) -> Any:
    make = _DOCUMENTS.get(type(value))
    return value if make is None else make(value)


def failure_document(failure: Failure) -> dict[str, Any]:
    """A failure in words."""
    exception = failure.exception
    return {
        "node": failure.node,
        "origin": failure.origin,
        "axes": list(failure.axes),
        "item": list(failure.item),
        "worker": failure.worker,
        "attempts": failure.attempts,
        "policy": failure.policy,
        "error": type(exception).__qualname__,
        "message": _said(exception),
        "traceback": "".join(traceback.format_exception(exception)),
    }


def _said(exception: BaseException) -> str:
    try:
        return str(exception)
    except Exception:  # its __str__ is the user's
        return "(its text cannot be made)"


def _journey_document(journey: Journey) -> dict[str, float]:
    """What is known of it: nothing where the call did not travel."""
    return {name: round(value, 6) for name, value in journey._asdict().items() if value}


_DOCUMENTS: Mapping[type, Callable[[Any], Any]] = {
    Failure: failure_document,
    Graph: lambda graph: [asdict(node) for node in nodes_of(graph)],
    Journey: _journey_document,
    Plan: lambda plan: [asdict(task) for task in outline_of(plan)],
}
