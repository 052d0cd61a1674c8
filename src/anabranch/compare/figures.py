"""What was measured, and what it comes to.

Theory: of several rounds the median counts, and of two settings the median of the ratios that they had within each round.
Worker time (wall time × workers) has three parts: the *work*, which is what the functions took on the setting that all
are measured by; *slowed*, by how much longer the same functions took here (workers that stand in each other's way: the
interpreter lock, memory, processors that are not there); and *outside* of functions (engine, hand-over, waiting for the last).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from anabranch.compare.settings import SEQUENTIAL, Setting, processors
from anabranch.report import Report

__all__ = ["Comparison", "Figures", "Sample"]


@dataclass(frozen=True, slots=True)
class Sample:
    """One timed run.

    Attributes:
        wall: seconds from start to end.
        busy: seconds that all workers together spent in functions.
        processor: processor seconds of this process and its children.
        wanted: seconds in which the caller's thread ran, or would have if there had been a processor for it.
        calls: calls that crossed to a worker.
        items: items that they held, where loops are nested those of the outer one.
        fanned: the part of `busy` in tasks that are loops over items.
    """

    wall: float
    busy: float
    processor: float
    wanted: float
    calls: int
    items: int
    fanned: float

    @classmethod
    def of(cls, report: Report, wall: float, processor: float, wanted: float) -> Sample:
        """From the report of a run."""
        tasks = report.tasks
        fans = [task for name, task in tasks.items() if name in report.widths]
        busy = sum(task.seconds for task in tasks.values())
        calls, items = sum(task.calls for task in tasks.values()), sum(task.items for task in fans)
        return cls(wall, busy, processor, wanted, calls, items, sum(task.seconds for task in fans))


@dataclass(frozen=True, slots=True)
class Figures:
    """One setting.

    Attributes:
        start: seconds of the first run, with the start of the workers.
        peak: bytes at the worst moment, of this process and its children; None if that is not known.
        failed: why it could not be measured; empty if it was.
    """

    setting: Setting
    samples: tuple[Sample, ...]
    start: float = 0.0
    peak: int | None = None
    failed: str = ""

    @property
    def wall(self) -> float:
        """Seconds from start to end."""
        return median(sample.wall for sample in self.samples)

    @property
    def spread(self) -> tuple[float, float]:
        """The shortest and the longest."""
        walls = [sample.wall for sample in self.samples]
        return min(walls), max(walls)

    @property
    def busy(self) -> float:
        """Seconds in functions."""
        return median(sample.busy for sample in self.samples)

    @property
    def processor(self) -> float:
        """Processor seconds."""
        return median(sample.processor for sample in self.samples)

    @property
    def processors_busy(self) -> float:
        """How many processors were at work, on average."""
        return median(sample.processor / sample.wall for sample in self.samples)

    @property
    def worker_seconds(self) -> float:
        """Wall time × workers."""
        return self.wall * self.setting.workers

    @property
    def outside(self) -> float:
        """Seconds of worker time that were not spent in functions."""
        return max(self.worker_seconds - self.busy, 0.0)

    @property
    def items(self) -> int:
        """Items of the outermost fan-outs; calls where nothing fans out."""
        return self.samples[-1].items or self.samples[-1].calls

    @property
    def fans_out(self) -> bool:
        """Whether there were any items."""
        return self.samples[-1].items > 0

    @property
    def fanned(self) -> float:
        """The share of the time in functions that is spent on items."""
        return median(sample.fanned / sample.busy if sample.busy else 0.0 for sample in self.samples)

    def ratio(self, other: Figures) -> float:
        """How many times as long this one takes as another: the median over the rounds."""
        return median(mine.wall / theirs.wall for mine, theirs in zip(self.samples, other.samples, strict=True))


@dataclass(frozen=True, slots=True)
class Comparison:
    """All settings, in the order in which they were given; `rounds` is how often each was timed."""

    all: tuple[Figures, ...]
    outputs: tuple[str, ...]
    rounds: int

    @property
    def measured(self) -> Sequence[Figures]:
        """Those that did not fail."""
        return [one for one in self.all if not one.failed]

    @property
    def base(self) -> Figures:
        """What the others are measured by."""
        return self.measured[0]

    @property
    def best(self) -> Figures:
        """The quickest."""
        return min(self.measured, key=lambda one: one.ratio(self.base))

    @property
    def working(self) -> float:
        """The share of the base's time in which it did not wait for anything but a processor."""
        base = self.base
        if base.setting.executor == SEQUENTIAL:
            return median(min(sample.wanted / sample.wall, 1.0) for sample in base.samples)
        return min(base.processors_busy / base.setting.workers, 1.0)

    @property
    def processors(self) -> int:
        """How many there are."""
        return processors()

    def speed_up(self, one: Figures) -> float:
        """How many times as quick as the base."""
        return 1 / one.ratio(self.base)

    def efficiency(self, one: Figures) -> float:
        """The speed-up for each worker, by the base's workers."""
        return self.speed_up(one) * self.base.setting.workers / one.setting.workers

    def parts(self, one: Figures) -> tuple[float, float, float]:
        """Worker time: work, slowed, outside."""
        work = min(self.base.busy, one.busy)
        return work, max(one.busy - work, 0.0), one.outside
