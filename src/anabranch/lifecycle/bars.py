"""Progress bars of tqdm and rich, fed by the engine's events: they count items, on every executor.

`anabranch.see.Progress` shows more of a run; these are for those who want their own bars to look as they do elsewhere.
"""

from __future__ import annotations

from typing import Any

from anabranch.libraries import library
from anabranch.see.progress import Progress
from anabranch.see.tally import Snapshot

__all__ = ["ProgressBar", "RichProgressBar"]

PAUSE = 0.1
"""Seconds between two looks."""


class ProgressBar(Progress):
    """One bar of tqdm's for each run: items done of those known so far, over all fan-outs, with the one that is at work.

    Args:
        desc: what stands in front of the bar.
        max_node_name_width: so many letters at most of the fan-out's name.
        kwargs: options of `tqdm.tqdm`.

    Raises:
        InputError: tqdm is not installed.
    """

    def __init__(self, desc: str = "Graph execution", max_node_name_width: int = 50, **kwargs: Any) -> None:
        tqdm = type("tqdm", (library("tqdm", "ProgressBar").tqdm,), {"monitor_interval": 0})  # no thread that stays behind
        bars: dict[str, Any] = {}

        def show(snapshot: Snapshot) -> None:
            bar = bars.get(snapshot.run_id)
            if bar is None:
                bar = bars[snapshot.run_id] = tqdm(desc=desc, **{"unit": "item", "total": 0, **kwargs})
            done, known = _counts(snapshot)
            bar.total = known if not any(fan.is_open for fan in snapshot.fans) else None
            bar.update(done - bar.n)
            at_work = next((fan.name for fan in snapshot.fans if not fan.is_over), "")
            notes = [at_work[:max_node_name_width]] if at_work else []
            bar.set_postfix_str(", ".join([*notes, f"{snapshot.failed} failed"] if snapshot.failed else notes))
            if snapshot.is_over:
                bars.pop(snapshot.run_id).close()

        super().__init__(show, every=PAUSE)


class RichProgressBar(Progress):
    """Bars of rich's: one for each run, and below it one for each of its fan-outs.

    Args:
        run_desc: what the run's bar is called.
        collect_desc: what stands in front of the fan-outs' names.
        columns: of `rich.progress.Progress`; its own, unless they are given.
        kwargs: options of `rich.progress.Progress`.

    Raises:
        InputError: rich is not installed.
    """

    def __init__(self, run_desc: str = "", collect_desc: str = "", columns: list[Any] | None = None, **kwargs: Any) -> None:
        progress = library("rich.progress", "RichProgressBar").Progress
        known: dict[str, _Bars] = {}

        def show(snapshot: Snapshot) -> None:
            bars = known.get(snapshot.run_id)
            if bars is None:
                bars = known[snapshot.run_id] = _Bars(progress(*(columns or ()), **kwargs), run_desc or "Running", collect_desc)
            bars.show(snapshot)
            if snapshot.is_over:
                known.pop(snapshot.run_id).progress.stop()

        super().__init__(show, every=PAUSE)


class _Bars:
    """The bars of one run."""

    def __init__(self, progress: Any, run_desc: str, collect_desc: str) -> None:
        self.progress = progress
        self.collect_desc = collect_desc
        self.progress.start()
        self.whole = progress.add_task(run_desc, total=None)
        self.fans: dict[str, Any] = {}

    def show(self, snapshot: Snapshot) -> None:
        """Draws the figures."""
        for fan in snapshot.fans:
            if fan.name not in self.fans:
                words = " ".join(word for word in (self.collect_desc, fan.name) if word)
                self.fans[fan.name] = self.progress.add_task("  " * (fan.depth + 1) + words, total=None)
            total = None if fan.is_open else fan.known
            self.progress.update(self.fans[fan.name], completed=fan.done, total=total)
        done, known = _counts(snapshot)
        is_open = any(fan.is_open for fan in snapshot.fans) and not snapshot.is_over
        self.progress.update(self.whole, completed=done, total=None if is_open else known)


def _counts(snapshot: Snapshot) -> tuple[int, int]:
    """Items that are done, and that are known; a flow without fan-outs has its calls."""
    if not snapshot.fans:
        return snapshot.calls, snapshot.calls + snapshot.running
    return sum(fan.done for fan in snapshot.fans), sum(fan.known for fan in snapshot.fans)
