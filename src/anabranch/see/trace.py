"""A run as a trace that chrome://tracing and ui.perfetto.dev open: a track for each worker, the fan-outs above them.

Theory: the trace-event format is a JSON array of events whose times are microseconds. It need not be closed, so a trace is
written as the run goes on, and a run that was killed has one too. A call is a *complete* event (``X``) on its
worker's track, with its pickling before and after it, and what the driver does itself, taking items from expanders and reading
streams, is one on the driver's; as each does one thing at a time they never overlap. A fan-out is a pair of *async* events
(``b``, ``e``); how many items are done, and what a worker holds in memory, is a *counter* (``C``); a failure is an
*instant* (``i``).
"""

from __future__ import annotations

import json
import os
from time import perf_counter
from typing import Any, TextIO

from anabranch.events import (
    CallFinished,
    Event,
    FanFinished,
    FanOpened,
    ItemFailed,
    RunFinished,
    RunStarted,
    SourcePulled,
    SpanFinished,
    SpanSubmitted,
    StreamRead,
    WorkerDied,
)
from anabranch.see.clocks import Clocks
from anabranch.see.files import RunFile
from anabranch.see.runs import EachRun

__all__ = ["Trace"]

WORTH_IT = 50e-6
"""Seconds; pickling that is shorter is not shown, and neither are items that were there at once."""

RUN = 1
"""The trace's one process: the run, wherever its workers are."""


class Trace(EachRun):
    """An observer that writes each run as a trace.

    Args:
        path: the file; ``{run_id}`` in it gives each run a file of its own.

    Raises:
        InputError: the file cannot be there.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        file = RunFile(path, "the trace")
        super().__init__(lambda started: _Tracer(started, file.open(started.run_id)))


class _Tracer:
    """Writes one run's trace."""

    def __init__(self, started: RunStarted, file: TextIO) -> None:
        self.file = file
        self.began = perf_counter()
        self.clocks = Clocks(self.began)
        self.tracks: dict[str, int] = {}
        self.ends: dict[str, float] = {}
        self.done: dict[str, int] = {}
        self.fans: dict[tuple[str, tuple[int, ...]], int] = {}
        self.count = 0
        file.write("[")
        self._write("M", "process_name", 0, args={"name": f"anabranch run of {', '.join(started.outputs)}"})
        self._write("M", "process_labels", 0, args={"labels": f"{started.executor} {started.run_id}".strip()})
        self._track("driver")

    def __call__(self, event: Event) -> None:
        now = perf_counter() - self.began
        if isinstance(event, SpanFinished):
            self._call(event, "span", {"items": event.hi - event.lo, "lo": event.lo, "hi": event.hi})
            self.done[event.task] = self.done.get(event.task, 0) + event.hi - event.lo
            self._write("C", f"items of {event.task}", now, args={"done": self.done[event.task]})
        elif isinstance(event, CallFinished):
            self._call(event, "call", {})
        elif isinstance(event, FanOpened):
            self._open(event.task, event.where, now)
        elif isinstance(event, (SourcePulled, StreamRead)):
            self._drive(event)
        elif isinstance(event, SpanSubmitted):
            if (event.task, event.where) not in self.fans:  # a later pass over items that are there
                self._open(event.task, event.where, now)
        elif isinstance(event, FanFinished):
            self._close(event.task, event.where, now, {"items": event.length})
        elif isinstance(event, (ItemFailed, WorkerDied)):
            self._mishap(event, now)
        elif isinstance(event, RunFinished):
            self._end(now, failed=event.failed)

    def _mishap(self, event: ItemFailed | WorkerDied, now: float) -> None:
        if isinstance(event, ItemFailed):
            failure = event.failure
            said = {"error": type(failure.trace.exception).__name__, "place": failure.place, "worker": failure.worker}
            self._write("i", f"{failure.node} failed", now, self._track(failure.worker or "driver"), s="p", args=said)
        else:
            held = {"task": event.task, "where": list(event.where), "lo": event.lo, "hi": event.hi}
            args = {"reason": event.reason, **held}
            self._write("i", "worker died", now, self._track(event.worker or "worker"), s="t", args=args)

    def _drive(self, event: SourcePulled | StreamRead) -> None:
        """What the driver did itself."""
        args: dict[str, Any] = {"where": list(event.where)}
        name = (event.task, "stream")
        if isinstance(event, SourcePulled):
            args |= {"items": event.hi - event.lo, "lo": event.lo, "hi": event.hi}
            name = (f"take items of {event.axis}", "source")
        self._slice("driver", name, event.started - self.began, event.seconds, args)

    def _call(self, event: SpanFinished | CallFinished, kind: str, args: dict[str, Any]) -> None:
        begin = self.clocks.begin(event.worker, event.started, event.seconds, perf_counter())
        way, move = event.journey, begin - event.started
        if way.unpacking >= WORTH_IT:
            self._slice(event.worker, ("unpickle", "pickling"), way.received + move, way.unpacking, {"bytes": way.given})
        args |= {"where": list(event.where)}
        args |= {name: value for name in ("retries", "cached") if (value := getattr(event, name))}
        self._slice(event.worker, (event.task, kind), begin, event.seconds, args, least=0.0)
        if way.returning >= WORTH_IT:
            self._slice(event.worker, ("pickle", "pickling"), way.returned + move - way.returning, way.returning, {})
        if way.memory:
            held = {"MiB": round(way.memory / 2**20, 1)}
            self._write("C", f"memory of {event.worker}", max(way.returned + move, 0.0), args=held)

    def _slice(
        self, worker: str, name: tuple[str, str], begin: float, seconds: float, args: dict[str, Any], *, least: float = WORTH_IT
    ) -> None:
        """Something that a worker did, unless it is shorter than `least`; it has a name and a category."""
        if seconds < least:
            return
        end = begin + seconds
        begin = max(begin, self.ends.get(worker, 0.0))  # clocks are read a little too early or too late
        self.ends[worker] = end = max(begin, end)
        self._write("X", name[0], begin, self._track(worker), dur=_micro(end - begin), cat=name[1], args=args)

    def _open(self, task: str, where: tuple[int, ...], now: float) -> None:
        number = self.fans[task, where] = len(self.fans) + 1
        self._write("b", task, now, id=number, cat="fan-out", args={"where": list(where)})

    def _close(self, task: str, where: tuple[int, ...], now: float, args: dict[str, Any]) -> None:
        number = self.fans.get((task, where))
        if number:
            self._write("e", task, now, id=number, cat="fan-out", args=args)
            self.fans[task, where] = 0

    def _end(self, now: float, *, failed: bool) -> None:
        for task, where in [key for key, number in self.fans.items() if number]:
            self._close(task, where, now, {"unfinished": True})
        self._write("X", "run", 0.0, self._track("run"), dur=_micro(now), cat="run", args={"failed": failed})
        self.file.write("\n]\n")
        self.file.close()

    def _track(self, worker: str) -> int:
        track = self.tracks.get(worker)
        if track is None:
            track = self.tracks[worker] = len(self.tracks) + 1
            self._write("M", "thread_name", 0, track, args={"name": worker or "worker"})
            self._write("M", "thread_sort_index", 0, track, args={"sort_index": track})
        return track

    def _write(self, phase: str, name: str, at: float, track: int = 0, **more: Any) -> None:
        event = {"ph": phase, "name": name, "pid": RUN, "tid": track, "ts": _micro(at), **more}
        self.file.write((",\n" if self.count else "\n") + json.dumps(event, separators=(",", ":")))
        self.count += 1


def _micro(seconds: float) -> float:
    return round(seconds * 1e6, 3)
