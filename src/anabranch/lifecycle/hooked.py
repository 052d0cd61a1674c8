"""Functions with adapters around them: what the generated code of a driver with node-level adapters calls.

Theory: where no adapter acts on functions, nothing here is ever imported, and a function is called as it is. Where one does,
the graph that is planned has a `Hooked` in the place of each function; the plan, the tasks and the workers know nothing of it.

One call of a function goes through these stages, from the outside in::

    cache            what is known already goes through none of the rest                `anabranch.rebuild`
    retry            the policy of the function: the whole of what follows, again       generated code, `Recorder`
      timeout        the time limit of one attempt                                      generated code, `Recorder`
        before       NodeExecutionHook.run_before_node_execution, in order              here
          methods    NodeExecutionMethod.run_to_execute_node, the first outermost       here
            function
        after        NodeExecutionHook.run_after_node_execution, in order               here
    failed           NodeFailureMethod.run_to_replace_failure, when no retry is left    `anabranch.lifecycle.tasks`
    store            what the function has given, and nothing that stands for a failure `anabranch.rebuild`

What a modifier makes of a function is nodes of their own: checks of `check_output`, savers, extracted columns. Each is a call
with all these stages, after that of the function.

A hook that raises is logged; a method that raises has failed the function. `Skip` is what it is everywhere: the item is left
out.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from anabranch.awaiting import Bridge, awaited
from anabranch.graph import Graph, Node, Parameter, Role
from anabranch.lifecycle.crew import Crew
from anabranch.lifecycle.telling import Hook
from anabranch.markers import marks_of

__all__ = ["Facts", "Hooked", "hooked", "item_name"]

ITEM: Final = "item·"
RUN: Final = "run·"
"""Keywords by which generated code tells the item and the run; no parameter is called so."""


def item_name(axes: tuple[str, ...], item: tuple[int, ...]) -> str | None:
    """An item in words, ``folder[0]/file[3]``; None outside of fan-outs."""
    return "/".join(f"{axis}[{index}]" for axis, index in zip(axes, item, strict=False)) or None


@dataclass(frozen=True, slots=True)
class Facts:
    """What hooks are told of a node.

    Attributes:
        names: what the function is called with by position, in order.
        axes: along which it runs.
        accepts: whether the function takes what stands for values that could not be made (`accept_error_sentinels`).
    """

    name: str
    tags: Mapping[str, Any]
    type: Any
    types: Mapping[str, Any]
    names: tuple[str, ...]
    axes: tuple[str, ...]
    expands: bool
    collects: bool
    accepts: bool


@dataclass(frozen=True, slots=True, eq=False)
class Hooked:
    """A function with adapters around it."""

    function: Callable[..., Any]
    facts: Facts
    crew: Crew

    @property
    def __anabranch__(self) -> dict[str, Any]:
        """The function's marks, and what generated code is to tell."""
        return {**marks_of(self.function), "item": ITEM, "run": RUN}

    @property
    def __wrapped__(self) -> Callable[..., Any]:
        """The function itself."""
        return self.function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the function, with all that goes along."""
        about = self._about(args, kwargs)
        crew = self.crew
        for hook in crew.before:
            hook.tell(about)
        try:
            result = self._called(args, kwargs, about)
        except BaseException as error:
            self._ended(about, error)
            raise
        if self.facts.expands and hasattr(result, "__next__"):
            watched = self._watched(result, about)
            next(watched)  # or closing it before its first item would tell nobody
            return watched
        self._ended(about, None, result)
        return result

    def _about(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """What hooks are told; takes away what generated code has added, but for what the function itself wants of it."""
        facts = self.facts
        item, run = kwargs.pop(ITEM, ()), kwargs.pop(RUN, "")
        given = dict(zip(facts.names, args, strict=False))
        given.update(kwargs)
        own = marks_of(self.function).get("item")
        if own is not None:
            kwargs[own] = item
        return {
            "node_name": facts.name,
            "node_tags": facts.tags,
            "node_kwargs": given,
            "node_return_type": facts.type,
            "node_input_types": facts.types,
            "task_id": item_name(facts.axes, item),
            "run_id": run,
            "item": item,
            "axes": facts.axes,
            "is_expand": facts.expands,
            "is_collect": facts.collects,
            "accepts_failures": facts.accepts,
        }

    def _called(self, args: tuple[Any, ...], kwargs: dict[str, Any], about: dict[str, Any]) -> Any:
        methods = self.crew.methods
        if not methods:
            return self.function(*args, **kwargs)
        given = about["node_kwargs"]
        extra = {name: value for name, value in kwargs.items() if name not in given}
        call: Callable[..., Any] = _ByName(self.function, self.facts.names[: len(args)], extra)
        for method in reversed(methods):
            call = _Link(self.function, functools.partial(_through, method, about, call))
        return call(**given)

    def _ended(self, about: dict[str, Any], error: BaseException | None, result: Any = None) -> None:
        told = {**about, "result": result, "error": error if isinstance(error, Exception) else None, "success": error is None}
        for hook in self.crew.after:
            hook.tell(told)

    def _watched(self, items: Iterator[Any], about: dict[str, Any]) -> Iterator[Any]:
        """None, and then the items as they are; the function has ended when they have."""
        try:
            yield None
            yield from items
        except GeneratorExit:
            self._ended(about, None)
            raise
        except BaseException as error:
            self._ended(about, error)
            raise
        self._ended(about, None)


class _ByName:
    """A function to be called by the names of its arguments, some of which it takes by position only."""

    __slots__ = ("__wrapped__", "extra", "positional")

    def __init__(self, function: Callable[..., Any], positional: tuple[str, ...], extra: dict[str, Any]) -> None:
        self.__wrapped__ = function
        self.positional = positional
        self.extra = extra

    def __call__(self, **given: Any) -> Any:
        """Calls it."""
        first = []
        for name in self.positional:
            if name not in given:
                break
            first.append(given.pop(name))
        return self.__wrapped__(*first, **given, **self.extra)


class _Link:
    """One method with all that is inside of it, to be called like the function."""

    __slots__ = ("__wrapped__", "step")

    def __init__(self, function: Callable[..., Any], step: Callable[[dict[str, Any]], Any]) -> None:
        self.__wrapped__ = function
        self.step = step

    def __call__(self, **given: Any) -> Any:
        """Calls the method."""
        return self.step(given)


def _through(method: Hook, about: dict[str, Any], call: Callable[..., Any], given: dict[str, Any]) -> Any:
    about = {**about, "node_callable": call, "node_kwargs": given}
    if not method.is_async:
        return method(about)
    return awaited(lambda bridge: method.begun({**about, "node_callable": _Lent(call, bridge)}))


class _Lent:
    """A function for an ``async def`` method: to be awaited, and done in the thread that waits for the method."""

    __slots__ = ("__wrapped__", "bridge")

    def __init__(self, call: Callable[..., Any], bridge: Bridge) -> None:
        self.__wrapped__ = call
        self.bridge = bridge

    async def __call__(self, **given: Any) -> Any:
        """Calls it."""
        return await self.bridge.ask(functools.partial(self.__wrapped__, **given))


def hooked(graph: Graph, crew: Crew) -> Graph:
    """The graph with adapters around each of its functions."""
    nodes = {name: node._replace(function=_hooked(node, graph.axes[name], crew)) for name, node in graph.nodes.items()}
    return replace(graph, nodes=nodes)


def _seen_type(parameter: Parameter) -> Any:
    """The type of what the function gets: lists, or an iterator, where it collects."""
    kind: Any = parameter.annotation
    for level in reversed(range(parameter.depth)):
        container: Any = list if level or parameter.role is Role.COLLECT else Iterator
        kind = container[kind]
    return kind


def _hooked(node: Node, axes: tuple[str, ...], crew: Crew) -> Hooked:
    names = tuple(parameter.name for parameter in node.parameters if not parameter.keyword)
    types = {parameter.name: _seen_type(parameter) for parameter in node.parameters}
    collects = any(parameter.role is not Role.PLAIN for parameter in node.parameters)
    marks = marks_of(plain_function(node.function))
    said = (node.name, node.tags, node.annotation, types, names, axes, node.expands, collects)
    return Hooked(node.function, Facts(*said, bool(marks.get("accepts_failures"))), crew)


def plain_function(function: Any) -> Any:
    """The user's function in what a modifier made of it by binding or gathering arguments."""
    while True:
        inner = getattr(function, "func", None) or getattr(function, "__wrapped__", None)
        if inner is None:
            return function
        function = inner
