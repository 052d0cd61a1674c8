"""What a run did, in figures: made of its events, task by task."""

from __future__ import annotations

from dataclasses import dataclass, field

from anabranch.events import CallFinished, CopyWon, Event, FanFinished, ItemFailed, SpanDoubled, SpanFinished

__all__ = ["Report", "TaskReport"]


@dataclass(slots=True)
class TaskReport:
    """One task: how many calls crossed to an executor, how many items they held, seconds spent inside them."""

    calls: int = 0
    items: int = 0
    seconds: float = 0.0
    workers: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Report:
    """A run in figures. `seconds` is wall time; `widths` holds the number of items of each finished fan-out; `doubled` counts
    the second copies of calls that took too long, and `copies_won` those that came back first.
    """

    seconds: float = 0.0
    tasks: dict[str, TaskReport] = field(default_factory=dict)
    widths: dict[str, int] = field(default_factory=dict)
    failures: int = 0
    doubled: int = 0
    copies_won: int = 0

    def observe(self, event: Event) -> None:
        """Takes one event into account."""
        if isinstance(event, SpanFinished):
            self._add(event.task, event.hi - event.lo, event.seconds, event.worker)
        elif isinstance(event, CallFinished):
            self._add(event.task, 1, event.seconds, event.worker)
        elif isinstance(event, FanFinished):
            self.widths[event.task] = self.widths.get(event.task, 0) + event.length
        elif isinstance(event, ItemFailed):
            self.failures += 1
        elif isinstance(event, SpanDoubled):
            self.doubled += 1
        elif isinstance(event, CopyWon):
            self.copies_won += 1

    def _add(self, task: str, items: int, seconds: float, worker: str) -> None:
        entry = self.tasks.setdefault(task, TaskReport())
        entry.calls += 1
        entry.items += items
        entry.seconds += seconds
        entry.workers.add(worker)
