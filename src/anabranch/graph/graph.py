"""The graph: immutable, complete and correct, or not there at all.

Theory: building it raises every error that can be seen in the functions alone: unknown and doubled names, cycles, axes
that do not meet, types that do not fit. What needs to know which outputs are asked for is the plan's.

This module never knows inputs' values, outputs, or how anything runs.
"""

from __future__ import annotations

from collections import abc
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from types import ModuleType
from typing import Any, get_args, get_origin

from anabranch.errors import FlowError, nearest
from anabranch.graph.axes import Axes, join
from anabranch.graph.functions import functions_of, nodes_of
from anabranch.graph.node import Edge, Input, Node, Parameter, Role
from anabranch.graph.types import assignable, describe
from anabranch.markers import marks_of

__all__ = ["Graph", "nodes_from"]

LetsPass = Callable[[Any, Any], bool]


@dataclass(frozen=True, repr=False)
class Graph:
    """Nodes in topological order, what they read, and the axes they run along.

    Attributes:
        nodes: by name, each after everything that it reads.
        inputs: names that functions ask for and no function gives.
        config: what the builder was given; readable like inputs.
        axes: for each node the axes along which it runs; an expander's value has one more, itself.
        edges: for each node its parameters, bound.
        given: the nodes that it was built of; of some only their axes say what they are (`Node.late`).
        lets_pass: says of the type that a node gives and the one that a parameter wants whether they may meet though it seems
            that they do not fit; without it they may not.
    """

    nodes: Mapping[str, Node]
    inputs: Mapping[str, Input]
    config: Mapping[str, Any]
    axes: Mapping[str, Axes]
    edges: Mapping[str, tuple[Edge, ...]]
    given: Mapping[str, Node] = field(default_factory=dict, repr=False)
    lets_pass: LetsPass | None = field(default=None, repr=False, compare=False)

    def __repr__(self) -> str:
        return f"<Graph of {', '.join(self.nodes)}>"

    @classmethod
    def from_modules(
        cls,
        modules: Sequence[ModuleType],
        config: Mapping[str, Any] | None = None,
        *,
        override: bool = False,
        lets_pass: LetsPass | None = None,
    ) -> Graph:
        """Builds the graph of all public functions of the modules.

        Args:
            modules: where the functions are.
            config: chooses between alternatives and is visible as inputs.
            override: a later module's function replaces an earlier one's of the same name.
            lets_pass: see `Graph`.

        Raises:
            FlowError: the functions do not make a dataflow.
        """
        config = dict(config or {})
        return cls.from_nodes(nodes_from(modules, config, override=override).values(), config, lets_pass)

    @classmethod
    def from_nodes(cls, given: Iterable[Node], config: Mapping[str, Any], lets_pass: LetsPass | None = None) -> Graph:
        """Builds the graph of these nodes; see `from_modules`."""
        by_name = {node.name: node for node in given}
        for name, node in by_name.items():
            if name in config:
                raise FlowError(f"{node.label} has the name of a config value; rename one of them")
            if name.endswith(("()", "!")):
                raise FlowError(f"{node.label}: a node's name cannot end in '()' or '!'; rename it")
        order, inputs = _order(by_name), _inputs(by_name)
        nodes: dict[str, Node] = {}
        axes: dict[str, Axes] = {}
        edges: dict[str, tuple[Edge, ...]] = {}
        for name in order:
            first = by_name[name]
            for node in (first,) if first.late is None else _settled(first, nodes, axes):
                if node.name != name and node.name in by_name:
                    raise _doubled(by_name[node.name], node, config)
                nodes[node.name] = node
                axes[node.name], edges[node.name] = _bind(node, nodes, axes, lets_pass)
        return cls(nodes, inputs, config, axes, edges, by_name, lets_pass)

    def value_axes(self, name: str) -> Axes:
        """The axes of what the node gives: its own, and itself if it is an expander. Inputs have none."""
        if name not in self.nodes:
            return ()
        return (*self.axes[name], name) if self.nodes[name].expands else self.axes[name]

    @cached_property
    def readers(self) -> Mapping[str, tuple[str, ...]]:
        """For each name the nodes that read it, in topological order."""
        found: dict[str, list[str]] = {name: [] for name in (*self.inputs, *self.nodes)}
        for name, edges in self.edges.items():
            for edge in edges:
                if name not in found.setdefault(edge.source, []):
                    found[edge.source].append(name)
        return {name: tuple(readers) for name, readers in found.items()}

    def upstream(self, names: Iterable[str]) -> set[str]:
        """The names and everything that they need, inputs included."""
        return reach(names, lambda name: (edge.source for edge in self.edges.get(name, ())))

    def downstream(self, names: Iterable[str]) -> set[str]:
        """The names and everything that needs them."""
        return reach(names, lambda name: self.readers.get(name, ()))


def nodes_from(modules: Sequence[ModuleType], config: Mapping[str, Any], *, override: bool = False) -> dict[str, Node]:
    """The nodes of all public functions of the modules, by name, not yet bound to each other; see `Graph.from_modules`.

    Raises:
        FlowError: two functions have one name, or there is none.
    """
    found: dict[str, Node] = {}
    for module in modules:
        here: set[str] = set()
        for function_name, function in functions_of(module, config):
            for node in nodes_of(function_name, function, config):
                name = node.name
                if name in found and not (override and name not in here):
                    raise _doubled(found[name], node, config)
                found[name] = node
                here.add(name)
    if modules and not found:
        names = ", ".join(repr(module.__name__) for module in modules)
        raise FlowError(
            f"{names} gives no node: nodes are the functions that a module itself defines, that the config lets in, and "
            f"whose names do not begin with '_'; imported ones are none"
        )
    return found


def reach(names: Iterable[str], step: Callable[[str], Iterable[str]]) -> set[str]:
    """The names and all that `step` leads to from them."""
    seen: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(step(name))
    return seen


def _doubled(first: Node, second: Node, config: Mapping[str, Any]) -> FlowError:
    """The error for two nodes of one name."""
    names = {marks_of(one).get("name") or getattr(one, "__name__", "") for node in (first, second) for one in node.originating}
    what = "two functions are called" if names <= {first.name} else "two functions make a node called"
    return FlowError(f"{what} '{first.name}': {first.origin} and {second.origin}; {_advice(first, second, config)}")


def _advice(first: Node, second: Node, config: Mapping[str, Any]) -> str:
    """What to do about two functions of one name."""
    functions = [node.originating[0] if node.originating else node.function for node in (first, second)]
    conditions = [marks_of(function).get("conditions", ()) for function in functions]
    if all(conditions):
        keys = dict.fromkeys(key for either in conditions for condition in either for key, _ in condition.wanted)
        given = ", ".join(f"{key} is given" if key in config else f"{key} is not given" for key in keys)
        told = f" ({given})" if given else ""
        return f"the config lets both alternatives in{told}: make their conditions exclude each other"
    return "rename one (alternatives need @config.when on each, overrides Builder.allow_module_overrides)"


def _order(nodes: Mapping[str, Node]) -> Iterable[str]:
    """The names, each after all that it reads: as they come, if that is such an order."""
    seen: set[str] = set()
    for name, node in nodes.items():
        if any(p.reads in nodes and p.reads not in seen for p in node.parameters):
            return _sorted(nodes)
        seen.add(name)
    return nodes


def _sorted(nodes: Mapping[str, Node]) -> list[str]:
    reads = {name: [p.reads for p in node.parameters if p.reads in nodes] for name, node in nodes.items()}
    try:
        return list(TopologicalSorter(reads).static_order())
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        where = "".join(f"\n  {nodes[name].label}" for name in circle[:-1])
        arrows = " → ".join(circle)
        raise FlowError(f"the functions depend on each other in a circle: {arrows}; one parameter must go:{where}") from None


def _inputs(nodes: Mapping[str, Node]) -> dict[str, Input]:
    readers: dict[str, list[tuple[Node, Parameter]]] = {}
    for node in nodes.values():
        for parameter in node.parameters:
            if parameter.reads not in nodes:
                readers.setdefault(parameter.reads, []).append((node, parameter))
    for name, found in readers.items():
        for node, parameter in found:
            if parameter.depth:
                raise FlowError(
                    f"{node.label}: parameter '{parameter.name}' collects, but no function is called '{name}'"
                    f"{nearest(name, nodes)}; an input is one value: annotate it as list[…] to be given a list"
                )
    return {name: Input(name, tuple(found)) for name, found in readers.items()}


def _settled(node: Node, nodes: Mapping[str, Node], axes: Mapping[str, Axes]) -> Sequence[Node]:
    """The nodes that a node is, where that depends on the axes of what it reads."""
    assert node.late is not None
    return node.late(node, {p.name: _whole(nodes.get(p.reads), axes) for p in node.parameters})


def _whole(source: Node | None, axes: Mapping[str, Axes]) -> Axes:
    """The axes of what a node gives; of an input, none."""
    if source is None:
        return ()
    return (*axes[source.name], source.name) if source.expands else axes[source.name]


def _bind(
    node: Node, nodes: Mapping[str, Node], axes: Mapping[str, Axes], lets_pass: LetsPass | None
) -> tuple[Axes, tuple[Edge, ...]]:
    open_axes: list[tuple[str, Axes]] = []
    fans_out = False
    for parameter in node.parameters:
        source = nodes.get(parameter.reads)
        whole = () if source is None else _whole(source, axes)
        if source is not None:
            _check_depth(node, parameter, source, whole)
            _check_type(node, parameter, (source, whole), lets_pass)
        if whole:
            fans_out = True
            whole = whole[: len(whole) - parameter.depth]
        open_axes.append((parameter.name, whole))
    if not fans_out:
        return (), tuple([Edge(parameter, parameter.reads, ()) for parameter in node.parameters])
    own, along = join(node, open_axes)
    bound = zip(node.parameters, along, strict=True)
    return own, tuple(Edge(parameter, parameter.reads, axis) for parameter, axis in bound)


def _check_depth(node: Node, parameter: Parameter, source: Node, axes: Axes) -> None:
    if parameter.depth <= len(axes):
        return
    word = "Stream" if parameter.role is Role.STREAM else "Collect"
    if axes:
        nested = "".join(f"{word if n == 0 else 'Collect'}[" for n in range(len(axes)))
        have = f"it runs along {' × '.join(map(repr, axes))} only; write {nested}…{']' * len(axes)} for all there is"
    else:
        have = (
            f"it never fanned out; write '-> Parallelizable[…]' on '{source.name}' if its elements are the items, or on a "
            f"function that it depends on"
        )
    raise FlowError(
        f"{node.label}: parameter '{parameter.name}' is {word} of depth {parameter.depth}, but of {source.label} there is "
        f"nothing {'more ' if axes else ''}to collect: {have}"
    )


def _check_type(node: Node, parameter: Parameter, read: tuple[Node, Axes], lets_pass: LetsPass | None) -> None:
    source, axes = read
    if assignable(source.annotation, parameter.annotation):
        return
    if lets_pass is not None and lets_pass(source.annotation, parameter.annotation):
        return
    gives = "gives items of" if source.expands else "returns"
    takes = "takes items of" if parameter.depth else "takes"
    raise FlowError(
        f"{node.label}: parameter '{parameter.name}' {takes} {describe(parameter.annotation)}, but {source.label} "
        f"{gives} {describe(source.annotation)}{_collecting(parameter, source, axes)}"
    )


def _collecting(parameter: Parameter, source: Node, axes: Axes) -> str:
    """What to write where somebody annotates ``list[int]`` and means the values of all items."""
    inner = get_args(parameter.annotation)[:1]
    if parameter.depth or not axes or get_origin(parameter.annotation) not in _LISTS or not inner:
        return ""
    if not assignable(source.annotation, inner[0]):
        return ""
    return f" for each '{axes[-1]}'; to be given the list of them all, write Collect[{describe(inner[0])}]"


_LISTS = (list, tuple, abc.Sequence, abc.Iterable, abc.Collection, abc.Iterator)
