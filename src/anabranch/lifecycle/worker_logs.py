"""What functions print and log, wherever they run, in the driver's own log, with the function and the item that it is about.

Theory: in a worker process a call's lines are kept until it is over, and come back with what it gives; the driver's logging
then decides about them as about its own. Where functions run in the driver's process there is nothing to bring: lines are given
their place and go on at once. Which function and item it is, is read off the stack (`whereabouts`), so a function that says
nothing costs nothing but the looking for lines after each call.

What a worker said before it died in the middle of a call is lost; what it said in calls before is not.
"""

from __future__ import annotations

import io
import logging
import os
import socket
import sys
import threading
import time
from contextvars import ContextVar
from typing import Any, ClassVar, NamedTuple, TextIO

from anabranch.lifecycle.base import GraphExecutionHook, TaskExecutionHook, WorkerReport
from anabranch.lifecycle.whereabouts import Whereabouts, whereabouts

__all__ = ["WorkerLogs"]

MOST = 10_000
"""So many lines of one call are brought; the others are counted."""

PRINTS = "anabranch.prints"
"""The logger of what is printed."""


class Line(NamedTuple):
    """What was said: through which logger, or to which stream if `stream` says so; in which place."""

    place: Whereabouts | None
    name: str
    level: int
    text: str
    created: float
    stream: str = ""


class WorkerLogs(GraphExecutionHook, TaskExecutionHook, WorkerReport):
    """Brings what functions print and log to the driver's logging, each line with its function and item.

    Records keep the name of their logger and their level, and have ``anabranch_node``, ``anabranch_item`` and
    ``anabranch_worker``. What is printed is logged as INFO by ``anabranch.prints``; where that would be seen by nobody, it is
    written to the driver's own standard output and error.

    Args:
        prints: whether prints are brought, too; if not, they go where the worker's standard output goes.
    """

    def __init__(self, *, prints: bool = True) -> None:
        self.prints = prints
        self.home = _here()
        self.level = logging.WARNING

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "level": logging.getLogger().getEffectiveLevel()}

    # -- in the driver ---------------------------------------------------------------------------------------------

    def run_before_graph_execution(self, **future_kwargs: Any) -> None:
        """From now on lines of this process have a place."""
        _Local.enter(prints=self.prints)

    def run_after_graph_execution(self, **future_kwargs: Any) -> None:
        """The run is over."""
        _Local.leave()

    def run_after_report(self, *, facts: Any, run_id: str, **future_kwargs: Any) -> None:
        """Lines have come."""
        worker, lines, lost = facts
        for line in lines:
            _say(line, worker)
        if lost:
            _say(Line(None, PRINTS, logging.WARNING, f"{lost:,} more lines of one call were left out", 0.0), worker)

    # -- where functions run ---------------------------------------------------------------------------------------

    def run_before_task_execution(self, **future_kwargs: Any) -> None:
        """Lines of this call are kept from now on."""
        if _here() != self.home:
            _Remote.listen(self.level, prints=self.prints)
            _kept.set(_Kept())
        elif self.prints:
            _Local.wrap()

    def run_after_task_execution(self, **future_kwargs: Any) -> None:
        """They are brought home."""
        kept = _kept.get()
        if kept is not None and _here() != self.home:
            _kept.set(None)
            kept.close()
            if kept.lines:
                self.report((f"process {os.getpid()}", kept.lines, kept.lost))


def _here() -> tuple[str, int]:
    return socket.gethostname(), os.getpid()


def _say(line: Line, worker: str) -> None:
    """Logs a line in the driver."""
    logger = logging.getLogger(line.name)
    place = str(line.place) if line.place is not None else "a task"
    if line.stream and not (logger.isEnabledFor(line.level) and logger.hasHandlers()):
        stream = sys.stderr if line.stream == "stderr" else _plain(sys.stdout)
        if stream is not None:
            stream.write(f"{place}: {line.text}\n")
        return
    if not logger.isEnabledFor(line.level):
        return
    about = {"name": line.name, "levelno": line.level, "levelname": logging.getLevelName(line.level), "created": line.created}
    record = logging.makeLogRecord({**about, "msg": f"{place}: {line.text}", **_extra(line.place, worker)})
    logger.handle(record)


def _extra(place: Whereabouts | None, worker: str) -> dict[str, Any]:
    node, item = place if place is not None else ("", ())
    return {"anabranch_node": node, "anabranch_item": item, "anabranch_worker": worker}


# -- in a worker's process ---------------------------------------------------------------------------------------------


class _Kept:
    """The lines of one call; half a line that was printed waits for its end."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.lost = 0
        self.halves: dict[str, tuple[Whereabouts | None, str]] = {}

    def add(self, line: Line) -> None:
        """One more line."""
        if len(self.lines) < MOST:
            self.lines.append(line)
        else:
            self.lost += 1

    def printed(self, stream: str, text: str) -> None:
        """Something was printed, perhaps not a whole line."""
        place, before = self.halves.pop(stream, (None, ""))
        place = place or whereabouts()
        *whole, rest = (before + text).split("\n")
        for line in whole:
            self.add(Line(place, PRINTS, logging.INFO, line, time.time(), stream))
        if rest:
            self.halves[stream] = (place, rest)

    def close(self) -> None:
        """The call is over: half a line is a line."""
        for stream in list(self.halves):
            self.printed(stream, "\n")


_kept: ContextVar[_Kept | None] = ContextVar("anabranch worker logs", default=None)


class _Remote:
    """Listens in a worker's process, from the first call on; outside of calls everything goes where it went before."""

    is_listening: ClassVar[bool] = False
    lock: ClassVar[threading.Lock] = threading.Lock()

    @classmethod
    def listen(cls, level: int, *, prints: bool) -> None:
        """Begins to listen, the first time."""
        with cls.lock:
            root = logging.getLogger()
            if root.level > level or root.level == logging.NOTSET:
                root.setLevel(level)
            if not cls.is_listening:
                cls.is_listening = True
                root.addHandler(_Handler())
            for name in ("stdout", "stderr") if prints else ():
                stream = getattr(sys, name)
                if stream is not None and not isinstance(stream, _Stream):
                    setattr(sys, name, _Stream(stream, name))


class _Handler(logging.Handler):
    """Keeps records of calls."""

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps one."""
        kept = _kept.get()
        if kept is None:
            if len(logging.getLogger().handlers) == 1 and logging.lastResort is not None:
                logging.lastResort.handle(record)  # as it would without us
            return
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
        kept.add(Line(whereabouts(), record.name, record.levelno, text, record.created))


class _Stream(io.TextIOBase):
    """Standard output or error, of which what calls write is kept."""

    def __init__(self, stream: TextIO, name: str) -> None:
        self._stream = stream
        self._name = name

    def write(self, text: str) -> int:
        """Keeps or passes on."""
        kept = _kept.get()
        if kept is None:
            return self._stream.write(text)
        kept.printed(self._name, text)
        return len(text)

    def flush(self) -> None:
        """Flushes what was passed on."""
        self._stream.flush()

    def writable(self) -> bool:
        """It is."""
        return True

    def isatty(self) -> bool:
        """What is kept goes to no terminal."""
        return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


# -- in the driver's process -------------------------------------------------------------------------------------------


class _Local:
    """While runs go on here, lines of their functions that run in this process are given their place."""

    runs: ClassVar[int] = 0
    lock: ClassVar[threading.Lock] = threading.Lock()
    factory: ClassVar[Any] = None
    stream: ClassVar[TextIO | None] = None

    @classmethod
    def enter(cls, *, prints: bool) -> None:
        """A run begins."""
        with cls.lock:
            cls.runs += 1
            if cls.runs > 1:
                return
            cls.factory = logging.getLogRecordFactory()
            logging.setLogRecordFactory(_placed(cls.factory))
            if prints:
                cls.stream = _plain(sys.stdout)
                cls.wrap()

    @classmethod
    def wrap(cls) -> None:
        """Sees to it that standard output is listened to, whoever has put something in its place meanwhile."""
        if cls.stream is not None and sys.stdout is not None and not isinstance(sys.stdout, _Prefixing):
            sys.stdout = _Prefixing(sys.stdout)

    @classmethod
    def leave(cls) -> None:
        """A run is over; after the last, all is as before, unless somebody else has changed it since."""
        with cls.lock:
            cls.runs -= 1
            if cls.runs:
                return
            if getattr(logging.getLogRecordFactory(), "is_ours", False):
                logging.setLogRecordFactory(cls.factory)
            if isinstance(sys.stdout, _Prefixing):
                sys.stdout.end()
                sys.stdout = cls.stream
            cls.stream = None


def _placed(factory: Any) -> Any:
    """Makes records that say their place."""

    def make(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record: logging.LogRecord = factory(*args, **kwargs)
        known = not _Local.runs or "anabranch_node" in record.__dict__  # others may have wrapped us, and still do
        place = None if known else whereabouts()
        if place is not None:
            record.msg, record.args = f"{place}: {record.getMessage()}", None
            record.__dict__.update(_extra(place, "driver"))
        return record

    make.is_ours = True  # type: ignore[attr-defined]
    return make


def _plain(stream: Any) -> Any:
    """The stream, without what listens to it."""
    while isinstance(stream, _Prefixing):
        stream = stream.plain
    return stream


class _Prefixing(io.TextIOBase):
    """Standard output, whose lines that functions of flows print are given their place; made whole for each thread."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._halves: dict[int, tuple[Whereabouts, str]] = {}

    def write(self, text: str) -> int:
        """Writes whole lines of functions to the log, and what others write as it is."""
        place = whereabouts() if _Local.runs else None
        if place is None:
            return self._stream.write(text)
        thread = threading.get_ident()
        begun, before = self._halves.pop(thread, (place, ""))
        *lines, rest = (before + text).split("\n")
        for line in lines:
            self._say(begun, line)
            begun = place
        if rest:
            self._halves[thread] = (begun, rest)
        return len(text)

    @property
    def plain(self) -> TextIO:
        """The stream without us."""
        return self._stream

    def end(self) -> None:
        """Half a line is a line now."""
        while self._halves:
            _, (place, text) = self._halves.popitem()
            self._say(place, text)

    @staticmethod
    def _say(place: Whereabouts, text: str) -> None:
        _say(Line(place, PRINTS, logging.INFO, text, time.time(), "stdout"), "driver")

    def flush(self) -> None:
        """Flushes what was passed on."""
        self._stream.flush()

    def isatty(self) -> bool:
        """Whether it ends at a terminal."""
        return not self._stream.closed and self._stream.isatty()

    def writable(self) -> bool:
        """It is."""
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
