"""The reference semantics: a naive interpreter, slow and complete. Every executor gives its answer, in every order."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from anabranch.errors import InputError
from anabranch.failure import Failure, ItemsFailed, capture
from anabranch.graph import Edge, Graph, Role
from anabranch.graph.graph import reach
from anabranch.markers import PerItem, Skip, marks_of
from anabranch.policies import OnError
from anabranch.work import ABSENT, MISSING, opened, policy_at, worst

__all__ = ["Oracle", "interpret"]

Named = Mapping[str, Any]


def interpret(
    graph: Graph, outputs: Sequence[str], inputs: Named | None, overrides: Named | None, on_error: OnError = "raise"
) -> Named:
    """What `Driver.execute` returns or raises, by definition."""
    oracle = Oracle(graph, outputs, inputs or {}, overrides or {}, on_error)
    for name in filter(oracle.needed.__contains__, graph.nodes):  # what is needed runs, whether or not an output reads it
        oracle.check_lengths(name, graph.axes[name])
        for index in oracle.indices(graph.axes[name], {}):
            oracle.value(name, index)
    if any(failure.policy == "finish" for failure in oracle.failures):
        raise ItemsFailed.of(oracle.failures)
    return {name: oracle.gather(name, graph.value_axes(name), {}) for name in outputs}


class Oracle:
    """One request. An index says for each open axis which item is meant."""

    def __init__(
        self, graph: Graph, outputs: Sequence[str], inputs: Named, overrides: Named, on_error: OnError = "raise"
    ) -> None:
        self.graph, self.overrides, self.given = graph, overrides, {**graph.config, **inputs, **overrides}
        self.memory: dict[Any, Any] = {}
        self.on_error: OnError = on_error
        self.failures: list[Failure] = []
        self.needed = reach(outputs, self.reads)
        self.per_item = [name for name in overrides if name in self.needed and isinstance(overrides[name], PerItem)]

    def reads(self, name: str) -> Sequence[str]:
        """What a name needs. One value for all items still needs the items; a value for each brings them along."""
        if name not in self.graph.nodes or isinstance(self.overrides.get(name), PerItem):
            return ()
        return self.graph.axes[name] if name in self.overrides else [edge.source for edge in self.graph.edges[name]]

    def value(self, name: str, index: Named) -> Any:
        """What a function gives at an index, computed once; a list if it expands; else what is missing, and why."""
        key = (name, *sorted(index.items()))
        if key not in self.memory:
            try:
                made = self._replaced(name, self.graph.axes[name], index) if name in self.overrides else self._call(name, index)
                expands = self.graph.nodes[name].expands and type(made) not in MISSING
                self.memory[key] = list(opened(made, name)) if expands else made
            except Skip:
                self.memory[key] = ABSENT
            except InputError:
                raise
            except Exception as error:
                self.memory[key] = self._failed(name, tuple(index[axis] for axis in self.graph.axes[name]), error)
        return self.memory[key]

    def _failed(self, name: str, item: tuple[int, ...], error: Exception) -> Failure:
        policy = policy_at(None if name in self.overrides else self.graph.nodes[name].policy, self.on_error, item)
        if policy == "raise":
            raise error
        self.failures.append(Failure(name, self.graph.axes[name], item, capture(error), policy=policy))
        return self.failures[-1]

    def _replaced(self, name: str, axes: Sequence[str], index: Named) -> Any:
        nested = axes and name in self.per_item
        return self._replaced(name, axes[:-1], index)[index[axes[-1]]] if nested else self.overrides[name]

    def _call(self, name: str, index: Named) -> Any:
        edges = [e for e in self.graph.edges[name] if e.source in {*self.graph.nodes, *self.given} or e.parameter.required]
        given = [self._argument(edge, index) for edge in edges]
        ordered = zip(edges, self.graph.edges[name], strict=False)  # after one that is left to its default they go by name
        first = next((n for n, (e, whole) in enumerate(ordered) if e is not whole or e.parameter.keyword), len(edges))
        named = {edge.parameter.name: argument for edge, argument in zip(edges[first:], given[first:], strict=True)}
        function, marks = self.graph.nodes[name].function, marks_of(self.graph.nodes[name].function)
        named |= {marks["item"]: tuple(index[axis] for axis in self.graph.axes[name])} if "item" in marks else {}
        missing = [a for a in given if type(a) in MISSING]
        return worst(missing) if missing else function(*given[:first], **named)

    def _argument(self, edge: Edge, index: Named) -> Any:
        axes = self.graph.value_axes(edge.source)
        bound = {axis: index[mine] for axis, mine in zip(axes, edge.along, strict=False)}
        lacking = [items for axis in bound if type(items := self.items(axis, bound)) in MISSING]
        found = worst(lacking) if lacking else self.gather(edge.source, axes[len(bound) :], bound)
        return iter(found) if edge.parameter.role is Role.STREAM and isinstance(found, list) else found

    def gather(self, name: str, axes: Sequence[str], index: Named) -> Any:
        """A name's value at an index; lists along the `axes` that it leaves open, without what is missing, but for failures
        that are kept; one whose policy is to finish takes the place of the list.
        """
        if axes:
            items = self.items(axes[0], index)
            inside = [self.gather(name, axes[1:], at) for at in self.indices(axes[:1], index)]
            withheld = [f for f in inside if type(f) is Failure and f.policy == "finish"]
            if type(items) in MISSING or withheld:
                return items if type(items) in MISSING else withheld[0]
            return [f for f in inside if type(f) not in MISSING or (type(f) is Failure and f.policy == "keep")]
        if name not in self.graph.nodes:
            return self.given[name]
        value = self.value(name, {axis: index[axis] for axis in self.graph.axes[name]})
        return value[index[name]] if self.graph.nodes[name].expands else value

    def items(self, axis: str, index: Named) -> Any:
        """The items of an axis; if its expander is cut off, the elements of an override that are given for them."""
        name = axis if axis in self.needed else next(name for name in self.per_item if axis in self.graph.axes[name])
        outer = self.graph.axes[name][: [*self.graph.axes[name], name].index(axis)]
        return self.value(name, {a: index[a] for a in outer}) if name == axis else self._replaced(name, outer, index)

    def indices(self, axes: Sequence[str], index: Named) -> Iterator[Named]:
        """All items of some axes, in order."""
        items = self.items(axes[0], index) if axes else ABSENT
        inside = [{**index, axes[0]: n} for n in range(len(items) if isinstance(items, (list, tuple)) else 0)]
        yield from (found for at in inside for found in self.indices(axes[1:], at)) if axes else (index,)

    def check_lengths(self, name: str, axes: Sequence[str]) -> None:
        """What is read by position along an axis must have as many items as the axis, if that has come to be."""
        edges = () if name in self.overrides else self.graph.edges[name]
        pairs = {pair for edge in edges for pair in zip(self.graph.value_axes(edge.source), edge.along, strict=False)}
        for axis, index in ((axis, index) for n, axis in enumerate(axes) for index in self.indices(axes[:n], {})):
            found: list[Any] = [self.items(other, index) for other in (axis, *(other for other, mine in pairs if mine == axis))]
            given = [self._replaced(name, axes[: axes.index(axis)], index)] if name in self.per_item else []
            lengths = {len(items) for items in [*found, *given] if isinstance(items, (list, tuple))}
            if len(lengths) > 1 and type(found[0]) not in MISSING:
                raise InputError(f"'{name}' reads by position along '{axis}', and not as many items as it has")
