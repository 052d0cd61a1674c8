"""What crosses to a worker and what comes back: a task's code, how a call's values become arguments, the outcome.

Theory: generated code (see `anabranch.plan.source`) is the loop a person would write. Beside its text stands a table of its
steps, so that what remains of an item can be run when one of them raised. Code is closed: it brings the functions that it
calls, what they say of their failures, and nothing else of the graph.

This module never runs a user's function.
"""

from __future__ import annotations

import linecache
import types
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple, Protocol

from anabranch.failure import GENERATED, Failure, capture
from anabranch.journey import AT_HOME, Journey
from anabranch.missing import Missing, Move
from anabranch.policies import OnError, Policy
from anabranch.runtime import RUNTIME

__all__ = ["Argument", "Block", "Code", "Form", "Layout", "Outcome", "Part", "Step", "Surrounding", "Table", "named"]


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
    have none of their own. `run` identifies the run, where something in the code asks for it. `threads` is to how many threads
    numeric libraries are held, if to any number; `patient` says that a call which is too much comes again, `movable` that an
    item may be tried again elsewhere. `attempt` is which one this is.
    """

    call: int
    where: tuple[int, ...]
    start: int
    arguments: tuple[Argument, ...]
    on_error: OnError = "raise"
    run: str = ""
    threads: int = 0
    patient: bool = True
    movable: bool = False
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call: one value or reference for each output of its block, and what failed.

    `holes` tells for each output what is missing: of a list `ABSENT` if it may have places where something is, of a single
    value what stands for it, else None. `seconds` is the time spent inside the block and `started` when that began, by
    the worker's monotonic clock; `retries` counts attempts beyond the first. `widths` are the axes that were looped over
    inside, each with how many items it had there. `journey` is what the way there and back took. `notes` are plain data for
    who put something around the code, and of no meaning to anybody else. `cached` counts results that were found instead of
    computed. `pushed` is a number if the call came to nothing because it was too much for what it calls: for how many seconds
    that asks to be left in peace, 0 if it does not say. `moved` is the item because of which it came to nothing, if that is to
    be tried again elsewhere.
    """

    call: int
    outputs: tuple[Any, ...]
    holes: tuple[Missing | None, ...]
    failures: tuple[Failure, ...]
    seconds: float
    started: float
    worker: str = ""
    retries: int = 0
    widths: tuple[tuple[str, int], ...] = ()
    journey: Journey = AT_HOME
    notes: tuple[Any, ...] = ()
    cached: int = 0
    pushed: float | None = None
    moved: Move | None = None


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


class Surrounding(Protocol):
    """What goes on around each call of a task, where it runs; see `anabranch.lifecycle.tasks`."""

    def __call__(self, code: Code, layout: Layout, values: tuple[Any, ...], work: Callable[[], Outcome]) -> Outcome:
        """Does the work, and returns what came of it."""


@dataclass(frozen=True)
class Code:
    """A task as it travels: generated source, the functions it calls, and nothing else of the graph.

    `functions` are these, by their variables, and values that arguments of them are bound to; `policies` are those of the
    functions that have one. `around` is what goes on around each call, and `instead` gives the value to go on with where a
    function has failed for good, or raises. `outputs` counts what the entry returns; where the code `loops`, each is a list
    over the span's items, but for the last `partials`, which are one value for the span; `inner` are the axes of the loops
    inside, whose items are counted. `key` is unique in the process that made the plan.
    """

    key: str
    name: str
    source: str
    functions: Mapping[str, Any]
    tables: tuple[Table, ...]
    origins: Mapping[str, str]
    outputs: int
    loops: bool
    partials: int = 0
    policies: Mapping[str, Policy] = field(default_factory=dict)
    around: Surrounding | None = field(default=None, compare=False, repr=False)
    instead: Callable[[Failure], Any] | None = field(default=None, compare=False, repr=False)
    inner: tuple[str, ...] = ()
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
