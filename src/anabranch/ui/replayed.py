"""A stored run as the record that charts are drawn from: its lines made events again, by the driver's clock of that time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from anabranch import events as told
from anabranch.see.outline import TaskOutline
from anabranch.see.report.record import Record

__all__ = ["record_of"]

_KINDS: Mapping[str, Any] = {
    kind.__name__: kind
    for kind in (
        told.CallFinished,
        told.CallStarted,
        told.FanFinished,
        told.FanOpened,
        told.RunFinished,
        told.SpanFinished,
        told.SpanSubmitted,
        told.WorkerDied,
    )
}
"""What a record is made of; events that came later or tell of other things are passed over."""


class _Clock:
    """Says what it is told to."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def record_of(lines: Iterable[Mapping[str, Any]], seconds: float) -> Record:
    """The record of a run as far as it has come, `seconds` after it began."""
    found = iter(lines)
    first = next(found)
    began = float(first.get("clock", 0.0))
    clock = _Clock(began)
    started = told.RunStarted(first["run_id"], tuple(first["outputs"]), first["executor"], int(first["slots"]))
    record = Record(started, clock)
    for line in found:
        event = _event(line)
        if event is not None:
            clock.now = began + float(line["at"])
            record(event)
    record.outline = tuple(_outline(task) for task in first.get("plan") or ())
    record.seconds = max(seconds, 1e-9)
    return record


def _event(line: Mapping[str, Any]) -> Any:
    kind = _KINDS.get(line["event"])
    if kind is None:
        return None
    names = {one.name for one in fields(kind)} & set(line)
    return kind(**{name: tuple(line[name]) if name == "where" else line[name] for name in names if name != "journey"})


def _outline(task: Mapping[str, Any]) -> TaskOutline:
    known = {one.name for one in fields(TaskOutline)}
    said = {name: value for name, value in task.items() if name in known}
    return TaskOutline(**{**said, "nodes": tuple(task["nodes"]), "reads": tuple(task["reads"])})
