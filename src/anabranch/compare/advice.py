"""Which setting to take, and why, in plain words.

Theory: what was measured decides; why it came out so is then read off the same figures. Of all settings that take at most
`SLACK` longer than the quickest, in the middle or at their best, the plainest is taken: a tenth is less than what a machine
differs by from day to day, and processes that are not there need no memory. The reasons there can be:

* a flow that *waits* (most of its time is no processor time) goes on waiting in many threads at once;
* functions that *let go of the interpreter lock* keep several processors busy from threads, and nothing need be copied;
* functions that *keep the lock* gain from processes, if items are long enough to be worth handing over;
* else nothing is gained, because items are too short, because most of the time is not spent on items, or because the workers
  stand in each other's way.
"""

from __future__ import annotations

from dataclasses import dataclass

from anabranch.compare.figures import Comparison, Figures
from anabranch.compare.settings import SEQUENTIAL, Setting
from anabranch.words import bytes_of, duration, share

__all__ = ["Advice", "advice_on"]

SLACK = 1.10
"""A setting that takes so many times as long as the quickest is as good."""

WAITS = 0.5
"""A flow of which less than this share is processor time is one that waits."""

SHORT = 100e-6
"""Seconds; items below that can hardly be worth handing over."""

NOISE = 0.25
"""Rounds that differ by more are worth a word."""


@dataclass(frozen=True, slots=True)
class Advice:
    """The setting to take, why, and what else is worth knowing."""

    setting: Setting
    reason: str
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """``threads × 2: this flow waits …``."""
        return f"{self.setting.label}: {self.reason}"


def advice_on(comparison: Comparison) -> Advice:
    """What to take."""
    best = comparison.best
    good = [one for one in comparison.measured if min(one.ratio(best), one.spread[0] / best.spread[0]) <= SLACK]
    chosen = min(good, key=lambda one: one.setting.plainness)
    reasons = {SEQUENTIAL: _sequential, "threads": _threads, "processes": _processes}
    reason = reasons.get(chosen.setting.executor, _other)(comparison, chosen)
    return Advice(chosen.setting, reason, tuple(_notes(comparison, chosen)))


def _waits(comparison: Comparison) -> bool:
    return comparison.working < WAITS


def _best_of(comparison: Comparison, *executors: str) -> Figures | None:
    found = [one for one in comparison.measured if one.setting.executor in executors]
    return min(found, key=lambda one: one.ratio(comparison.base), default=None)


def _gain(comparison: Comparison, one: Figures) -> str:
    return f"{one.setting.label} {'gains' if (gain := comparison.speed_up(one)) >= 1 else 'comes to'} {gain:.2g}×"


def _sequential(comparison: Comparison, chosen: Figures) -> str:
    others = [one for one in comparison.measured if one is not chosen]
    if not others:
        return "nothing else could be measured"
    best = min(others, key=lambda one: one.ratio(chosen))
    each = chosen.busy / max(chosen.items, 1)
    if not chosen.fans_out:
        return f"nothing fans out here, and there is too little that could run at the same time ({_gain(comparison, best)})"
    if each < SHORT:
        processes = _best_of(comparison, "processes") or best
        longer = processes.ratio(chosen)
        took = f"{processes.setting.label} takes {longer:.2g}× as long" if longer >= 1 else _gain(comparison, processes)
        return f"items of {duration(each)} don't pay for {processes.setting.executor} ({took})"
    if chosen.fanned < 1 / 2:
        part = share(chosen.fanned, 1)
        return f"only {part} of the time in functions is spent on items; the rest runs once ({_gain(comparison, best)})"
    if comparison.processors < 2 and not _waits(comparison):
        return f"there is one processor, and it is busy ({_gain(comparison, best)})"
    _, slowed, outside = comparison.parts(best)
    if slowed > outside:
        slower = best.busy / max(comparison.base.busy, 1e-12)
        why = f"the same functions take {slower:.2g}× as long there: workers stand in each other's way"
    else:
        why = f"{share(outside, best.worker_seconds)} of its workers' time is spent outside of functions"
    return f"no other setting is worth it ({_gain(comparison, best)}; {why})"


def _threads(comparison: Comparison, chosen: Figures) -> str:
    processes = _best_of(comparison, "processes")
    if _waits(comparison):
        part = share(1 - comparison.working, 1)
        return f"this flow waits for {part} of its time, and threads wait at the same time{_lighter(chosen, processes)}"
    freed = f"the functions let go of the interpreter lock ({_gain(comparison, chosen)}), and nothing has to be copied"
    if processes is not None and processes.ratio(chosen) > SLACK:
        return f"{freed}; {processes.setting.label} takes {processes.ratio(chosen):.2g}× as long"
    return f"{freed}{_lighter(chosen, processes)}"


def _lighter(chosen: Figures, other: Figures | None) -> str:
    """What the plainer one saves, where that is known and worth a word."""
    if other is None or chosen.peak is None or other.peak is None or other.peak < 1.2 * chosen.peak:
        return ""
    return f"; {other.setting.label} needs {bytes_of(other.peak)} of memory instead of {bytes_of(chosen.peak)}"


def _processes(comparison: Comparison, chosen: Figures) -> str:
    threads = _best_of(comparison, "threads")
    gains = f"{_gain(comparison, chosen)}"
    if _waits(comparison):
        return f"{gains}, more than the other settings"
    if threads is None:
        return f"{gains}: the work is the processor's, and processes use several"
    if comparison.speed_up(threads) < 1.2:
        return f"the functions keep the interpreter lock: {gains}, {_gain(comparison, threads)}"
    return f"{gains}, {_gain(comparison, threads)}: the functions keep the interpreter lock for a part of their time"


def _other(comparison: Comparison, chosen: Figures) -> str:
    local = _best_of(comparison, SEQUENTIAL, "threads", "processes")
    beside = f", {_gain(comparison, local)}" if local is not None and local is not comparison.base else ""
    return f"{_gain(comparison, chosen)}{beside}"


def _notes(comparison: Comparison, chosen: Figures) -> list[str]:
    found = []
    workers = chosen.setting.workers
    most = max(one.setting.workers for one in comparison.measured if one.setting.executor == chosen.setting.executor)
    is_bound = not _waits(comparison) and workers >= comparison.processors
    if chosen.setting.executor != SEQUENTIAL and workers == most and comparison.efficiency(chosen) > 0.75 and not is_bound:
        part = share(comparison.efficiency(chosen), 1)
        found.append(f"more workers may gain more: {workers} are {part} efficient; try -w {workers * 2}")
    noisy = max(comparison.measured, key=_noise)
    if _noise(noisy) > NOISE:
        low, high = map(duration, noisy.spread)
        found.append(f"rounds differ ({noisy.setting.label}: {low} to {high}); more --rounds tell more surely")
    if chosen.start > 2 * chosen.wall and chosen.start - chosen.wall > 0.5:
        found.append(f"a first run takes {duration(chosen.start)}, for the workers have to be started; a driver keeps them")
    return found


def _noise(one: Figures) -> float:
    low, high = one.spread
    return (high - low) / low if low else 0.0
