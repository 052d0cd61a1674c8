"""What a run did, call by call, as plain data: from the lines of an event file, or from a store of the same lines.

Theory: lines say when something became known by the driver's clock, and when a call began by its worker's. The two are brought
together worker by worker, so that a worker's quickest answer took no time (see `anabranch.see.clocks`).

Only a run that came to its end can be replayed; what a failed one would have done nobody knows.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anabranch.errors import InputError

__all__ = ["CallRecord", "FanRecord", "Recording", "read_recording", "recording_of"]

Where = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A call that came back: `lo` and `hi` are its items, both 0 where it is no span.

    Attributes:
        handed: when it was handed over, in seconds since the run began; `begin` if that is not known.
        begin: when it began, on its worker.
        known: when its answer was there.
        inner: fan-outs that were loops within it, and how many items each had in all.
    """

    task: str
    where: Where
    lo: int
    hi: int
    handed: float
    begin: float
    seconds: float
    known: float
    worker: str
    inner: tuple[tuple[str, int], ...] = ()

    @property
    def items(self) -> int:
        """How many items it held; 1 for a call that is no span."""
        return max(self.hi - self.lo, 1)

    @property
    def end(self) -> float:
        """When it was over."""
        return self.begin + self.seconds


@dataclass(frozen=True, slots=True)
class FanRecord:
    """A fan-out that came to its end; `counted` is whether its length was known when it began."""

    task: str
    axis: str
    where: Where
    length: int
    source_seconds: float
    counted: bool


@dataclass(frozen=True, slots=True)
class Recording:
    """A run.

    Attributes:
        shape: see `anabranch.see.shape`.
        nodes: the functions of each task, by its name.
        seconds: wall time.
        driver_seconds: processor time of the driver's thread; None if that is not known.
        reading: seconds that each stream reader worked, by its task.
        cached: results that were found in a cache; the calls that found them were quick.
    """

    run_id: str
    outputs: tuple[str, ...]
    executor: str
    slots: int
    shape: Mapping[str, Any]
    nodes: Mapping[str, tuple[str, ...]]
    seconds: float
    driver_seconds: float | None
    calls: tuple[CallRecord, ...]
    fans: tuple[FanRecord, ...]
    reading: Mapping[str, float] = field(default_factory=dict)
    cached: int = 0

    @property
    def workers(self) -> int:
        """How many workers it had: slots, or what was seen of them."""
        seen = {call.worker for call in self.calls if call.worker != "driver"}
        return max(self.slots, len(seen), 1)


def read_recording(path: str | os.PathLike[str]) -> Recording:
    """The run of an event file (``anabranch run --events``).

    Raises:
        InputError: it cannot be read, or holds no run that came to its end.
    """
    file = Path(path)
    try:
        with file.open(encoding="utf-8") as lines:
            return recording_of(_documents(lines, file), str(file))
    except OSError as error:
        raise InputError(f"'{file}' cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"'{file}' is no event file: {error}") from error


def _documents(lines: Iterable[str], file: Path) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(lines, 1):
        try:
            found = json.loads(line)
        except ValueError as error:
            if not line.endswith("\n"):  # the last one of a run that was killed
                return
            raise InputError(f"'{file}' is no event file: line {number} is no JSON: {error}") from error
        if not isinstance(found, dict):
            raise InputError(f"'{file}' is no event file: line {number} is no JSON object")
        yield found


def recording_of(lines: Iterable[Mapping[str, Any]], name: str = "the run") -> Recording:
    """The run that these lines tell of.

    Args:
        lines: see docs/see.md.
        name: what messages call it.

    Raises:
        InputError: it did not come to its end, or an earlier version of anabranch recorded it.
    """
    reader = _Reader(name)
    try:
        for line in lines:
            if line["event"] == "RunStarted":  # of several runs in a file the last one counts
                before = reader.started
                reader = _Reader(name, line, resumed=before is not None and before["run_id"] == line["run_id"])
            else:
                reader.take(line)
    except UnicodeDecodeError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{name} is no recording of a run: {type(error).__name__}: {error}") from error
    return reader.recording()


class _Reader:
    """Puts lines together."""

    def __init__(self, name: str, started: Mapping[str, Any] | None = None, *, resumed: bool = False) -> None:
        self.name = name
        self.resumed = resumed
        self.cached = 0
        self.started = started
        self.slots = 0
        self.ended: Mapping[str, Any] | None = None
        self.handed: dict[tuple[str, Where, int], float] = {}
        self.back: list[tuple[Mapping[str, Any], float]] = []
        self.fans: list[FanRecord] = []
        self.sources: dict[tuple[str, Where], tuple[bool, float]] = {}
        self.reading: dict[str, float] = {}

    def take(self, line: Mapping[str, Any]) -> None:
        """One line."""
        kind = line["event"]
        if kind in {"SpanSubmitted", "CallStarted"}:
            self.handed[line["task"], tuple(line["where"]), line.get("lo", 0)] = line["at"]
        elif kind in {"SpanFinished", "CallFinished"}:
            span = line["task"], tuple(line["where"]), line.get("lo", 0)
            self.back.append((line, self.handed.pop(span, -1.0)))
            self.cached += line.get("cached", 0)
        elif kind == "ExecutorLeased":
            self.slots = int(line["slots"])
        elif kind == "FanOpened":
            self.sources[line["task"], tuple(line["where"])] = line["length"] is not None, line.get("seconds", 0.0)
        elif kind == "SourcePulled":
            place = line["task"], tuple(line["where"])
            counted, seconds = self.sources.get(place, (False, 0.0))
            self.sources[place] = counted, seconds + line["seconds"]
        elif kind == "StreamRead":
            self.reading[line["task"]] = self.reading.get(line["task"], 0.0) + line["seconds"]
        elif kind == "FanFinished":
            self._fan(line)
        elif kind == "RunFinished":
            self.ended = line

    def _fan(self, line: Mapping[str, Any]) -> None:
        where = tuple(line["where"])
        counted, source = self.sources.pop((line["task"], where), (True, 0.0))
        self.fans.append(FanRecord(line["task"], line["axis"], where, int(line["length"]), source, counted))

    def recording(self) -> Recording:
        """All of it.

        Raises:
            InputError: see `recording_of`.
        """
        started, ended = self.started, self.ended
        if started is None:
            raise InputError(f"{self.name} holds no run: its first line must be RunStarted")
        if ended is None:
            raise InputError(f"{self.name} is not over, or was lost; only a run that came to its end can be replayed")
        if ended["failed"]:
            raise InputError(f"{self.name} failed; only a run that came to its end can be replayed")
        if self.resumed:
            raise InputError(f"{self.name} was resumed, and what it did before is not told; record one that went through")
        if not started.get("shape"):
            raise InputError(f"{self.name} was recorded without its shape, by an earlier version of anabranch; record it anew")
        return Recording(
            str(started["run_id"]),
            tuple(started["outputs"]),
            str(started["executor"]),
            self.slots or int(started["slots"]),
            started["shape"],
            {task["name"]: tuple(task["nodes"]) for task in started["plan"] or ()},
            float(ended["at"]),
            ended.get("driver_seconds"),
            tuple(self._calls()),
            tuple(self.fans),
            self.reading,
            self.cached,
        )

    def _calls(self) -> Iterator[CallRecord]:
        moves: dict[str, float] = {}
        for line, _ in self.back:
            late = line["at"] - (line["started"] + line["seconds"])
            moves[line["worker"]] = min(moves.get(line["worker"], late), late)
        for line, handed in self.back:
            begin = max(line["started"] + moves[line["worker"]], 0.0)
            inner = tuple((str(axis), int(items)) for axis, items in line.get("inner", ()))
            place = line["task"], tuple(line["where"]), line.get("lo", 0), line.get("hi", 0)
            timing = handed if 0 <= handed <= begin else begin, begin, line["seconds"], line["at"]
            yield CallRecord(*place, *timing, line["worker"], inner)
