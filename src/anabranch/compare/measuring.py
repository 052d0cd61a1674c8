"""Running a flow on each setting by turns.

Theory: a machine is not the same from one minute to the next, so settings take turns, round by round, each round in the other
direction, and what counts is what is compared within a round. Every setting is run once beforehand: that starts its workers and
lets it learn how long items take, and is told apart as its *first run*. Memory is looked at in a run of its own at the end.

A setting whose executor cannot be had, or that cannot carry the flow's values, is told as failed, and the others go on; what a
user's function raises ends the comparison.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import Any

from anabranch.compare.figures import Comparison, Figures, Sample
from anabranch.compare.processes import PeakMemory, can_be_told, children_seconds, wanted_seconds
from anabranch.compare.settings import Setting
from anabranch.driver import Builder, Driver
from anabranch.errors import ExecutorError, InputError, TransferError, WorkerLost
from anabranch.handle import RunResult

__all__ = ["Job", "measured"]

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be run: a builder without an executor, outputs, inputs."""

    builder: Builder
    outputs: Sequence[str]
    inputs: Mapping[str, Any]

    def driver(self, setting: Setting) -> Driver:
        """A driver for a setting."""
        return self.builder.with_executor(setting.executor, **setting.options).build()

    def run(self, driver: Driver) -> RunResult:
        """Runs it once."""
        return driver.run(list(self.outputs), dict(self.inputs))


def measured(job: Job, settings: Sequence[Setting], rounds: int = 3, tell: Tell | None = None) -> Comparison:
    """Runs a job on every setting, `rounds` times and once beforehand.

    Args:
        job: what is run.
        settings: what is compared; the first is what the others are measured by.
        rounds: how often each is timed.
        tell: is told in words what comes next.

    Raises:
        InputError: there is nothing to compare.
        ExecutorError, TransferError, WorkerLost: none of the settings can carry the flow; what kept the first from it.
        BaseException: what a function of the flow raised.
    """
    if not settings:
        raise InputError("there is nothing to compare; name an executor")
    if rounds < 1:
        raise InputError(f"a comparison takes one round or more, not {rounds}")
    say = tell if tell is not None else _ignore
    with ExitStack() as stack:
        entries = [_Entry(setting) for setting in settings]
        for number, entry in enumerate(entries):
            say(f"starting {entry.setting.label} ({number + 1} of {len(entries)})")
            entry.start(job, stack)
        able = [entry for entry in entries if entry.error is None]
        if not able:
            assert entries[0].error is not None
            raise entries[0].error
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}")
            for entry in able if number % 2 == 0 else reversed(able):
                entry.time(job)
    if can_be_told():
        say("looking at memory")
        for entry in able:
            entry.weigh(job)
    return Comparison(tuple(entry.figures for entry in entries), tuple(job.outputs), rounds)


def _ignore(text: str) -> None:
    """Tells nobody."""


class _Entry:
    """One setting, its driver, and what has been measured of it."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.samples: list[Sample] = []
        self.start_seconds = 0.0
        self.peak: int | None = None
        self.error: Exception | None = None
        self.driver: Driver | None = None

    def start(self, job: Job, stack: ExitStack) -> None:
        """Builds the driver and runs the job for the first time."""
        started = perf_counter()
        try:
            self.driver = stack.enter_context(job.driver(self.setting))
            job.run(self.driver)
        except (ExecutorError, TransferError, WorkerLost) as error:
            self.error = error
        self.start_seconds = perf_counter() - started

    def time(self, job: Job) -> None:
        """Runs it with a clock."""
        assert self.driver is not None
        gc.collect()
        children, wanted, own, started = children_seconds(), wanted_seconds(), process_time(), perf_counter()
        made = job.run(self.driver)
        seconds, own, wanted = perf_counter() - started, process_time() - own, wanted_seconds() - wanted
        self.samples.append(Sample.of(made.report, seconds, own + children_seconds() - children, wanted))

    def weigh(self, job: Job) -> None:
        """Runs it once more, with workers of its own and nobody else's beside them, and looks at the memory meanwhile."""
        gc.collect()
        with job.driver(self.setting) as driver, PeakMemory() as memory:
            job.run(driver)
        self.peak = memory.peak

    @property
    def figures(self) -> Figures:
        """What came of it."""
        failed = "" if self.error is None else f"{type(self.error).__name__}: {self.error}"
        return Figures(self.setting, tuple(self.samples), self.start_seconds, self.peak, failed)
