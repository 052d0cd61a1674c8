"""A run that goes on in a thread of its own, and the handle by which its owner looks at it, waits for it or cancels it.

Theory: the handle never touches the run. To cancel is to put one message into the engine's inbox; progress is counted from
the events that every observer gets.
"""

from __future__ import annotations

import contextvars
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event as Flag
from threading import Lock, Thread
from typing import Any

from anabranch.errors import RunCancelled
from anabranch.events import Event, FanFinished, FanOpened, ItemFailed, SpanFinished
from anabranch.explain import Chronicle, Explanation, explained
from anabranch.failure import Failure
from anabranch.report import Report

__all__ = ["FanProgress", "RunHandle", "RunResult", "Watch"]


@dataclass(frozen=True)
class RunResult:
    """What came of a run: results by name, failures in the order in which they became known, figures."""

    run_id: str
    results: dict[str, Any]
    failures: tuple[Failure, ...]
    report: Report
    chronicle: Chronicle = field(default_factory=Chronicle, repr=False, compare=False)

    def explain(self, node: str, item: int | tuple[int, ...] | None = None) -> Explanation:
        """Why a function ran for an item, waited, was tried again, came from a cache, or has not run: `str` of it says so.

        Args:
            node: the function.
            item: the item's index, or its indices on all axes, outermost first; None is all of a function's items.

        Raises:
            InputError: there is no such function, or it has no such items.
        """
        return explained(self.chronicle, node, item)

    def __repr__(self) -> str:
        """Never shows a value, which may be as large as it likes."""
        failed = f", {len(self.failures)} failure{'s' * (len(self.failures) != 1)}" if self.failures else ""
        return f"<RunResult {self.run_id[:8]}: {', '.join(self.results)} in {self.report.seconds:.2f} s{failed}>"


@dataclass(frozen=True, slots=True)
class FanProgress:
    """How far a fan-out is: items done, items known so far, whether the source may give more, and how many failed."""

    done: int = 0
    known: int = 0
    source_open: bool = False
    failed: int = 0


@dataclass
class _Count:
    done: int = 0
    known: int = 0
    open: int = 0


@dataclass
class Watch:
    """What a handle shares with the run that it stands for."""

    run_id: str = field(default_factory=lambda: os.urandom(16).hex())
    counts: dict[str, _Count] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)
    chronicle: Chronicle = field(default_factory=Chronicle)
    stop: Callable[[Exception], None] | None = None
    cancelled: RunCancelled | None = None

    def began(self, stop: Callable[[Exception], None]) -> None:
        """The run can be stopped from now on, and is, if that was asked for already."""
        with self.lock:
            self.stop = stop
            if self.cancelled is not None:
                stop(self.cancelled)

    def cancel(self) -> None:
        """Stops the run, or has it stop when it begins."""
        with self.lock:
            if self.cancelled is None:
                self.cancelled = RunCancelled(f"run {self.run_id} was cancelled")
                if self.stop is not None:
                    self.stop(self.cancelled)

    def observe(self, event: Event) -> None:
        """Counts."""
        if isinstance(event, SpanFinished):
            count = self.counts.setdefault(event.axis, _Count())
            count.done += event.hi - event.lo
            count.known = max(count.known, count.done)
        elif isinstance(event, FanOpened):
            count = self.counts.setdefault(event.axis, _Count())
            count.open += event.length is None
            count.known += event.length or 0
        elif isinstance(event, FanFinished):
            count = self.counts.setdefault(event.axis, _Count())
            count.open = max(0, count.open - 1)
        elif isinstance(event, ItemFailed) and event.failure.axes:
            axis = event.failure.axes[-1]
            self.failed[axis] = self.failed.get(axis, 0) + 1


class RunHandle:
    """A run that was submitted.

    Args:
        start: does the run; called in a thread of its own.
        run_id: identifies it, if it has a name already.
    """

    def __init__(self, start: Callable[[Watch], RunResult], run_id: str = "") -> None:
        self._watch = Watch(run_id) if run_id else Watch()
        self._over = Flag()
        self._result: RunResult | None = None
        self._error: BaseException | None = None
        context = contextvars.copy_context()
        self._thread = Thread(target=context.run, args=(self._run, start), name="anabranch run", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        state = "failed" if self._error is not None else "over" if self.done() else "running"
        fans = [f"{axis} {fan.done}/{fan.known}{'+' * fan.source_open}" for axis, fan in self.progress().items()]
        return f"<RunHandle {self.run_id[:8]}: {', '.join([state, *fans])}>"

    @property
    def run_id(self) -> str:
        """Identifies the run."""
        return self._watch.run_id

    def done(self) -> bool:
        """Whether the run is over."""
        return self._over.is_set()

    def cancel(self) -> None:
        """Has the run stop: nothing more is sent, and what runs is killed where the executor can, else waited for.
        `result` then raises `RunCancelled`. Does nothing to a run that is over.
        """
        self._watch.cancel()

    def result(self, timeout: float | None = None) -> RunResult:
        """Waits for the end of the run.

        Args:
            timeout: seconds to wait at most; the run itself goes on.

        Raises:
            TimeoutError: the run is not over by then.
            RunCancelled: it was cancelled.
            BaseException: what `Driver.run` raises.
        """
        if not self._over.wait(timeout):
            raise TimeoutError(f"run {self.run_id} is not over after {timeout:g} s; it goes on")
        self._thread.join()
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result

    def explain(self, node: str, item: int | tuple[int, ...] | None = None) -> Explanation:
        """The same as `RunResult.explain`, also while the run goes on and after it has failed.

        Raises:
            InputError: there is no such function, or it has no such items.
        """
        return explained(self._watch.chronicle, node, item)

    def progress(self) -> dict[str, FanProgress]:
        """How far each fan-out is, by axis; over all its openings, where it is nested."""
        watch = self._watch
        return {
            axis: FanProgress(count.done, count.known, count.open > 0, watch.failed.get(axis, 0))
            for axis, count in list(watch.counts.items())
        }

    def _run(self, start: Callable[[Watch], RunResult]) -> None:
        try:
            self._result = start(self._watch)
        except BaseException as error:
            self._error = error
        finally:
            self._over.set()
