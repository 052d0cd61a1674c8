"""What a request needs of a graph: pruned to the outputs, with overrides put in the place of functions.

Theory: the rest of the plan sees *vertices* and *links* only. An expander becomes two vertices: its call (``e()``, which
gives an iterable, in the expander's own axes) and its items (``e``, with the new axis). An override replaces a vertex
by one that reads the given value; everything that served only the replaced function is then out of reach, and so gone.
A given value is a vertex of kind GIVEN; one value per item is a GIVEN vertex with axes.

Invariant: vertices stand in topological order, and each link's source is a vertex.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from anabranch.derived import same
from anabranch.errors import InputError, nearest, nearest_or_all
from anabranch.graph import Graph, Role
from anabranch.placement import ANYWHERE, Resources, Site
from anabranch.plan.sites import sited
from anabranch.policies import Policy

__all__ = ["Kind", "Link", "Selection", "Vertex", "call_of", "given", "select"]

Axes = tuple[str, ...]


class Kind(Enum):
    """What a vertex is."""

    GIVEN = "a value that comes with the request: an input or an override"
    CALL = "a function to be called"
    ITEMS = "the items that an expander's call gave, one by one"


@dataclass(frozen=True, slots=True)
class Link:
    """One argument of a vertex: the source's value, with its last `depth` axes closed and the others indexed by the
    reader's axes `along`. `name` is the function's parameter; None for a link that only orders.
    """

    source: str
    name: str | None
    role: Role
    depth: int
    along: Axes
    keyword: bool = False
    takes_failures: bool = False


@dataclass(frozen=True, slots=True)
class Vertex:
    """A value to be made: its axes, and how. `place` is what the function says of itself, `site` where it runs."""

    name: str
    kind: Kind
    axes: Axes
    links: tuple[Link, ...] = ()
    function: Callable[..., Any] | None = None
    node: str = ""
    origin: str = ""
    associative: bool = False
    policy: Policy | None = None
    place: str = ""
    resources: Resources | None = None
    site: Site = ANYWHERE


@dataclass(frozen=True)
class Selection:
    """The vertices of a request, in topological order, and the outputs' names."""

    vertices: Mapping[str, Vertex]
    outputs: tuple[str, ...]


def call_of(expander: str) -> str:
    """The name of the vertex that calls the expander."""
    return f"{expander}()"


def given(override: str) -> str:
    """The name of the vertex that holds an override's value."""
    return f"{override}!"


def select(
    graph: Graph, outputs: Sequence[str], supplied: Iterable[str], constant: Iterable[str] = (), per_item: Iterable[str] = ()
) -> Selection:
    """Chooses what has to run.

    Args:
        graph: all there is.
        outputs: names of nodes or inputs that are asked for.
        supplied: inputs that are given, config included.
        constant: overridden nodes with one value.
        per_item: overridden nodes with a value per item.

    Raises:
        InputError: an output or override is unknown, or an input is missing.
    """
    check_names(graph, outputs, (*constant, *per_item))
    available = {*supplied, *(name for name in constant if name in graph.inputs)}
    made: dict[str, Vertex] = {}
    missing: dict[str, str] = {}
    waiting = list(reversed(outputs))
    needed = set(outputs)
    constant, per_item = set(constant), set(per_item)
    while waiting:
        name = waiting.pop()
        for vertex in _vertices(graph, name, available, constant, per_item):
            made[vertex.name] = vertex
            for link in vertex.links:
                if link.source not in made and link.source not in needed:
                    needed.add(link.source)
                    waiting.append(link.source.removesuffix("()"))
        if name in graph.inputs and name not in available and name not in constant:
            missing.setdefault(name, _reader(graph, name, made))
    if missing:
        _raise_missing(graph, missing, available)
    return Selection(sited(_in_order(graph, made)), tuple(outputs))


def check_names(graph: Graph, outputs: Sequence[str], overrides: Iterable[str]) -> None:
    """Checks that outputs and overrides are known.

    Raises:
        InputError: one is not; names the nearest that are.
    """
    known = dict.fromkeys((*graph.nodes, *graph.inputs, *graph.config))
    for kind, names in (("output", outputs), ("override", overrides)):
        for name in names:
            if name not in known:
                raise InputError(f"unknown {kind} '{name}'{nearest_or_all(name, known)}")


def _vertices(graph: Graph, name: str, available: set[str], constant: set[str], per_item: set[str]) -> list[Vertex]:
    """The vertices that stand for `name`, given what is overridden."""
    if name.endswith("!") or name not in graph.nodes:
        return [Vertex(name, Kind.GIVEN, ())]
    node, axes = graph.nodes[name], graph.axes[name]
    overridden = name in constant or name in per_item
    if overridden and not axes and not node.expands:
        return [Vertex(name, Kind.GIVEN, ())]
    extra: list[Vertex] = []
    if overridden:
        along = axes if name in per_item else ()
        links = (Link(given(name), "value", Role.PLAIN, 0, along), *_order_only(graph, name, axes, per_item))
        extra = [Vertex(given(name), Kind.GIVEN, along)]
        function: Callable[..., Any] = same
    else:
        links, function = tuple(_links(graph, name, available)), node.function
    target = call_of(name) if node.expands else name
    associative, policy = (False, None) if overridden else (node.associative, node.policy)
    place, needs = ("", None) if overridden else (node.place, node.resources)
    made = Vertex(target, Kind.CALL, axes, links, function, name, node.origin, associative, policy, place, needs)
    if not node.expands:
        return [*extra, made]
    items = Vertex(name, Kind.ITEMS, (*axes, name), (Link(target, None, Role.PLAIN, 0, axes),), None, name, node.origin)
    return [*extra, made, items]


def _order_only(graph: Graph, name: str, axes: Axes, per_item: set[str]) -> list[Link]:
    """An overridden node runs once for each item still, so it needs its axes, unless it brings the items itself."""
    if name in per_item:
        return []
    return [Link(axis, None, Role.PLAIN, 0, (*graph.axes[axis], axis)) for axis in axes]


def _links(graph: Graph, name: str, available: set[str]) -> Iterable[Link]:
    """The arguments that are passed; after one that is left to its default the others go by keyword."""
    left_out = False
    for edge in graph.edges[name]:
        parameter = edge.parameter
        if edge.source not in graph.nodes and edge.source not in available and not parameter.required:
            left_out = True
            continue
        by_keyword = parameter.keyword or left_out
        closes = (parameter.role, parameter.depth, edge.along)
        yield Link(edge.source, parameter.name, *closes, by_keyword, parameter.takes_failures)


def _reader(graph: Graph, name: str, made: Mapping[str, Vertex]) -> str:
    for vertex in made.values():
        if any(link.source == name for link in vertex.links):
            return graph.nodes[vertex.node].label
    return ""


def _raise_missing(graph: Graph, missing: Mapping[str, str], available: set[str]) -> None:
    from anabranch.graph.types import describe

    lines = []
    for name, reader in missing.items():
        annotation = describe(graph.inputs[name].readers[0][1].annotation)
        hint = nearest(name, (*available - {name}, *graph.nodes))
        lines.append(f"'{name}' ({annotation})" + (f", needed by {reader}" if reader else "") + hint)
    word = "input is" if len(missing) == 1 else "inputs are"
    raise InputError(f"{word} missing: " + "; ".join(lines) + "; give it with inputs={…} or -i name=value")


def _in_order(graph: Graph, made: Mapping[str, Vertex]) -> dict[str, Vertex]:
    """Given values first, then calls and items in the graph's order: that is topological with overrides as well."""
    ordered = {name: vertex for name, vertex in made.items() if vertex.kind is Kind.GIVEN}
    for name in graph.nodes:
        for key in (call_of(name), name):
            if key in made:
                ordered[key] = made[key]
    return ordered
