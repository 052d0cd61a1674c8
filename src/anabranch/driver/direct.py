"""A flow without fan-outs carried out at once in the calling thread: by compiled code, or along a table.

Theory: on an executor of one slot and this process's memory, with nobody who looks on and nothing that is done about failures,
all that the engine would do is to make one call. What a failure means is the same here as there; that a table is gone through
instead of text (`anabranch.plan.straight`) is nobody's business.

This module never plans, and keeps nothing from one run to the next.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CoroutineType
from typing import Any, Protocol

from anabranch.exceptions import annotate
from anabranch.failure import Failure, capture, trimmed
from anabranch.graph import Graph
from anabranch.markers import Skip
from anabranch.missing import PASSING, Aborted
from anabranch.plan import CallTask, Straight
from anabranch.recorder import Recorder
from anabranch.runtime import left_coroutine, misplaced_skip, unawaited

__all__ = ["Compiled", "Direct", "Walked"]


class Direct(Protocol):
    """Makes all values of a request."""

    def make(self, values: dict[str, Any]) -> None:
        """Adds what the outputs need to the values that are given.

        Raises:
            BaseException: what a function raised.
        """


class Compiled:
    """The one call of a plan."""

    __slots__ = ("arguments", "block", "entry", "results")

    def __init__(self, task: CallTask) -> None:
        self.block = task.code.load()
        self.entry: Callable[..., Any] = self.block.entry
        self.arguments = tuple(argument.value.name for argument in task.arguments)
        self.results = tuple(value.name for value in task.outputs)

    def make(self, values: dict[str, Any]) -> None:
        """Makes the call; see `Direct.make`."""
        recorder = Recorder(self.block)
        made: Any = None
        try:
            made = self.entry(recorder, (), 0, *[values[name] for name in self.arguments])
        except SystemExit as error:
            recorder.failures.append(self.block.failure_of(error, ()))
        except Aborted:
            pass  # and raised below, where it does not become the context of the user's exception
        if recorder.failures:
            raise trimmed(recorder.failures[0].error())
        made = (made,) if len(self.results) == 1 else made
        if CoroutineType in map(type, made):
            raise left_coroutine(self.results, unawaited(made) or 0)
        values.update(zip(self.results, made, strict=True))


class Walked:
    """A table of calls, made one after the other."""

    __slots__ = ("graph", "table")

    def __init__(self, graph: Graph, table: Straight) -> None:
        self.graph = graph
        self.table = table

    def make(self, values: dict[str, Any]) -> None:
        """Makes the calls; see `Direct.make`."""
        get = values.__getitem__
        name = ""
        failure: Failure | None = None
        try:
            for name, function, reads, named, gone in self.table.calls:
                if named:
                    values[name] = function(*map(get, reads), **{key: values[source] for key, source in named})
                else:
                    values[name] = function(*map(get, reads))
                for value in gone:
                    del values[value]
        except PASSING as error:
            if isinstance(error, KeyboardInterrupt):
                annotate(error, f"in {self.graph.nodes[name].label}")
            raise
        except BaseException as error:
            failure = self._failure(name, error)
        if failure is not None:  # raised here, where the failure itself does not become the context of anything
            raise trimmed(failure.error())

    def _failure(self, name: str, error: BaseException) -> Failure:
        reason = misplaced_skip(name) if isinstance(error, Skip) else error
        return Failure(name, (), (), capture(reason), self.graph.nodes[name].origin)
