"""Functions that take too long in a worker process: seen by a second thread, told to the driver, and ended with the process.

Theory: the alarm of `anabranch.deadline.Interrupt` stops what listens to the interpreter. What does not (compiled code that
waits, a function that swallows every exception) is found by the guard, a little later: it tells the driver which item of
which function it was, and what the span had finished before, so that nothing else is lost; then the process ends. Code
that holds the interpreter's lock stops the guard too; for that there is the kernel's timer, later still, whose signal
tells the driver at least why the process ended.

This module never decides what becomes of the item.
"""

from __future__ import annotations

import os
import pickle
import select
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from time import monotonic
from typing import Any

from anabranch.deadline import GRACE, too_long
from anabranch.errors import TransferError
from anabranch.executor import CallLost
from anabranch.transport import portable_outcome
from anabranch.work import Code, Layout, finished_part

__all__ = ["Overdue"]


class Overdue:
    """What the main thread runs now that has a time limit, for the guard to look at."""

    def __init__(self, worker: str) -> None:
        self.worker = worker
        self._main = threading.main_thread().ident or 0
        self._call: tuple[Code, Layout, float] | None = None
        self._now: tuple[float, float, str, tuple[int, ...]] | None = None
        self._bell, self._ringer = os.pipe()

    # The main thread.

    @contextmanager
    def watched(self, code: Code, layout: Layout) -> Iterator[None]:
        """A call some of whose functions have time limits."""
        shortest = min(policy.timeout for policy in code.policies.values() if policy.timeout is not None)
        self._call = (code, layout, shortest)
        os.write(self._ringer, b"!")
        try:
            yield
        finally:
            self._call = None

    def write(self, node: str, where: tuple[int, ...], seconds: float) -> None:
        """A function with a time limit begins."""
        self._now = (monotonic() + seconds + GRACE / 2, seconds, node, where)

    def wipe(self) -> None:
        """It has ended."""
        self._now = None

    # The guard.

    def wait(self, control: int) -> CallLost | None:
        """Waits until there is something to read at `control`; or gives the item that has been running for too long."""
        while True:
            call, now = self._call, self._now
            pause = None if call is None else call[2] if now is None else max(0.0, now[0] - monotonic())
            ready, _, _ = select.select([control, self._bell], [], [], pause)
            if control in ready:
                return None
            if self._bell in ready:
                os.read(self._bell, 64)
            elif call is not None and now is not None and now is self._now and now[0] <= monotonic():
                return self._lost(call, now)

    def frames(self, lost: CallLost) -> list[Any]:
        """What tells the driver of it: what was lost, and what was finished, if that travels."""
        bare = replace(lost, finished=None)
        outputs: list[Any] = []
        if lost.finished is not None and self._call is not None:
            code, layout, _ = self._call
            with suppress(TransferError):
                part, outputs = portable_outcome(lost.finished, code, layout)
                bare = replace(lost, finished=part)
        return [pickle.dumps(bare, protocol=5), *outputs]

    def _lost(self, call: tuple[Code, Layout, float], now: tuple[float, float, str, tuple[int, ...]]) -> CallLost:
        code, layout, _ = call
        _, seconds, node, where = now
        part = finished_part(code, layout, sys._current_frames().get(self._main), self.worker)  # noqa: SLF001  the only way
        return CallLost(layout.call, too_long(node, seconds), self.worker, "timeout", node, where, part)
