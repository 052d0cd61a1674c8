"""A large flow of plain calls as a table to be gone through, where writing and compiling its text would cost too much.

Theory: generated code (`anabranch.plan.source`) pays where it runs often, as loops do. Thousands of functions outside of any
fan-out run once, or a few times, and writing their text takes many times as long as running them. So these are put into a
table that says what the text would: the same calls in the same order with the same arguments, each value dropped after its
last reader. It is made only where a failure ends the run and nothing can go on without a value: no fan-outs, no policies, no
overrides. What else there is has its text, and this flow has it too as soon as somebody asks for its plan.

This module never calls what is in the table.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from anabranch.awaiting import awaits
from anabranch.graph import Graph
from anabranch.markers import marks_of

__all__ = ["LEAST", "Straight", "straight"]

LEAST = 100
"""So many calls make a flow large."""

Named = tuple[tuple[str, str], ...]

Call = tuple[str, Any, tuple[str, ...], Named, tuple[str, ...]]
"""What it makes, its function, the values that it takes by position, those that it takes by name, and what nobody reads
after it.
"""


class Straight(NamedTuple):
    """Calls in an order in which they can be made, and the inputs that they read."""

    calls: list[Call]
    inputs: tuple[str, ...]


def straight(graph: Graph, outputs: Sequence[str], supplied: Collection[str]) -> Straight | None:
    """The table of what these outputs need; None if it is small, or more than plain calls, or lacks something."""
    if len(graph.nodes) < LEAST:
        return None
    needed = _needed(graph, outputs, supplied)
    if needed is None or len(needed) < LEAST:
        return None
    calls: list[Call] = []
    inputs: dict[str, None] = {}
    last: dict[str, int] = {}
    for name, node in graph.nodes.items():
        if name not in needed:
            continue
        arguments = _arguments(graph, name, supplied)
        if arguments is None:
            return None
        reads, named = arguments
        for source in reads if not named else (*reads, *(source for _, source in named)):
            if source in graph.nodes:
                last[source] = len(calls)
            else:
                inputs[source] = None
        calls.append((name, node.function, reads, named, ()))
    _drop(calls, last, set(outputs))
    return Straight(calls, (*inputs, *(name for name in outputs if name not in graph.nodes and name not in inputs)))


def _needed(graph: Graph, outputs: Sequence[str], supplied: Collection[str]) -> set[str] | None:
    """The nodes that have to run; None if one of them is more than a plain call, or a name is unknown."""
    nodes, edges, axes = graph.nodes, graph.edges, graph.axes
    found: set[str] = set()
    waiting = list(outputs)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        node = nodes.get(name)
        if node is None:
            if name not in supplied:
                return None
            continue
        if axes[name] or node.expands or node.policy or node.resources or marks_of(node.function) or awaits(node.function):
            return None
        found.add(name)
        for edge in edges[name]:
            source = edge.source
            if source in nodes and source not in found:
                waiting.append(source)
    return found


def _arguments(graph: Graph, name: str, supplied: Collection[str]) -> tuple[tuple[str, ...], Named] | None:
    """What a call is given by position and by name; after one that is left to its default the others go by name."""
    reads: list[str] = []
    named: list[tuple[str, str]] = []
    left_out = False
    for edge in graph.edges[name]:
        parameter, source = edge.parameter, edge.source
        if parameter.depth:
            return None
        if source not in graph.nodes and source not in supplied:
            if parameter.required:
                return None
            left_out = True
        elif left_out or parameter.keyword:
            named.append((parameter.name, source))
        else:
            reads.append(source)
    return tuple(reads), tuple(named)


def _drop(calls: list[Call], last: dict[str, int], outputs: Collection[str]) -> None:
    """Has each call say what is read for the last time there."""
    gone: dict[int, list[str]] = {}
    for source, number in last.items():
        if source not in outputs:
            gone.setdefault(number, []).append(source)
    for number, sources in gone.items():
        calls[number] = (*calls[number][:4], tuple(sources))
