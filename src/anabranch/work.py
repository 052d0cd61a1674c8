"""What happens in a worker: a call's values become arguments, generated code runs, an outcome comes back.

Theory: generated code (see `anabranch.plan.source`) is the loop a person would write, with one `try` around the steps
of an item. As long as nothing is raised nothing else is paid for. When a step raises, the line number tells which one;
`Recorder.rescue` notes the failure and runs what remains of that item, statement by statement, from the very same
source text, leaving out what needs a value that is not there (`anabranch.missing`).

Invariants: of a step that succeeded none is run again; a list that leaves a loop is as long as the loop had items; `ABSENT`
never reaches a user's function; a recorder's `holes` is set before anything missing is.

This module never knows where it runs: the sequential executor and a Ray worker call the same `perform`.
"""

from __future__ import annotations

import linecache
import types
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from enum import Enum
from itertools import repeat
from time import perf_counter, sleep
from typing import Any, Final, NamedTuple, Protocol

from anabranch.errors import AnabranchError, FlowError, TimedOut
from anabranch.exceptions import annotate
from anabranch.failure import GENERATED, Failure, capture, in_words
from anabranch.markers import Skip
from anabranch.missing import (
    ABSENT,
    MISSING,
    PASSING,
    Aborted,
    Lacking,
    Missing,
    Uneven,
    Withheld,
    compact,
    withheld,
    worst,
)
from anabranch.policies import Cause, OnError, Policy

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


class Form(Enum):
    """How the parts of an argument become one value."""

    WHOLE = "the one part as it is"
    JOINED = "lists, end to end, with their absent places"
    COLLECTED = "lists, end to end, without absent places: what Collect hands to a function"
    LISTED = "each part one element of a list"


class Part(NamedTuple):
    """Elements [start, stop) of the list `values[position]`; all of the value where `stop` is None; one element where
    `stop` is negative.
    """

    position: int
    start: int = 0
    stop: int | None = None


class Argument(NamedTuple):
    """One argument of a block: where its parts are, and how they become one value."""

    form: Form
    parts: tuple[Part, ...]
    depth: int = 1
    holes: bool = False


class Layout(NamedTuple):
    """What a worker needs to know of a call besides code and values; small and quick to pickle.

    `where` are the outer indices, `start` the index of the first item; `on_error` is the run's policy, for functions that
    have none of their own.
    """

    call: int
    where: tuple[int, ...]
    start: int
    arguments: tuple[Argument, ...]
    on_error: OnError = "raise"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call: one value or reference for each output of its block, and what failed.

    `holes` tells for each output what is missing: of a list `ABSENT` if it may have places where something is, of a single
    value what stands for it, else None. `seconds` is the time spent inside the block and `started` when that began, by
    the worker's monotonic clock; `retries` counts attempts beyond the first.
    """

    call: int
    outputs: tuple[Any, ...]
    holes: tuple[Missing | None, ...]
    failures: tuple[Failure, ...]
    seconds: float
    started: float
    worker: str = ""
    retries: int = 0


class Timer(Protocol):
    """Enforces time limits; see `anabranch.deadline`."""

    def limit(self, seconds: float, node: str, where: tuple[int, ...]) -> AbstractContextManager[None]:
        """Stops the block after so many seconds, if it can, with `TimedOut`."""


@contextmanager
def _overdue(seconds: float, node: str) -> Iterator[None]:
    began = perf_counter()
    yield
    if perf_counter() - began > seconds:
        raise TimedOut(f"'{node}' took longer than its timeout of {seconds:g} s")


class Step(NamedTuple):
    """One line of generated code: whose it is, its text, the variables that it reads and writes, and which of those that it
    reads are lists to be collected, to which depth.
    """

    node: str
    line: int
    statement: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    collects: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Table:
    """The steps of one generated function, so that `rescue` can go on after one of them raised."""

    axes: tuple[str, ...]
    steps: tuple[Step, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Code:
    """A task as it travels: generated source, the functions it calls, and nothing else of the graph.

    `policies` are those of its functions that have one. `outputs` counts what the entry returns; where the code `loops`,
    each is a list over the span's items, but for the last `partials`, which are one value for the span. `key` is unique in
    the process that made the plan.
    """

    key: str
    name: str
    source: str
    functions: Mapping[str, Callable[..., Any]]
    tables: tuple[Table, ...]
    origins: Mapping[str, str]
    outputs: int
    loops: bool
    partials: int = 0
    policies: Mapping[str, Policy] = field(default_factory=dict)
    loaded: list[Block] = field(default_factory=list, compare=False, repr=False)

    @property
    def takes(self) -> tuple[str, ...]:
        """Of whom the entry's arguments are values, by the names of its parameters."""
        head = self.source.partition("(")[2].partition(")")[0]
        return tuple(named(name) for name in head.split(", ")[3:])

    @property
    def gives(self) -> tuple[str, ...]:
        """Of whom the entry's results are values; shorter where that cannot be told."""
        known = self.tables[0].outputs[: self.outputs - self.partials] if self.tables else ()
        return tuple(named(name) for name in known)

    @property
    def readers(self) -> str:
        """The functions that it calls, in words."""
        shown = [f"'{node}' ({origin})" for node, origin in self.origins.items()]
        return ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")

    def load(self) -> Block:
        """Compiles the source, once in each process."""
        if not self.loaded:
            self.loaded.append(Block(self))
        return self.loaded[0]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "loaded": []}


def named(variable: str) -> str:
    """The node that a variable of generated code is named after."""
    return (variable.partition("_")[2] or variable).replace("·", ".")


class Block:
    """Compiled code, ready to run."""

    __slots__ = ("__weakref__", "code", "entry", "lines", "namespace", "statements")

    def __init__(self, code: Code) -> None:
        filename = f"{GENERATED}{code.name} {code.key}>"
        linecache.cache[filename] = (len(code.source), None, code.source.splitlines(keepends=True), filename)
        weakref.finalize(self, linecache.cache.pop, filename, None).atexit = False
        self.code = code
        self.namespace: dict[str, Any] = {**code.functions, **RUNTIME}
        exec(compile(code.source, filename, "exec"), self.namespace)  # noqa: S102  this is what a plan compiles to
        self.entry: Callable[..., Any] = self.namespace["task"]
        self.lines = tuple({step.line: n for n, step in enumerate(table.steps)} for table in code.tables)
        self.statements: dict[tuple[int, int], types.CodeType] = {}

    def failure_of(self, error: BaseException, where: tuple[int, ...], worker: str = "") -> Failure:
        """The failure for what left the generated code: of the node whose line raised, or else of the task as a whole."""
        node, trace = self.code.name, error.__traceback__
        nodes = {step.line: step.node for table in self.code.tables for step in table.steps}
        while trace is not None:
            if trace.tb_frame.f_globals is self.namespace:
                node = nodes.get(trace.tb_lineno, node)
            trace = trace.tb_next
        axes = self.code.tables[0].axes[: len(where)] if self.code.tables else ()
        return Failure(node, axes, where, capture(error), self.code.origins.get(node, ""), worker)

    def statement(self, number: int, step: int) -> types.CodeType:
        """The code of one step, to be run with an item's variables as its locals."""
        found = self.statements.get((number, step))
        if found is None:
            text = self.code.tables[number].steps[step].statement
            found = compile(text, f"{GENERATED}{self.code.name} step>", "exec")
            self.statements[number, step] = found
        return found


class Recorder:
    """What generated code turns to when something is not there: `r` in its text.

    Args:
        block: the code.
        on_error: the policy of functions that have none of their own.
        holes: whether something may be missing in what the code is given.
        worker: where it runs.
        timer: enforces time limits; without one they are only noticed afterwards.
    """

    __slots__ = ("block", "failures", "holes", "on_error", "retries", "timer", "worker")

    def __init__(
        self,
        block: Block,
        on_error: OnError = "raise",
        *,
        holes: bool = False,
        worker: str = "",
        timer: Timer | None = None,
    ) -> None:
        self.block = block
        self.timer = timer
        self.on_error = on_error
        self.holes = holes
        self.worker = worker
        self.retries = 0
        self.failures: list[Failure] = []

    def rescue(self, number: int, error: BaseException, where: tuple[int, ...], env: dict[str, Any]) -> Any:
        """Takes over after a step of table `number` raised: tries it again if its policy says so, runs the item's remaining
        steps, and returns its outputs.
        """
        traceback = error.__traceback__
        failed = self.block.lines[number].get(traceback.tb_lineno if traceback else 0)
        if failed is None:
            raise error
        if isinstance(error, PASSING):
            table = self.block.code.tables[number]
            raise self._placed(error, table.steps[failed].node, table.axes, where)
        self._settle(number, failed, where, env, error)
        return self._go_on(number, failed + 1, where, env)

    def resume(self, number: int, where: tuple[int, ...], env: dict[str, Any]) -> Any:
        """Runs all the steps of an item for which something is missing, and returns its outputs."""
        return self._go_on(number, 0, where, env)

    def limit(self, seconds: float, node: str, where: tuple[int, ...]) -> AbstractContextManager[None]:
        """Surrounds a function that has a time limit."""
        return _overdue(seconds, node) if self.timer is None else self.timer.limit(seconds, node, where)

    def lacks(self, *values: Any) -> bool:
        """Whether one of the values is missing."""
        return any(type(value) in MISSING for value in values)

    def aligned(self, values: Any) -> Any:
        """`values`, or what is missing without end where the whole list is: what it is read beside rules the length."""
        if type(values) not in MISSING:
            return values
        self.holes = True
        return repeat(values)

    def gathered(self, values: list[Any], *others: Any) -> tuple[list[Any], Missing | None]:
        """What an associative collector is given of a span, and what is missing for it to be called, if anything is."""
        try:
            kept = compact(values, 1) if self.holes else values[:]
        except Withheld as reason:
            return [], reason.missing
        if not kept:
            return kept, ABSENT
        return kept, worst(others) if self.lacks(*others) else None

    def streamed(self, value: Any, depth: int) -> tuple[Any, ...]:
        """What a stream gives for one item: the item's value, closed to `depth` inside, or nothing."""
        try:
            return tuple(compact([value], depth + 1))
        except Withheld as reason:
            raise Lacking(reason.missing) from None

    def stop(self, node: str, axes: tuple[str, ...], where: tuple[int, ...], error: BaseException) -> None:
        """An expander failed while a stream was reading it: noted as the expander's, and the reader goes without."""
        missing = ABSENT if isinstance(error, Skip) and where else self.note(node, axes, where, error)
        self.holes = True
        raise Lacking(missing)

    def note(
        self, node: str, axes: tuple[str, ...], where: tuple[int, ...], error: BaseException, attempts: int = 1
    ) -> Failure:
        """Records that a function failed; leaves the call if by its policy that ends the run."""
        self.holes = True
        if isinstance(error, Skip):
            error = misplaced_skip(node)
        code = self.block.code
        wrong = isinstance(error, (FlowError, Uneven))  # not an item's fault: the flow or the request is wrong
        policy = "raise" if wrong else policy_at(code.policies.get(node), self.on_error, where)
        origin = code.origins.get(node, "")
        failure = Failure(node, axes[: len(where)], where, capture(error), origin, self.worker, attempts, policy)
        self.failures.append(failure)
        if policy == "raise":
            raise Aborted
        return failure

    def _placed(self, error: BaseException, node: str, axes: tuple[str, ...], where: tuple[int, ...]) -> BaseException:
        """The interruption with a note of where it came; what is not the user's goes as it is."""
        if isinstance(error, KeyboardInterrupt):
            origin = self.block.code.origins.get(node, "")
            annotate(error, f"in '{node}'{f' ({origin})' if origin else ''}{in_words(axes[: len(where)], where)}")
        return error

    def _settle(self, number: int, n: int, where: tuple[int, ...], env: dict[str, Any], error: BaseException) -> None:
        """A step raised: it is tried again as long as its policy says so, or else what it makes is missing."""
        step = self.block.code.tables[number].steps[n]
        policy = self.block.code.policies.get(step.node)
        first, attempt = error, 1
        missing: Missing | None = None
        while missing is None:
            if isinstance(error, (Lacking, Withheld)):
                missing = error.missing
            elif isinstance(error, Skip) and where:
                missing = ABSENT
            elif (wait := _wait(policy, error, attempt)) is None:
                missing = self.note(step.node, self.block.code.tables[number].axes, where, error, attempt)
            else:
                attempt += 1
                self.retries += 1
                if wait:
                    sleep(wait)
                try:
                    exec(self.block.statement(number, n), self.block.namespace, env)  # noqa: S102
                except PASSING:
                    raise
                except BaseException as again:
                    error = _apart(again, first)
                else:
                    return
        self.holes = True
        for name in step.writes:
            env[name] = missing

    def _go_on(self, number: int, first: int, where: tuple[int, ...], env: dict[str, Any]) -> Any:
        table = self.block.code.tables[number]
        raised = env.get("error")
        for n in range(first, len(table.steps)):
            step = table.steps[n]
            needed = [env.get(name, ABSENT) for name in step.reads]
            if self.lacks(*needed):
                missing = worst([*needed, *(withheld(env.get(name, ABSENT), depth) for name, depth in step.collects)])
                for name in step.writes:
                    env[name] = missing
                continue
            try:
                exec(self.block.statement(number, n), self.block.namespace, env)  # noqa: S102
            except PASSING:
                raise
            except BaseException as error:
                self._settle(number, n, where, env, _apart(error, raised))
        outputs = tuple(env.get(name, ABSENT) for name in table.outputs)
        return outputs if len(outputs) != 1 else outputs[0]


def _wait(policy: Policy | None, error: BaseException, attempt: int) -> float | None:
    """Seconds until a step is tried again; None if it isn't."""
    if policy is None or policy.retries is None or not isinstance(error, Exception) or isinstance(error, Skip):
        return None
    cause: Cause = "timeout" if isinstance(error, TimedOut) else "exception"
    return policy.retries.after(error, attempt, cause)


def _apart(error: BaseException, earlier: BaseException | None) -> BaseException:
    """The error without another step's or attempt's as its context, which it only has because we still hold that one."""
    if earlier is not None and error.__context__ is earlier:
        error.__context__ = None
    return error


def policy_at(own: Policy | None, of_run: OnError, where: tuple[int, ...]) -> OnError:
    """What a failure of a function there does; outside of any fan-out there is no item that could be left out."""
    policy = (own.on_error if own is not None else None) or of_run
    return policy if where or policy == "raise" else "finish"


def misplaced_skip(node: str) -> FlowError:
    """The error of a function that raises `Skip` where there is no item to be skipped."""
    return FlowError(f"'{node}' raised Skip outside a fan-out; only an item of a fan-out can be skipped")


_ITERABLE: Final = frozenset({types.GeneratorType, list, tuple, range})
"""What expanders mostly return; anything else is looked at more closely."""


def opened(values: Any, node: str) -> Iterator[Any]:
    """The iterator over what an expander returned.

    Raises:
        FlowError: it is a `str`, `bytes`, `dict` or coroutine, or cannot be iterated.
    """
    if type(values) in _ITERABLE:
        return iter(values)
    if isinstance(values, (str, bytes, bytearray, dict)) or not hasattr(values, "__iter__"):
        kind = type(values).__name__
        if hasattr(values, "close") and hasattr(values, "send"):
            values.close()  # a coroutine that nobody awaits would warn
        raise FlowError(
            f"'{node}' returns Parallelizable and must return an iterable of items, not {kind}; "
            f"return a list or yield the items one by one"
        )
    return iter(values)


def uneven(node: str, names: tuple[str, ...], lists: tuple[Any, ...]) -> None:
    """Checks that lists to be read side by side are equally long.

    Raises:
        Uneven: they are not.
    """
    lengths = [len(values) for values in lists if hasattr(values, "__len__")]
    if len(set(lengths)) > 1:
        sizes = ", ".join(
            f"'{name}' has {len(values)}" for name, values in zip(names, lists, strict=True) if hasattr(values, "__len__")
        )
        raise Uneven(f"values read by position along '{node}' must be equally many, but {sizes}")


def close(iterator: Any) -> None:
    """Closes a generator; other iterators need nothing."""
    if type(iterator) is types.GeneratorType:
        iterator.close()


RUNTIME: Final[dict[str, Any]] = {
    "close": close,
    "closing": closing,
    "compact": compact,
    "opened": opened,
    "uneven": uneven,
}
"""The names that generated code may use besides its functions."""


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
    block = code.load()
    holes_given = any(argument.holes for argument in layout.arguments)
    recorder = Recorder(block, layout.on_error, holes=holes_given, worker=worker, timer=timer)
    started = perf_counter()
    try:
        arguments = arguments_of(layout, values)
        if recorder.lacks(*arguments):
            recorder.holes = True
        started = perf_counter()
        outputs = block.entry(recorder, layout.where, layout.start, *arguments)
    except Aborted:
        return _nothing(recorder, layout, perf_counter() - started, started)
    except (AnabranchError, SystemExit) as error:
        recorder.failures.append(block.failure_of(error, layout.where, worker))
        return _nothing(recorder, layout, perf_counter() - started, started)
    seconds = perf_counter() - started
    if code.outputs == 1:
        outputs = (outputs,)
    holes: tuple[Missing | None, ...] = (None,) * code.outputs
    if recorder.holes:
        lists = code.outputs - code.partials if code.loops else 0
        holes = tuple(ABSENT if n < lists else _only_missing(value) for n, value in enumerate(outputs))
    return Outcome(layout.call, outputs, holes, tuple(recorder.failures), seconds, started, worker, recorder.retries)


def _only_missing(value: Any) -> Missing | None:
    return value if type(value) in MISSING else None


def _nothing(recorder: Recorder, layout: Layout, seconds: float, started: float) -> Outcome:
    """The outcome of a call that failed as a whole."""
    failures = tuple(recorder.failures)
    return Outcome(layout.call, (), (), failures, seconds, started, recorder.worker, recorder.retries)
