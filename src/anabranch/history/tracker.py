"""What is told of a run while it goes on: an adapter that keeps runs in a store.

Theory: the driver's thread only notes down what it is told, with the time; a thread of the run's own makes rows of it, and
writes them in groups, twice a second and at the end, which the run's end waits for. So an event costs the driver less than a
microsecond, and a driver that is killed loses half a second of its history. The run's row says who drives it and is renewed
with every group, so that whoever looks can tell a run that goes on from one that is lost.

A store that cannot be written is told of once, in the log; the run goes on, and is not kept any further.

Results and inputs are summed up in the driver's thread, for they may change as soon as the caller has them; what that may cost
is bounded (see `summaries`).
"""

from __future__ import annotations

import json
import logging
import os
from collections import deque
from collections.abc import Mapping
from threading import Event as Flag
from threading import Thread
from time import perf_counter, thread_time, time
from typing import Any

from anabranch.errors import RunCancelled
from anabranch.events import Event, ItemFailed, RunFinished, RunStarted
from anabranch.history.alive import place_of_process
from anabranch.history.flow import flow_of
from anabranch.history.store import FAILED, FINISHED, RUNNING, STOPPED, Store, Write, open_store
from anabranch.history.summaries import brief, summary_of, weight_of
from anabranch.lifecycle.base import GraphExecutionHook
from anabranch.lineage import Lineage
from anabranch.see.log import Lines
from anabranch.see.report.surroundings import surroundings
from anabranch.see.runs import EachRun
from anabranch.see.screens import document_of
from anabranch.see.tally import Tally
from anabranch.versions import Versions

__all__ = ["Tracker"]

PAUSE = 0.5
"""Seconds between two groups."""

MOST_EVENTS = 100_000
"""So many events of a run are kept; more are only counted."""

MOST_FAILURES = 1_000

LIGHT = 16 * 2**20
"""Inputs of more bytes have no version: to read them would take too long."""

COLUMNS = ("task", "lo", "hi", "seconds", "started", "worker")
EMPTY = {"journey", "inner", "retries", "cached"}
"""Left out where there is nothing of it."""

LEFT_OUT = {"event", "at", *COLUMNS}


class Tracker(EachRun, GraphExecutionHook):
    """An adapter that keeps each run in a store.

    Args:
        where: the store; see `anabranch.history.open_store`.
        name: what the runs are called; their functions' module if it is not said.
        previews: whether summaries may show some of the data itself.

    Raises:
        InputError, StoreError: see `open_store`.
    """

    def __init__(self, where: str | os.PathLike[str] | Store | None = None, *, name: str = "", previews: bool = True) -> None:
        self.store = where if isinstance(where, Store) else open_store(where)
        self.name = name
        self.previews = previews
        self._at_work: dict[str, _Run] = {}
        self._versions: dict[int, tuple[Any, str, str]] = {}
        super().__init__(self._begin)

    def _begin(self, started: RunStarted) -> _Run:
        run = self._at_work[started.run_id] = _Run(started, self)
        return run

    def run_before_graph_execution(
        self,
        *,
        graph: Lineage,
        inputs: Mapping[str, Any],
        overrides: Mapping[str, Any],
        execution_path: Any,
        run_id: str,
        **_: Any,
    ) -> None:
        """Notes what goes in."""
        run = self._at_work.get(run_id)
        if run is not None:
            run.flow = (graph, frozenset(execution_path))
            run.note_values("input", inputs)
            run.note_values("override", overrides)

    def run_after_graph_execution(
        self, *, error: BaseException | None, results: dict[str, Any] | None, run_id: str, **_: Any
    ) -> None:
        """Notes what came out."""
        run = self._at_work.pop(run_id, None)
        if run is not None:
            run.error = error
            run.note_values("output", results or {})

    def code_rows(self, graph: Lineage, used: frozenset[str]) -> Any:
        """The rows of a dataflow's functions."""
        return flow_of(graph, used, self._versions)


class _Run:
    """One run being kept: what the driver's thread has noted, and the thread that writes it."""

    def __init__(self, started: RunStarted, tracker: Tracker) -> None:
        self.started = started
        self.tracker = tracker
        self.run_id = started.run_id
        self.lines = Lines()
        self.time = time()
        self.tally = Tally(started, perf_counter())
        self.told: deque[tuple[Event, float]] = deque()
        self.values: deque[dict[str, Any]] = deque()
        self.flow: tuple[Lineage, frozenset[str]] | None = None
        self.error: BaseException | None = None
        self.driver_seconds = 0.0
        self.number = self.failed = self.left_out = 0
        self.over = Flag()
        self.broken = False
        self.at_work = thread_time()
        self.ended = 0.0
        self.thread = Thread(target=self._write, name="anabranch tracking", daemon=True)
        self.thread.start()

    def __call__(self, event: Event) -> None:
        """Notes one event; at the last one, waits until all is written."""
        self.told.append((event, perf_counter()))
        if type(event) is RunFinished:
            self.driver_seconds, self.ended = thread_time() - self.at_work, perf_counter()
            self.over.set()
            self.thread.join()

    def note_values(self, role: str, values: Mapping[str, Any]) -> None:
        """Sums up what goes in or comes out."""
        for position, (name, value) in enumerate(values.items()):
            summary = json.dumps(summary_of(value, preview=self.tracker.previews), ensure_ascii=False)
            version = None
            if weight_of(value) <= LIGHT:
                found = Versions().of_all([value])[0]
                version = found.hex() if found is not None else None
            row = {"run_id": self.run_id, "role": role, "name": name[:255], "position": position}
            self.values.append({**row, "version": version, "summary": summary})

    # -- in the thread of its own ----------------------------------------------------------------------------------

    def _write(self) -> None:
        try:
            self._guarded(self._first)
            while not self.over.wait(PAUSE):
                self._guarded(self._group)
            self._guarded(self._group)
            self._guarded(self._last)
        finally:
            self.told.clear()

    def _guarded(self, write: Any) -> None:
        if self.broken:
            return
        try:
            write()
        except Exception:
            self.broken = True
            logging.getLogger("anabranch").exception("run %s cannot be kept; it goes on", self.run_id)

    def _first(self) -> None:
        """The run's own row."""
        started = self.started
        line = self.lines.of(started) | {"at": 0.0, "clock": self.lines.began}
        row = {
            "run_id": self.run_id,
            "name": self.tracker.name or _module(started),
            "state": RUNNING,
            "started": self.time,
            "ended": None,
            "beat": self.time,
            "place": place_of_process(),
            "outputs": json.dumps(list(started.outputs)),
            "executor": started.executor,
            "slots": started.slots,
            "code": "",
            "error": None,
            "progress": self._progress(perf_counter()),
            "surroundings": json.dumps(surroundings()),
            "start_line": json.dumps(line, ensure_ascii=False, default=lambda value: type(value).__name__),
            "left_out": 0,
        }
        self.tracker.store.write([Write("runs", [row])])

    def _group(self) -> None:
        """What was told since the last group."""
        events, failures, now = [], [], perf_counter()
        while self.told:
            event, at = self.told.popleft()
            self.tally.observe(event, at)
            if type(event) is ItemFailed:
                failures += self._failure(event, at)
            elif type(event) not in {RunStarted, RunFinished}:
                events += self._event(event, at)
        changes: dict[str, Any] = {"beat": time(), "progress": self._progress(now), "left_out": self.left_out}
        group = [Write("events", events), Write("failures", failures), Write("values", list(_drained(self.values)))]
        if self.flow is not None:
            (graph, used), self.flow = self.flow, None
            flow = self.tracker.code_rows(graph, used)
            self.tracker.store.add_codes(flow.codes)
            group.append(Write("nodes", [{"run_id": self.run_id, **row, "name": row["name"][:255]} for row in flow.nodes]))
            changes["code"] = flow.code
        self.tracker.store.write([*group, Write("runs", [changes], self.run_id)])

    def _last(self) -> None:
        """How it ended."""
        error = self.error
        stopped = isinstance(error, (RunCancelled, KeyboardInterrupt))
        state = STOPPED if stopped else FAILED if self.tally.has_failed else FINISHED
        said = None if error is None else f"{type(error).__qualname__}: {_text(error)}"
        ended = {"run_id": self.run_id, "failed": state != FINISHED, "driver_seconds": self.driver_seconds}
        row = self._row("RunFinished", self.ended, ended)
        now = self.time + self.ended - self.lines.began
        changes = {"state": state, "ended": now, "beat": now, "error": said}
        self.tracker.store.write([Write("events", [row]), Write("runs", [changes], self.run_id)])

    def _event(self, event: Event, at: float) -> list[dict[str, Any]]:
        if self.number >= MOST_EVENTS:
            self.left_out += 1
            return []
        line = self.lines.of(event)
        return [self._row(line["event"], at, line)]

    def _row(self, kind: str, at: float, line: Mapping[str, Any]) -> dict[str, Any]:
        self.number += 1
        more = {name: value for name, value in line.items() if name not in LEFT_OUT and not (name in EMPTY and not value)}
        row = {name: line.get(name) for name in COLUMNS}
        said = json.dumps(more, separators=(",", ":"), ensure_ascii=False, default=lambda value: type(value).__name__)
        return {"run_id": self.run_id, "number": self.number, "kind": kind, "at": at - self.lines.began, **row, "more": said}

    def _failure(self, event: ItemFailed, at: float) -> list[dict[str, Any]]:
        self.failed += 1
        if self.failed > MOST_FAILURES:
            return []
        document = self.lines.of(event)["failure"]
        row = {"run_id": self.run_id, "number": self.failed, "at": at - self.lines.began}
        return [{**row, "failure": json.dumps(document, ensure_ascii=False, default=lambda value: type(value).__name__)}]

    def _progress(self, now: float) -> str:
        return json.dumps(document_of(self.tally.snapshot(now))["progress"], ensure_ascii=False)


def _drained(values: deque[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    while values:
        found.append(values.popleft())
    return found


def _module(started: RunStarted) -> str:
    """The module of the first output's function."""
    if started.graph is not None:
        for name in started.outputs:
            node = started.graph.nodes.get(name)
            if node is not None and node.originating:
                return str(getattr(node.originating[0], "__module__", "") or "")
    return ""


def _text(error: BaseException) -> str:
    try:
        return brief(str(error), 0) if len(str(error)) > 2000 else str(error)
    except Exception:  # its __str__ is the user's
        return "(its text cannot be made)"
