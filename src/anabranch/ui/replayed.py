"""A stored run as the record that charts are drawn from: its lines made events again, by the driver's clock of that time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from anabranch.events import RunFinished, RunStarted
from anabranch.explain.lines import event_of
from anabranch.explain.outline import TaskOutline
from anabranch.see.report.record import Record

__all__ = ["record_of"]


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
    started = RunStarted(first["run_id"], tuple(first["outputs"]), first["executor"], int(first["slots"]))
    record = Record(started, clock)
    for line in found:
        said = {"retries": 0, "cached": 0, "length": None, **line}
        event = event_of(line["event"], said) if line["event"] not in {"RunStarted", "RunFinished"} else None
        if event is not None:
            clock.now = began + float(line["at"])
            record(event)
    clock.now = began + max(seconds, 1e-9)
    record(RunFinished(first["run_id"], failed=False))
    record.outline = tuple(_outline(task) for task in first.get("plan") or ())
    return record


def _outline(task: Mapping[str, Any]) -> TaskOutline:
    known = {one.name for one in fields(TaskOutline)}
    said = {name: value for name, value in task.items() if name in known}
    return TaskOutline(**{**said, "nodes": tuple(task["nodes"]), "reads": tuple(task["reads"])})
