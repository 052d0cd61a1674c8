"""The reference semantics: a naive interpreter, nested loops and a memory of what was computed.

Slow, obvious and complete. Every executor gives its answer for every graph, in every order of completion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from anabranch.errors import InputError
from anabranch.graph import Edge, Graph, Role
from anabranch.graph.graph import reach
from anabranch.markers import PerItem, Skip
from anabranch.work import ABSENT, opened

__all__ = ["interpret"]

Index = dict[str, int]


def interpret(
    graph: Graph,
    outputs: Sequence[str],
    inputs: Mapping[str, Any] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What `Driver.execute` returns, by definition."""
    oracle = _Oracle(graph, outputs, {**graph.config, **(inputs or {})}, dict(overrides or {}))
    results = {name: oracle.gather(name, {}, graph.value_axes(name)) for name in outputs}
    for name in oracle.needed:  # what is needed runs, whether or not an item asks for it
        oracle.gather(name, {}, graph.value_axes(name))
    oracle.check_zipped()
    return results


class _Oracle:
    def __init__(self, graph: Graph, outputs: Sequence[str], given: Mapping[str, Any], overrides: Mapping[str, Any]) -> None:
        self.graph = graph
        self.given = given
        self.overrides = overrides
        self.memory: dict[Any, Any] = {}
        self.needed = reach(outputs, lambda name: () if name in overrides else [e.source for e in graph.edges.get(name, ())])

    def gather(self, name: str, index: Index, rest: Sequence[str]) -> Any:
        """The value at an index; a list for each axis that the index leaves open."""
        if not rest:
            return self.at(name, index)
        items = self.items(rest[0], index)
        if items is ABSENT:
            return ABSENT
        inside = (self.gather(name, {**index, rest[0]: n}, rest[1:]) for n in range(len(items)))
        return [value for value in inside if value is not ABSENT]

    def at(self, name: str, index: Index) -> Any:
        """One value of an input, an expander's item, or a function."""
        if name not in self.graph.nodes:
            return self.overrides.get(name, self.given.get(name))
        if self.graph.nodes[name].expands:
            outer = {axis: n for axis, n in index.items() if axis != name}
            return self.items(name, outer)[index[name]]
        return self.once(name, index, lambda value: value)

    def items(self, expander: str, index: Index) -> Any:
        """The items of an axis, for the outer items that it depends on."""
        mine = {axis: index[axis] for axis in self.graph.axes[expander]}
        return self.once(expander, mine, lambda values: list(opened(values, expander)))

    def once(self, name: str, index: Index, finish: Callable[[Any], Any]) -> Any:
        """What a function returns at an index, called at most once; absent if it skips or lacks an argument."""
        key = (name, *sorted(index.items()))
        if key not in self.memory:
            try:
                self.memory[key] = finish(self.call(name, index))
            except (Skip, LookupError):
                self.memory[key] = ABSENT
        return self.memory[key]

    def call(self, name: str, index: Index) -> Any:
        if name in self.overrides:
            value = self.overrides[name]
            for axis in self.graph.axes[name] if isinstance(value, PerItem) else ():
                value = value[index[axis]]
            return value
        arguments = {}
        for edge in self.graph.edges[name]:
            known = edge.source in self.graph.nodes or edge.source in self.given or edge.source in self.overrides
            if known or edge.parameter.required:
                arguments[edge.parameter.name] = self.argument(edge, index)
        if any(value is ABSENT for value in arguments.values()):
            raise LookupError(name)
        return self.graph.nodes[name].function(**arguments)

    def argument(self, edge: Edge, index: Index) -> Any:
        axes = self.graph.value_axes(edge.source)
        bound = {axis: index[mine] for axis, mine in zip(axes, edge.along, strict=False)}
        value = ABSENT if any(self.items(a, bound) is ABSENT for a in bound) else self.gather(edge.source, bound, axes[len(bound) :])
        return iter(value) if edge.parameter.role is Role.STREAM and value is not ABSENT else value

    def check_zipped(self) -> None:
        """What is read by position along an axis must have as many items as the axis."""
        for edge in (edge for name in self.needed - {*self.overrides} for edge in self.graph.edges.get(name, ())):
            for other, mine in zip(self.graph.value_axes(edge.source), edge.along, strict=False):
                for key, items in list(self.memory.items()) if other != mine else ():
                    if key[0] == mine and items is not ABSENT:
                        others = self.items(other, dict(key[1:]))
                        if others is not ABSENT and len(others) != len(items):
                            raise InputError(f"'{other}' and '{mine}' are read by position: {len(others)} and {len(items)} items")
