"""What a run's calls weighed: bytes on their way, and memory of workers, by worker and by task.

Theory: what a process holds at most only grows, so the peak that is known when a call is over belongs to the call if it was
lower before. What a worker holds when a call is over is told of each.
"""

from __future__ import annotations

from dataclasses import dataclass

from anabranch.events import CallFinished, PartsJoined, SpanFinished

__all__ = ["Load", "Loads"]


@dataclass(slots=True)
class Load:
    """Bytes.

    Attributes:
        given: went to workers.
        brought: came back.
        held: the most that a worker held for itself when a call was over.
        peak: of a worker, the most that it ever held, what it shares included; of a task, the highest such peak that its calls
            have raised.
        cached: results that were found instead of computed.
    """

    given: int = 0
    brought: int = 0
    held: int = 0
    peak: int = 0
    cached: int = 0


class Loads:
    """The loads of one run; `driver` is the peak of the driver's process."""

    def __init__(self) -> None:
        self.workers: dict[str, Load] = {}
        self.tasks: dict[str, Load] = {}
        self.driver = 0

    @property
    def given(self) -> int:
        """Bytes that went to workers."""
        return sum(load.given for load in self.tasks.values())

    @property
    def brought(self) -> int:
        """Bytes that came back."""
        return sum(load.brought for load in self.tasks.values())

    @property
    def peak(self) -> int:
        """The highest peak of a worker; 0 if none is known."""
        return max((load.peak for load in self.workers.values()), default=0)

    def add(self, event: SpanFinished | CallFinished | PartsJoined) -> None:
        """Takes one call into account."""
        way = event.journey
        worker = self.workers.setdefault(event.worker, Load())
        task = self.tasks.setdefault(event.task, Load())
        if way.peak > worker.peak:
            worker.peak = way.peak
            task.peak = max(task.peak, way.peak)
        for load in (worker, task):
            load.given += way.given
            load.brought += way.brought
            load.held = max(load.held, way.memory)
            load.cached += event.cached
