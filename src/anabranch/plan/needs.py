"""What a call needs where that depends on its inputs: the code of its task once more, with the deciding function in place.

Theory: a function that decides takes some of the parameters of the one that it decides for. So the loop that calls the one can
call the other, with the same arguments for the same items; what it returns are amounts instead of values.

This module never knows how much there is of anything.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from anabranch.placement import Resources, decided
from anabranch.plan.body import Body, Fan, Value
from anabranch.plan.select import Vertex
from anabranch.plan.source import Import, fan_code, once_code
from anabranch.work import MISSING, Code

__all__ = ["fan_needs_code", "most", "once_needs_code"]


class Deciding:
    """Called as the function is: calls `decide` with those of the arguments that it takes."""

    def __init__(self, decide: Callable[..., Any], names: Sequence[str]) -> None:
        self.decide = decide
        self.names = names
        taken = inspect.signature(decide).parameters.values()
        self.takes = {one.name for one in taken}
        self.takes_all = any(one.kind is one.VAR_KEYWORD for one in taken)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """The amounts."""
        given = {**dict(zip(self.names, arguments, strict=False)), **named}
        return self.decide(**{name: value for name, value in given.items() if self.takes_all or name in self.takes})


def once_needs_code(vertices: Mapping[str, Vertex], group: Sequence[Vertex], imports: Sequence[Import]) -> Code | None:
    """Gives the amounts for calls outside any loop of theirs; None if none of them decides by its inputs."""
    if not any(_decides(vertex) for vertex in group):
        return None
    (vertex,) = (_deciding(vertex) for vertex in group)
    return once_code({**vertices, vertex.name: vertex}, [vertex], imports, [Value(vertex.name, 0)])


def fan_needs_code(vertices: Mapping[str, Vertex], fan: Fan) -> Code | None:
    """Gives the amounts for each item of a fan; None if nothing in it decides by its inputs."""
    vertex = next((vertex for vertex in _calls(fan.body) if _decides(vertex)), None)
    if vertex is None:
        return None
    other = _deciding(vertex)
    fan = replace(fan, body=_with(fan.body, other))
    rank = len(vertex.axes) - len(fan.body.axes)
    return fan_code({**vertices, vertex.name: other}, fan, [Value(vertex.name, rank)])


def most(needs: Resources, found: Any) -> Resources:
    """The needs of a call, given what was decided for each of its items: the largest amount of each.

    Raises:
        FlowError: it decided on what makes no sense.
    """
    amounts: dict[str, Any] = {}
    for one in _each(found):
        known = decided(Resources(), one).amounts
        amounts.update({name: max(amount, amounts.get(name, 0)) for name, amount in known.items()})
    return decided(needs, amounts)


def _each(found: Any) -> Iterator[Any]:
    """What was decided, without lists around it, and without what is missing."""
    if isinstance(found, list):
        for one in found:
            yield from _each(one)
    elif type(found) not in MISSING:
        yield found


def _decides(vertex: Vertex) -> bool:
    return vertex.resources is not None and vertex.resources.decide is not None


def _deciding(vertex: Vertex) -> Vertex:
    assert vertex.resources is not None and vertex.resources.decide is not None
    names = [link.name for link in vertex.links if link.name is not None and not link.keyword]
    function: Callable[..., Any] = Deciding(vertex.resources.decide, names)
    loading = getattr(vertex.function, "loading", None)  # where arguments may be in a store
    return replace(vertex, function=function if loading is None else loading(function), policy=None)


def _calls(body: Body) -> Iterator[Vertex]:
    for step in body.steps:
        if isinstance(step, Fan):
            yield from _calls(step.body)
        else:
            yield step


def _with(body: Body, vertex: Vertex) -> Body:
    """The body with this vertex in the place of the one of its name."""
    steps = (
        replace(step, body=_with(step.body, vertex)) if isinstance(step, Fan) else vertex if step.name == vertex.name else step
        for step in body.steps
    )
    return replace(body, steps=tuple(steps))
