"""What happens in a worker: a call's values become arguments, generated code runs, an outcome comes back.

Invariants: a list that leaves a loop is as long as the loop had items.

This module never knows where it runs: the sequential executor and a Ray worker call the same `perform`.

::

    work.py      performs a call                                 (this module, and the face of the others)
    recorder.py  what generated code turns to when a step raised
    code.py      what crosses to a worker and what comes back
    runtime.py   what generated code may use
    missing.py   what stands for a value that is not there
"""

from __future__ import annotations

import types
from dataclasses import replace
from time import perf_counter
from typing import Any

from anabranch.code import Argument, Block, Code, Form, Layout, Outcome, Part, Step, Table
from anabranch.errors import AnabranchError
from anabranch.journey import Journey
from anabranch.missing import ABSENT, MISSING, Aborted, Missing, Moving, PushedBack, Withheld, compact, worst
from anabranch.recorder import Recorder, Timer, policy_at
from anabranch.runtime import left_coroutine, opened, unawaited

__all__ = [
    "ABSENT",
    "MISSING",
    "Argument",
    "Block",
    "Code",
    "Form",
    "Layout",
    "Missing",
    "Outcome",
    "Part",
    "Step",
    "Table",
    "Timer",
    "compact",
    "finished_part",
    "opened",
    "perform",
    "policy_at",
    "worst",
]


def arguments_of(layout: Layout, values: tuple[Any, ...]) -> list[Any]:
    """Puts the arguments of a call together from its values."""
    return [_argument(argument, values) for argument in layout.arguments]


def _argument(argument: Argument, values: tuple[Any, ...]) -> Any:
    form, parts, depth, holes = argument
    if form is Form.WHOLE:
        return _element(parts[0], values)
    if form is Form.LISTED:
        return [_element(part, values) for part in parts]
    if len(parts) == 1 and parts[0].stop is None and form is Form.JOINED:
        return values[parts[0].position]
    joined: list[Any] = []
    for position, start, stop in parts:
        value = values[position]
        if stop is not None and stop < 0:
            joined.append(value)
        elif stop is None:
            joined.extend(value)
        else:
            joined.extend(value[start:stop])
    if form is Form.COLLECTED and (holes or depth > 1):
        try:
            return compact(joined, depth)  # inner lists are copied too: they are the function's own
        except Withheld as reason:
            return reason.missing
    return joined


def _element(part: Part, values: tuple[Any, ...]) -> Any:
    value = values[part.position]
    return value if part.stop is None or part.stop < 0 else value[part.start]


def finished_part(code: Code, layout: Layout, frame: types.FrameType | None, worker: str) -> Outcome | None:
    """What the loop of a span that is still running has made so far; None if there is nothing that could be kept.

    `frame` is the innermost of its thread. Partial values come at the end of a span only, and failures on its own.
    """
    namespace = code.load().namespace
    found = None
    while frame is not None:
        if frame.f_globals is namespace and frame.f_code.co_name == "task":
            found = frame.f_locals
        frame = frame.f_back
    if found is None or not code.loops or code.partials or found["r"].failures:
        return None
    lists = [found.get(f"out_{number}", []) for number in range(code.outputs)]
    done = min((len(values) for values in lists), default=0)
    if not done:
        return None
    holes = (ABSENT if found["r"].holes else None,) * len(lists)
    return Outcome(layout.call, tuple(values[:done] for values in lists), holes, (), 0.0, 0.0, worker)


def perform(
    code: Code, layout: Layout, values: tuple[Any, ...], worker: str = "", timer: Timer | None = None
) -> Outcome:
    """Runs one call here and now.

    A user's exception becomes a failure in the outcome, and so does `SystemExit`, which must not end a worker or the
    driver; other `BaseException`s propagate.
    """
    if code.around is not None:
        received = perf_counter()
        outcome = code.around(code, layout, values, lambda: _performed(code, layout, values, worker, timer))
        return replace(outcome, journey=Journey(received=received, returned=perf_counter()))
    return _performed(code, layout, values, worker, timer)


def _performed(code: Code, layout: Layout, values: tuple[Any, ...], worker: str, timer: Timer | None) -> Outcome:
    block = code.load()
    holes_given = any(argument.holes for argument in layout.arguments)
    recorder = Recorder(block, layout.on_error, holes=holes_given, worker=worker, timer=timer, run=layout.run)
    recorder.patient, recorder.movable, recorder.attempt = layout.patient, layout.movable, layout.attempt
    started = perf_counter()
    try:
        arguments = arguments_of(layout, values)
        if recorder.lacks(*arguments):
            recorder.holes = True
        started = perf_counter()
        outputs = block.entry(recorder, layout.where, layout.start, *arguments)
        if code.outputs == 1:
            outputs = (outputs,)
        left = unawaited(outputs, code.outputs - code.partials if code.loops else 0)
        if left is not None:
            raise left_coroutine(code.gives, left)
    except Aborted:
        return _nothing(recorder, layout, perf_counter() - started, started)
    except (PushedBack, Moving) as reason:
        recorder.failures.clear()
        nothing = _nothing(recorder, layout, perf_counter() - started, started)
        return replace(nothing, pushed=reason.pause) if isinstance(reason, PushedBack) else replace(nothing, moved=reason.move)
    except (AnabranchError, SystemExit) as error:
        recorder.failures.append(block.failure_of(error, layout.where, worker))
        return _nothing(recorder, layout, perf_counter() - started, started)
    seconds = perf_counter() - started
    holes: tuple[Missing | None, ...] = (None,) * code.outputs
    if recorder.holes:
        lists = code.outputs - code.partials if code.loops else 0
        holes = tuple(ABSENT if n < lists else _only_missing(value) for n, value in enumerate(outputs))
    widths = tuple(zip(code.inner, recorder.counts, strict=True))
    return Outcome(layout.call, outputs, holes, tuple(recorder.failures), seconds, started, worker, recorder.retries, widths)


def _only_missing(value: Any) -> Missing | None:
    return value if type(value) in MISSING else None


def _nothing(recorder: Recorder, layout: Layout, seconds: float, started: float) -> Outcome:
    """The outcome of a call that failed as a whole."""
    failures = tuple(recorder.failures)
    return Outcome(layout.call, (), (), failures, seconds, started, recorder.worker, recorder.retries)
