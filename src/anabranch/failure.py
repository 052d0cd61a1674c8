"""One failed item: which function, which item, what was raised and where in the user's code.

Theory: an exception must come out of a run as the user raised it, whichever process it was raised in, with one
traceback whose frames are the user's. A live traceback is kept where there is one; it cannot be pickled, so beside it
stand its frames as data, from which a traceback is rebuilt on the other side (the method of the `tblib` project: a code
object with the frame's file, name and line that raises). Causes and contexts travel the same way.

This module never decides what a failure does to the run.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from anabranch.errors import ForeignError

__all__ = ["Failure", "Frame", "Trace", "capture", "restore"]

GENERATED = "<anabranch "
"""How the file names of generated sources begin."""

_OWN = tuple(str(Path(__file__).parent.parent / name) for name in ("anabranch/", "anabranch_executors/"))
_OWN_EXECUTORS = str(Path(__file__).parent.parent.parent / "executors" / "anabranch_executors/")


class Frame(NamedTuple):
    """One line of a traceback."""

    file: str
    line: int
    function: str

    @property
    def is_internal(self) -> bool:
        """Whether this line is anabranch's own and not the user's."""
        return self.file.startswith((GENERATED, _OWN_EXECUTORS, *_OWN))


@dataclass(slots=True)
class Trace:
    """An exception with the frames it was raised through, fit to travel between processes."""

    exception: BaseException
    frames: tuple[Frame, ...]
    cause: Trace | None = None
    context: Trace | None = None
    suppressed: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """An item that has no value because a function raised.

    `item` holds the indices on `axes`, outermost first; both are empty outside a fan-out.
    """

    node: str
    axes: tuple[str, ...]
    item: tuple[int, ...]
    trace: Trace
    origin: str = ""
    worker: str = ""
    attempts: int = field(default=1)

    @property
    def exception(self) -> BaseException:
        """The user's exception, with a traceback of user frames."""
        return restore(self.trace)

    @property
    def place(self) -> str:
        """Function and item in words: ``'tree' (census.py:12), item source_file[3]``."""
        return f"'{self.node}'" + (f" ({self.origin})" if self.origin else "") + in_words(self.axes, self.item)

    def error(self) -> BaseException:
        """The exception to raise for this failure: the user's own, with a note of function, item and worker."""
        exception = self.exception
        where = f" on {self.worker}" if self.worker else ""
        note = f"in {self.place}{where}"
        if note not in getattr(exception, "__notes__", ()):
            exception.add_note(note)
        return exception


def in_words(axes: tuple[str, ...], item: tuple[int, ...]) -> str:
    """The item as ``, item package[0] source_file[3]``; empty outside a fan-out."""
    if not item:
        return ""
    return ", item " + " ".join(f"{axis}[{index}]" for axis, index in zip(axes, item, strict=False))


def capture(exception: BaseException, depth: int = 8) -> Trace:
    """Takes the exception's frames as data, and those of its causes down to `depth`."""
    cause, context = exception.__cause__, exception.__context__
    return Trace(
        exception,
        tuple(_frames(exception.__traceback__)),
        capture(cause, depth - 1) if cause is not None and depth else None,
        capture(context, depth - 1) if context is not None and context is not cause and depth else None,
        exception.__suppress_context__,
    )


def restore(trace: Trace) -> BaseException:
    """The exception with its causes and a traceback without anabranch's own frames (all frames if it has no other)."""
    exception = trace.exception
    live = _skip_internal(exception.__traceback__)
    exception.__traceback__ = live if live is not None else _rebuild(trace.frames)
    if trace.cause is not None:
        exception.__cause__ = restore(trace.cause)
    if trace.context is not None:
        exception.__context__ = restore(trace.context)
    exception.__suppress_context__ = trace.suppressed
    return exception


def portable(trace: Trace, dumps: Any, loads: Any) -> Trace:
    """The trace with every exception that does not survive `loads(dumps(it))` replaced by a `ForeignError`."""
    exception = trace.exception
    try:
        survivor = loads(dumps(exception))
        intact = type(survivor).__name__ == type(exception).__name__
    except Exception:  # noqa: BLE001  whatever pickling a foreign object raises, the answer is a stand-in
        intact = False
    if not intact:
        name = type(exception).__qualname__
        exception = ForeignError(f"{name}: {exception} (the exception itself could not be pickled)")
    return Trace(
        exception,
        trace.frames,
        None if trace.cause is None else portable(trace.cause, dumps, loads),
        None if trace.context is None else portable(trace.context, dumps, loads),
        trace.suppressed,
    )


def _frames(traceback: TracebackType | None) -> list[Frame]:
    frames = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        frames.append(Frame(code.co_filename, traceback.tb_lineno, code.co_name))
        traceback = traceback.tb_next
    return frames


def _skip_internal(traceback: TracebackType | None) -> TracebackType | None:
    found = traceback
    while found is not None:
        if not Frame(found.tb_frame.f_code.co_filename, 0, "").is_internal:
            return found
        found = found.tb_next
    return traceback


def _rebuild(frames: tuple[Frame, ...]) -> TracebackType | None:
    shown = [frame for frame in frames if not frame.is_internal] or list(frames)
    rebuilt: TracebackType | None = None
    for frame in reversed(shown):
        rebuilt = _one_frame(frame, rebuilt)
    return rebuilt


def _one_frame(frame: Frame, inner: TracebackType | None) -> TracebackType | None:
    """A traceback entry that prints as `frame`: the frame of a code object with its file, name and line that raised."""
    code = compile("\n" * (max(frame.line, 1) - 1) + "raise KeyError", frame.file, "exec")
    code = code.replace(co_name=frame.function, co_qualname=frame.function)
    try:
        exec(code, {"__name__": frame.function})  # noqa: S102  our own two words, to get a frame
    except KeyError:
        raised = sys.exc_info()[2]
        raised = raised and raised.tb_next
        return TracebackType(inner, raised.tb_frame, raised.tb_lasti, frame.line) if raised else inner
    return inner  # pragma: no cover  the line above raises
