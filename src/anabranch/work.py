"""What happens in a worker: a call's values become arguments, generated code runs, an outcome comes back.

Theory: generated code (see `anabranch.plan.source`) is the loop a person would write, with one `try` around the steps
of an item. As long as nothing is raised nothing else is paid for. When a step raises, the line number tells which one;
`Recorder.rescue` notes the failure and runs what remains of that item, statement by statement, from the very same
source text, leaving out what needs a value that is not there. A value that is not there is `ABSENT`, in place, so
that position in a list remains identity.

Invariants: an item's steps run at most once; a list that leaves a loop is as long as the loop had items; `ABSENT` never
reaches a user's function.

This module never knows where it runs: the sequential executor and a Ray worker call the same `perform`.
"""

from __future__ import annotations

import linecache
import types
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from enum import Enum
from itertools import repeat
from time import perf_counter
from typing import Any, Final, NamedTuple

from anabranch.errors import AnabranchError, FlowError, InputError
from anabranch.failure import GENERATED, Failure, capture
from anabranch.markers import Skip

__all__ = [
    "ABSENT",
    "Argument",
    "Block",
    "Code",
    "Form",
    "Layout",
    "Outcome",
    "Part",
    "Step",
    "Table",
    "compact",
    "opened",
    "perform",
]


class Absent(Enum):
    """The type of `ABSENT`; an enum, so that it is one object in every process."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT


class Aborted(BaseException):
    """Leaves generated code at the first failure of a call that does not tolerate any."""


class Lacking(BaseException):
    """Leaves a stream's reader because what it reads is not there; the reason has been noted already."""


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

    `where` are the outer indices, `start` the index of the first item; `tolerant` calls go on after a failure.
    """

    call: int
    where: tuple[int, ...]
    start: int
    arguments: tuple[Argument, ...]
    tolerant: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call: one value or reference for each output of its block, and what failed.

    `holes` tells for each output whether it has absent places; `seconds` is the time spent inside the block and
    `started` when that began, by the worker's monotonic clock.
    """

    call: int
    outputs: tuple[Any, ...]
    holes: tuple[bool, ...]
    failures: tuple[Failure, ...]
    seconds: float
    started: float
    worker: str = ""


class Step(NamedTuple):
    """One line of generated code: whose it is, its text, and the variables that it reads and writes."""

    node: str
    line: int
    statement: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """The steps of one generated function, so that `rescue` can go on after one of them raised."""

    axes: tuple[str, ...]
    steps: tuple[Step, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Code:
    """A task as it travels: generated source, the functions it calls, and nothing else of the graph.

    `outputs` counts what the entry returns; where the code `loops`, each is a list over the span's items, but for the
    last `partials`, which are one value for the span. `key` is unique in the process that made the plan.
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
    loaded: list[Block] = field(default_factory=list, compare=False, repr=False)

    @property
    def takes(self) -> tuple[str, ...]:
        """Of whom the entry's arguments are values, by the names of its parameters."""
        head = self.source.partition("(")[2].partition(")")[0]
        return tuple(name.partition("_")[2] or name for name in head.split(", ")[3:])

    @property
    def gives(self) -> tuple[str, ...]:
        """Of whom the entry's results are values; shorter where that cannot be told."""
        known = self.tables[0].outputs[: self.outputs - self.partials] if self.tables else ()
        return tuple(name.partition("_")[2] or name for name in known)

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

    def failure_of(self, error: BaseException, where: tuple[int, ...]) -> Failure:
        """The failure for what left the generated code: of the node whose line raised, or else of the task as a whole."""
        node, trace = self.code.name, error.__traceback__
        nodes = {step.line: step.node for table in self.code.tables for step in table.steps}
        while trace is not None:
            if trace.tb_frame.f_globals is self.namespace:
                node = nodes.get(trace.tb_lineno, node)
            trace = trace.tb_next
        axes = self.code.tables[0].axes[: len(where)] if self.code.tables else ()
        return Failure(node, axes, where, capture(error), self.code.origins.get(node, ""))

    def statement(self, number: int, step: int) -> types.CodeType:
        """The code of one step, to be run with an item's variables as its locals."""
        found = self.statements.get((number, step))
        if found is None:
            text = self.code.tables[number].steps[step].statement
            found = compile(text, f"{GENERATED}{self.code.name} step>", "exec")
            self.statements[number, step] = found
        return found


class Recorder:
    """What generated code turns to when something is not there: `r` in its text."""

    __slots__ = ("block", "failures", "holes", "tolerant")

    def __init__(self, block: Block, *, tolerant: bool, holes: bool) -> None:
        self.block = block
        self.tolerant = tolerant
        self.holes = holes
        self.failures: list[Failure] = []

    def rescue(self, number: int, error: BaseException, where: tuple[int, ...], env: dict[str, Any]) -> Any:
        """Notes that a step of table `number` raised, runs the item's remaining steps, and returns its outputs."""
        traceback = error.__traceback__
        failed = self.block.lines[number].get(traceback.tb_lineno if traceback else 0)
        if failed is None:
            raise error
        table = self.block.code.tables[number]
        if not isinstance(error, Lacking):
            self.note(table.steps[failed].node, table.axes, where, error)
        for name in table.steps[failed].writes:
            env[name] = ABSENT
        return self._go_on(number, failed + 1, where, env)

    def resume(self, number: int, where: tuple[int, ...], env: dict[str, Any]) -> Any:
        """Runs all the steps of an item some of whose inputs are absent, and returns its outputs."""
        return self._go_on(number, 0, where, env)

    def note(self, node: str, axes: tuple[str, ...], where: tuple[int, ...], error: BaseException) -> None:
        """Records one failure, or nothing if the item is skipped or the failure is known; aborts an intolerant call."""
        self.holes = True
        if isinstance(error, Skip):
            if where:
                return
            error = misplaced_skip(node)
        origin = self.block.code.origins.get(node, "")
        self.failures.append(Failure(node, axes[: len(where)], where, capture(error), origin))
        if not self.tolerant:
            raise Aborted

    def stop(self, node: str, axes: tuple[str, ...], where: tuple[int, ...], error: BaseException) -> None:
        """An expander failed while a stream was reading it: noted as the expander's, and the reader goes without."""
        self.note(node, axes, where, error)
        raise Lacking

    def _go_on(self, number: int, first: int, where: tuple[int, ...], env: dict[str, Any]) -> Any:
        table = self.block.code.tables[number]
        for n in range(first, len(table.steps)):
            step = table.steps[n]
            if all(env.get(name, ABSENT) is not ABSENT for name in step.reads):
                try:
                    exec(self.block.statement(number, n), self.block.namespace, env)  # noqa: S102
                    continue
                except Lacking:
                    pass
                except Exception as error:
                    self.note(step.node, table.axes, where, error)
            for name in step.writes:
                env[name] = ABSENT
        outputs = tuple(env.get(name, ABSENT) for name in table.outputs)
        if ABSENT in map(_only_absent, outputs):
            self.holes = True
        return outputs if len(outputs) != 1 else outputs[0]


def _only_absent(value: Any) -> Absent | None:
    return ABSENT if value is ABSENT else None


def misplaced_skip(node: str) -> FlowError:
    """The error of a function that raises `Skip` where there is no item to be skipped."""
    return FlowError(f"'{node}' raised Skip outside a fan-out; only an item of a fan-out can be skipped")


def compact(values: Iterable[Any], depth: int) -> list[Any]:
    """A list, or nested lists to `depth`, without its absent places."""
    if depth <= 1:
        return [value for value in values if value is not ABSENT]
    return [compact(value, depth - 1) for value in values if value is not ABSENT]


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


def missing_like(values: Any) -> Any:
    """`values`, or absent places without end where the whole list is absent: what it is read beside rules the length."""
    return repeat(ABSENT) if values is ABSENT else values


def uneven(node: str, names: tuple[str, ...], lists: tuple[Any, ...]) -> None:
    """Checks that lists to be read side by side are equally long.

    Raises:
        InputError: they are not.
    """
    lengths = [len(values) for values in lists if hasattr(values, "__len__")]
    if len(set(lengths)) > 1:
        sizes = ", ".join(
            f"'{name}' has {len(values)}" for name, values in zip(names, lists, strict=True) if hasattr(values, "__len__")
        )
        raise InputError(f"values read by position along '{node}' must be equally many, but {sizes}")


def close(iterator: Any) -> None:
    """Closes a generator; other iterators need nothing."""
    if type(iterator) is types.GeneratorType:
        iterator.close()


RUNTIME: Final[dict[str, Any]] = {
    "ABSENT": ABSENT,
    "Lacking": Lacking,
    "close": close,
    "closing": closing,
    "compact": compact,
    "missing_like": missing_like,
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
        return compact(joined, depth)  # inner lists are copied too: they are the function's own
    return joined


def _element(part: Part, values: tuple[Any, ...]) -> Any:
    value = values[part.position]
    return value if part.stop is None or part.stop < 0 else value[part.start]


def perform(code: Code, layout: Layout, values: tuple[Any, ...], worker: str = "") -> Outcome:
    """Runs one call here and now.

    A user's exception becomes a failure in the outcome, and so does `SystemExit`, which must not end a worker or the
    driver; other `BaseException`s propagate.
    """
    block = code.load()
    recorder = Recorder(block, tolerant=layout.tolerant, holes=any(argument.holes for argument in layout.arguments))
    started = perf_counter()
    try:
        arguments = arguments_of(layout, values)
        started = perf_counter()
        outputs = block.entry(recorder, layout.where, layout.start, *arguments)
    except Aborted:
        return _nothing(recorder, layout, perf_counter() - started, started, worker)
    except (AnabranchError, SystemExit) as error:
        recorder.failures.append(block.failure_of(error, layout.where))
        return _nothing(recorder, layout, perf_counter() - started, started, worker)
    seconds = perf_counter() - started
    if code.outputs == 1:
        outputs = (outputs,)
    lists = code.outputs - code.partials if code.loops else 0
    holes = tuple(recorder.holes if n < lists else value is ABSENT for n, value in enumerate(outputs))
    return Outcome(layout.call, outputs, holes, tuple(recorder.failures), seconds, started, worker)


def _nothing(recorder: Recorder, layout: Layout, seconds: float, started: float, worker: str) -> Outcome:
    """The outcome of a call that failed as a whole."""
    return Outcome(layout.call, (), (), tuple(recorder.failures), seconds, started, worker)
