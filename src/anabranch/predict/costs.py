"""What it costs to hand a call over, as a recording tells it.

Theory: four figures. The *driver* does one thing at a time, and each call takes it so long: its thread's processor time, less
what sources and stream readers took and what it ran itself, over the calls; where everything runs in the driver's thread,
what is left of the wall time. A *worker* that has its next call waiting begins with it after a gap: what it takes to pack and
unpack. A call that comes to an idle worker is *on its way* for a while, and so is its answer. What comes before the first call
and after the last one is *fixed*: starting workers, importing.

Of a sequential run only the first and the last can be known. For the others stands what calls cost between processes of one
machine; who knows the cluster says it better.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from statistics import median

from anabranch.predict.recording import CallRecord, Recording

__all__ = ["CALL_COST", "Costs", "costs_of"]

CALL_COST = 300e-6
"""Seconds that a call takes driver and worker where nothing is known, half of it each."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds: of the driver and of the worker for each call, on the way, and once for the run before and after."""

    driver: float = 0.0
    worker: float = 0.0
    way: float = 0.0
    fixed: float = 0.0

    def of_call(self, seconds: float) -> Costs:
        """The same with what somebody says a call costs."""
        return replace(self, driver=seconds / 2, worker=seconds / 2)


def costs_of(recording: Recording) -> Costs:
    """The costs of a run."""
    calls = recording.calls
    if not calls:
        return Costs(fixed=recording.seconds)
    first, last = min(call.begin for call in calls), max(call.end for call in calls)
    sources = sum(fan.source_seconds for fan in recording.fans) + sum(recording.reading.values())
    if recording.workers == 1 and not _crosses(recording):
        fixed = min(first, recording.seconds) + max(recording.seconds - last, 0.0)
        within = max(recording.seconds - fixed - sum(call.seconds for call in calls) - sources, 0.0)
        return Costs(max(within / len(calls), CALL_COST / 2), CALL_COST / 2, 0.0, fixed)
    fixed = min(first, recording.seconds) + max(recording.seconds - last, 0.0)
    return Costs(_driver(recording, sources), _worker(calls), _way(calls), fixed)


def _crosses(recording: Recording) -> bool:
    """Whether calls ran anywhere but in the driver's thread."""
    return recording.executor != "SequentialExecutor"


def _driver(recording: Recording, sources: float) -> float:
    if recording.driver_seconds is None:
        return CALL_COST / 2
    here = sum(call.seconds for call in recording.calls if call.worker == "driver")
    crossed = sum(call.worker != "driver" for call in recording.calls)
    return max(recording.driver_seconds - sources - here, 0.0) / crossed if crossed else CALL_COST / 2


def _worker(calls: Iterable[CallRecord]) -> float:
    """The gap between two calls of a worker of which the second was there before the first was over."""
    gaps, before = [], dict[str, CallRecord]()
    for call in sorted(calls, key=lambda one: one.begin):
        last = before.get(call.worker)
        if last is not None and call.handed < last.end:
            gaps.append(max(call.begin - last.end, 0.0))
        before[call.worker] = call
    return median(gaps) if gaps else CALL_COST / 2


def _way(calls: Iterable[CallRecord]) -> float:
    """The quickest way there and back, in one direction."""
    return max(min((call.begin - call.handed + call.known - call.end) / 2 for call in calls), 0.0)
