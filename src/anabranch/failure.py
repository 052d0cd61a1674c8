"""One failed item: which function, which item, what was raised and where in the user's code.

Theory: an exception must come out of a run as the user raised it, whichever process it was raised in, with one
traceback whose frames are the user's. A live traceback is kept where there is one; it cannot be pickled, so beside it
stand its frames as data, from which a traceback is rebuilt on the other side (the method of the `tblib` project: a code
object with the frame's file, name and line that raises). Causes and contexts travel the same way.

This module never decides what a failure does to the run.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from types import CodeType, MappingProxyType, TracebackType
from typing import Any, NamedTuple, Self

from anabranch.errors import AnabranchError, ForeignError, InputError, InternalError
from anabranch.exceptions import Apart, annotate, apart, notes_of, put
from anabranch.policies import OnError

__all__ = ["Failed", "Failure", "Frame", "ItemsFailed", "Trace", "capture", "portable", "restore", "summary", "trimmed"]

GENERATED = "<anabranch "
"""How the file names of generated sources begin."""

_HERE = os.path.dirname(os.path.abspath(__file__))
_ROOTS = (os.path.dirname(_HERE), os.path.join(os.path.dirname(os.path.dirname(_HERE)), "executors"))
_OWN = tuple(os.path.join(root, name, "") for root in _ROOTS for name in ("anabranch", "anabranch_executors"))
"""Where anabranch's own files are: side by side when installed, in two roots in a checkout."""


class Span(NamedTuple):
    """Which part of the text raised: what a traceback underlines."""

    line: int
    end_line: int
    column: int
    end_column: int


class Frame(NamedTuple):
    """One line of a traceback."""

    file: str
    line: int
    function: str
    span: Span | None = None

    @property
    def is_internal(self) -> bool:
        """Whether this line is anabranch's own and not the user's."""
        return self.file.startswith((GENERATED, *_OWN))


@dataclass(slots=True)
class Trace:
    """An exception with the frames it was raised through, fit to travel between processes."""

    exception: BaseException
    frames: tuple[Frame, ...]
    cause: Trace | None = None
    context: Trace | None = None
    suppressed: bool = False

    def __getstate__(self) -> tuple[None, dict[str, Any]]:
        """Takes the exception apart: it is to come back whatever its `__init__` wants."""
        state = {name: getattr(self, name) for name in self.__slots__}
        return None, {**state, "exception": apart(self.exception)}

    def __setstate__(self, state: tuple[None, dict[str, Any]]) -> None:
        """Drops a traceback that came along (`tblib`, which Dask brings, pickles them): the frames stand for it."""
        for name, value in state[1].items():
            setattr(self, name, value.together() if type(value) is Apart else value)
        put(self.exception, "__traceback__", None)


@dataclass(frozen=True, slots=True)
class Failure:
    """An item that has no value because a function raised, took too long, or killed its worker.

    It stands in the item's place wherever the value would (as `Failed` in the annotation of a collect that takes it).

    Attributes:
        node: the function.
        axes: the axes along which it runs, outermost first; empty outside a fan-out.
        item: the indices on them.
        trace: what was raised, and where.
        origin: file and line of the function.
        worker: where it ran.
        attempts: how many times it was tried.
        policy: what the failure does to the rest of the run.
        value: what the expander gave for this item, if the driver has it.
        again: runs the item's task once more, here; only the first failures of a run can.
    """

    node: str
    axes: tuple[str, ...]
    item: tuple[int, ...]
    trace: Trace
    origin: str = ""
    worker: str = ""
    attempts: int = 1
    policy: OnError = "raise"
    value: Any = field(default=None, repr=False, compare=False)
    again: Callable[[], Any] | None = field(default=None, repr=False, compare=False)

    @property
    def exception(self) -> BaseException:
        """The user's exception, with a traceback of user frames."""
        return restore(self.trace)

    @property
    def place(self) -> str:
        """Function and item in words: ``'tree' (census.py:12), item source_file[3]``."""
        return f"'{self.node}'" + (f" ({self.origin})" if self.origin else "") + in_words(self.axes, self.item)

    def replay(self, *, debug: bool = False) -> Any:
        """Runs the failed item's task again in this process and thread, with its real inputs.

        Args:
            debug: when it raises, open the debugger where it did.

        Returns:
            What the task's functions give for the item, if nothing fails this time: one value, or a tuple of them.

        Raises:
            InputError: the inputs of this failure were not kept (they are for the first of a run).
            BaseException: what the function raises.
        """
        if self.again is None:
            raise InputError(f"the inputs of {self.place} were not kept, so it cannot be replayed")
        try:
            return self.again()
        except Exception as error:
            if not debug:
                raise
            import pdb  # noqa: T100  asked for
            import traceback

            traceback.print_exception(error)
            pdb.post_mortem(error.__traceback__)
            return None

    def __repr__(self) -> str:
        return f"<Failed {self.place}: {_said(self.trace.exception)}>"

    def error(self) -> BaseException:
        """The exception to raise for this failure: the user's own, with a note of function, item and worker.

        But for one that would end the interpreter, and with it the driver, without a word.
        """
        exception = self.exception
        if isinstance(exception, (SystemExit, GeneratorExit)):
            text = f"{type(exception).__name__}({exception})" if str(exception) else type(exception).__name__
            advice = "a function of a flow raises an Exception to fail, and returns to end"
            exception = ForeignError(f"{self.place} raised {text}; {advice}").with_traceback(exception.__traceback__)
        where = f" on {self.worker}" if self.worker else ""
        annotate(exception, f"in {self.place}{where}")
        return exception


Failed = Failure
"""The same, as a word for annotations: ``def report(parsed: Collect[Tree | Failed])``."""


_NOTHING: Mapping[str, Any] = MappingProxyType({})


class ItemsFailed(ExceptionGroup[Exception]):
    """Items failed whose failure did not end the run at once.

    Its exceptions are one for each kind of failure, the first; `failures` has all of them. `results` has those outputs that
    depend on none of them, if the run went on to its end and was not given up.
    """

    failures: tuple[Failure, ...]
    results: Mapping[str, Any]

    def __new__(
        cls,
        message: str,
        exceptions: Sequence[Exception],
        failures: Sequence[Failure] = (),
        results: Mapping[str, Any] = _NOTHING,
    ) -> Self:
        """Makes the group; the arguments of an exception group, all failures, and what there is all the same."""
        group = super().__new__(cls, message, exceptions)
        group.failures = tuple(failures)
        group.results = dict(results)
        return group

    def derive(self, exceptions: Sequence[Any], /) -> ItemsFailed:  # type: ignore[override]
        """A part of the group, as ``except*`` makes it."""
        return ItemsFailed(self.message, exceptions, self.failures, self.results)

    @classmethod
    def of(cls, failures: Sequence[Failure], why: str = "", results: Mapping[str, Any] = _NOTHING) -> ItemsFailed:
        """The group of these failures; `why` says what made the run give up, if it did."""
        firsts = [_as_exception(same[0].error()) for same in _by_kind(failures).values()]
        return cls(summary(failures) + why, firsts, failures, results)


def summary(failures: Sequence[Failure]) -> str:
    """The failures in words, repeats counted: ``ValueError × 412 in 'parse', first: bad line (item source_file[3])``."""
    lines = []
    for (_, kind), same in _by_kind(failures).items():
        first = same[0]
        item = in_words(first.axes, first.item).removeprefix(", ")
        text = _text(first.trace.exception)
        said = f": {text}" if text else ""
        many = f" × {len(same)}" if len(same) > 1 else ""
        lines.append(f"{kind}{many} in '{first.node}'{', first' if many else ''}{said}" + (f" ({item})" if item else ""))
    one = "an item failed" if failures[0].item else "a function failed"
    return (f"{len(failures)} items failed" if len(failures) > 1 else one) + ": " + "; ".join(lines)


def _by_kind(failures: Sequence[Failure]) -> dict[tuple[str, str], list[Failure]]:
    found: dict[tuple[str, str], list[Failure]] = {}
    for failure in failures:
        found.setdefault((failure.node, type(failure.trace.exception).__name__), []).append(failure)
    return found


def _text(exception: BaseException) -> str:
    """The first line of what it says."""
    try:
        return str(exception).partition("\n")[0][:200]
    except Exception:
        return ""


def _as_exception(error: BaseException) -> Exception:
    return error if isinstance(error, Exception) else ForeignError(_said(error))


def in_words(axes: tuple[str, ...], item: tuple[int, ...]) -> str:
    """The item as ``, item package[0] source_file[3]``; empty outside a fan-out."""
    if not item or not axes:
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
    """The exception with its causes and a traceback without anabranch's own frames.

    Where there are no other frames: none for an error that anabranch means to raise, for its text says it all, and all
    of them for any other.
    """
    exception = trace.exception
    if exception.__traceback__ is None:
        put(exception, "__traceback__", _rebuild(trace.frames))
    trimmed(exception)
    if trace.cause is not None:
        put(exception, "__cause__", restore(trace.cause))
    if trace.context is not None:
        put(exception, "__context__", restore(trace.context))
    put(exception, "__suppress_context__", trace.suppressed)
    return exception


def trimmed(exception: BaseException) -> BaseException:
    """The same exception, its traceback cut to what begins with the first user frame; see `restore`."""
    found = exception.__traceback__
    while found is not None and Frame(found.tb_frame.f_code.co_filename, 0, "").is_internal:
        found = found.tb_next
    is_meant = isinstance(exception, AnabranchError) and not isinstance(exception, InternalError)
    if found is not None or is_meant:
        put(exception, "__traceback__", found)
    return exception


def portable(trace: Trace, why_not: Callable[[BaseException], str]) -> None:
    """Makes the trace fit to travel: puts a `ForeignError` in the place of every exception that does not.

    `why_not` says what keeps an exception from travelling; nothing does if it says nothing. Traceback and causes are
    taken off the exceptions, for the trace has them; some libraries (`tblib`, which Dask loads) would pickle them too.
    """
    exception = trace.exception
    for name in ("__traceback__", "__cause__", "__context__"):
        put(exception, name, None)
    reason = why_not(exception)
    if reason:
        trace.exception = ForeignError(f"{_said(exception)} (the exception itself could not be brought back: {reason})")
        for note in notes_of(exception):
            annotate(trace.exception, note)
    for origin in (trace.cause, trace.context):
        if origin is not None:
            portable(origin, why_not)


def _said(exception: BaseException) -> str:
    kind = type(exception)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    try:
        return f"{name}: {exception}"
    except Exception:
        return name


def _frames(traceback: TracebackType | None) -> list[Frame]:
    frames = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        frames.append(Frame(code.co_filename, traceback.tb_lineno, code.co_name, _span(code, traceback.tb_lasti)))
        traceback = traceback.tb_next
    return frames


def _span(code: CodeType, instruction: int) -> Span | None:
    line, end_line, column, end_column = next(islice(code.co_positions(), instruction // 2, None), (None,) * 4)
    if line is None or end_line is None or column is None or end_column is None:
        return None
    return Span(line, end_line, column, end_column)


def _rebuild(frames: tuple[Frame, ...]) -> TracebackType | None:
    shown = [frame for frame in frames if not frame.is_internal] or list(frames)
    rebuilt: TracebackType | None = None
    for frame in reversed(shown):
        rebuilt = _one_frame(frame, rebuilt)
    return rebuilt


def _one_frame(frame: Frame, inner: TracebackType | None) -> TracebackType | None:
    """A traceback entry that prints as `frame`: the frame of a code object with its file, name and line that raised."""
    import ast

    line = max(frame.line, 1)
    span = frame.span or Span(line, line, 0, 0)
    places = {"lineno": span.line, "end_lineno": span.end_line, "col_offset": span.column, "end_col_offset": span.end_column}
    statement = ast.Raise(ast.Name("KeyError", ast.Load(), **places), None, **places)
    code = compile(ast.Module([statement], []), frame.file, "exec")
    code = code.replace(co_name=frame.function, co_qualname=frame.function)
    try:
        exec(code, {"__name__": frame.function})  # noqa: S102  our own two words, to get a frame
    except KeyError:
        raised = sys.exc_info()[2]
        raised = raised and raised.tb_next
        return TracebackType(inner, raised.tb_frame, raised.tb_lasti, frame.line) if raised else inner
    return inner  # pragma: no cover  the line above raises
