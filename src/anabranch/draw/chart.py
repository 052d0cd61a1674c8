"""What a picture of a dataflow says, before anybody draws it: boxes, the loops that they stand in, arrows.

Theory: a picture shows the nest of loops that would run (see `anabranch.plan.body`), for that nest has no cycle even where
an aggregate is fed back to its own items: the second pass is a loop of its own. So each loop becomes a *cluster*, and each
function a *box* in the innermost loop that it runs in; an expander stands outside of the loop that it opens. Arrows are
told apart by what they do to the fan-out, which is the edge's and not the box's affair.

An input that many functions of a large flow read is *listed* in their boxes: arrows from one corner to everywhere say less
than the name where it is needed.

Data and pure functions only; this module never knows positions, colours, or file formats.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from anabranch.graph import Graph, Role
from anabranch.graph.types import describe
from anabranch.plan import Body, Fan, Kind, Vertex, given
from anabranch.plan.body import build_body
from anabranch.plan.select import Link, Selection, select

__all__ = ["Arrow", "Box", "BoxKind", "Chart", "Cluster", "Way", "chart_of", "chart_of_all"]

CROWDED = 30
"""From this many functions on, widely read inputs are listed in the boxes of their readers."""

WIDELY = 3
"""How many readers make an input widely read."""


class BoxKind(Enum):
    """What a box stands for."""

    FUNCTION = "function"
    INPUT = "input"
    CONFIG = "config"
    OVERRIDE = "override"


class Way(Enum):
    """How a value goes from one box to the other."""

    PLAIN = "one value"
    EXPAND = "one item each"
    COLLECT = "all items, as a list"
    STREAM = "all items, one after the other"


@dataclass(frozen=True, slots=True)
class Box:
    """A function, input, config value or override.

    Attributes:
        name: unique in the chart.
        cluster: key of the loop that it stands in; None for the root.
        axes: the loops that its value has been through, outermost first; an expander's own axis included.
        expands: whether it opens an axis.
        closes: how it takes what it closes: by COLLECT, by STREAM, or both.
        is_output: whether it has been asked for.
        listed: inputs that it reads and that have no box.
        lines: further lines of text, a report's figures say.
        heat: between 0 and 1: how much of the picture's attention it deserves.
    """

    name: str
    kind: BoxKind
    type: str = ""
    cluster: int | None = None
    axes: tuple[str, ...] = ()
    expands: bool = False
    closes: frozenset[Way] = frozenset()
    is_output: bool = False
    listed: tuple[str, ...] = ()
    doc: str = ""
    tags: Mapping[str, Any] = field(default_factory=dict)
    origin: str = ""
    lines: tuple[str, ...] = ()
    heat: float | None = None


@dataclass(frozen=True, slots=True)
class Cluster:
    """A loop: what is in it happens once for each item of `axis`.

    Attributes:
        key: unique in the chart.
        fan: the axis, and which pass over it if there are several.
        parent: the key of the loop around it.
        note: what else stands in its title, a report's figures say.
    """

    key: int
    fan: str
    parent: int | None = None
    note: str = ""

    @property
    def title(self) -> str:
        """What is written on it."""
        return f"for each {self.fan}" + (f" · {self.note}" if self.note else "")


@dataclass(frozen=True, slots=True)
class Arrow:
    """A value's way from one box to another; `closes` are the axes that end there."""

    source: str
    target: str
    way: Way
    closes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """Boxes in topological order, clusters (outer before inner), arrows."""

    boxes: tuple[Box, ...]
    clusters: tuple[Cluster, ...]
    arrows: tuple[Arrow, ...]
    title: str = ""

    @property
    def functions(self) -> int:
        """How many functions it shows."""
        return sum(box.kind in (BoxKind.FUNCTION, BoxKind.OVERRIDE) for box in self.boxes)


def chart_of_all(graph: Graph, only: AbstractSet[str] | None = None, title: str = "") -> Chart:
    """The chart of a whole graph, or of the named nodes and inputs of it; nothing counts as asked for."""
    ends = [name for name in graph.nodes if not graph.readers[name]]
    selection = select(graph, ends, (*graph.inputs, *graph.config))
    return _Charter(graph, selection, only, frozenset()).make(build_body(selection), title)


def chart_of(graph: Graph, selection: Selection, body: Body, title: str = "") -> Chart:
    """The chart of what a request needs."""
    return _Charter(graph, selection, None, frozenset(selection.outputs)).make(body, title)


class _Charter:
    """Turns vertices into boxes and links into arrows."""

    def __init__(self, graph: Graph, selection: Selection, only: AbstractSet[str] | None, outputs: frozenset[str]) -> None:
        self.graph = graph
        self.vertices: Mapping[str, Vertex] = selection.vertices
        self.outputs = outputs
        self.only = only
        self.clusters: list[Cluster] = []
        self.boxes: list[Box] = []

    def make(self, body: Body, title: str) -> Chart:
        """Boxes of the steps, then the inputs before them, then arrows; clusters that stayed empty go."""
        self._add_steps(body, None)
        functions = {box.name for box in self.boxes}
        readers = self._readers_of_given(functions)
        listed = {name for name, found in readers.items() if len(functions) >= CROWDED and len(found) >= WIDELY}
        listed -= self.outputs
        given = [self._given(name) for name in self._shown_given(readers) if name not in listed]
        boxes = (*given, *(self._with_listed(box, listed) for box in self.boxes))
        names = {box.name for box in boxes}
        arrows = [arrow for box in self.boxes for arrow in self._arrows(box) if arrow.source in names]
        return Chart(boxes, self._occupied(), tuple(dict.fromkeys(arrows)), title)

    # -- boxes -----------------------------------------------------------------------------------------------------

    def _add_steps(self, body: Body, cluster: int | None) -> None:
        for step in body.steps:
            if isinstance(step, Fan):
                key = len(self.clusters)
                self.clusters.append(Cluster(key, step.name, cluster))
                self._add_steps(step.body, key)
            elif step.kind is Kind.CALL and (self.only is None or step.node in self.only):
                self.boxes.append(self._function(step, cluster))

    def _function(self, vertex: Vertex, cluster: int | None) -> Box:
        node = self.graph.nodes[vertex.node]
        overridden = given(node.name) in self.vertices
        closes = frozenset(way for link in vertex.links if (way := self._way(vertex, link)) in (Way.COLLECT, Way.STREAM))
        return Box(
            node.name,
            BoxKind.OVERRIDE if overridden else BoxKind.FUNCTION,
            f"items of {describe(node.annotation)}" if node.expands else describe(node.annotation),
            cluster,
            self.graph.value_axes(node.name),
            node.expands,
            frozenset() if overridden else closes,
            node.name in self.outputs,
            (),
            node.doc,
            node.tags,
            node.origin,
        )

    def _given(self, name: str) -> Box:
        graph, is_output = self.graph, name in self.outputs
        if name in graph.nodes:
            node = graph.nodes[name]
            box = Box(name, BoxKind.OVERRIDE, describe(node.annotation), is_output=is_output)
            return replace(box, doc=node.doc, tags=node.tags, origin=node.origin)
        kind = BoxKind.CONFIG if name in graph.config else BoxKind.INPUT
        readers = graph.inputs[name].readers if name in graph.inputs else ()
        text = describe(readers[0][1].annotation) if readers else type(graph.config[name]).__name__
        if kind is BoxKind.INPUT and not graph.inputs[name].required:
            text += ", optional"
        return Box(name, kind, text, is_output=is_output)

    def _readers_of_given(self, functions: AbstractSet[str]) -> dict[str, list[str]]:
        """For each given value that is no function's items the boxes that read it."""
        found: dict[str, list[str]] = {}
        for vertex in self.vertices.values():
            for link in vertex.links:
                source = self.vertices[link.source]
                if source.kind is Kind.GIVEN and link.name is not None and vertex.node in functions:
                    found.setdefault(source.name, []).append(vertex.node)
        return {name: readers for name, readers in found.items() if not name.endswith("!")}

    def _shown_given(self, readers: Mapping[str, list[str]]) -> list[str]:
        known = [name for name, vertex in self.vertices.items() if vertex.kind is Kind.GIVEN and not name.endswith("!")]
        wanted = readers if self.only is None else self.only
        return [name for name in known if name in wanted or (name in self.outputs and self.only is None)]

    def _with_listed(self, box: Box, listed: AbstractSet[str]) -> Box:
        vertex = self.vertices.get(f"{box.name}()") or self.vertices[box.name]
        found = tuple(dict.fromkeys(link.source for link in vertex.links if link.source in listed and link.name))
        return replace(box, listed=found) if found else box

    def _occupied(self) -> tuple[Cluster, ...]:
        parents = {cluster.key: cluster.parent for cluster in self.clusters}
        used: set[int] = set()
        for box in self.boxes:
            key = box.cluster
            while key is not None and key not in used:
                used.add(key)
                key = parents[key]
        return tuple(cluster for cluster in self.clusters if cluster.key in used)

    # -- arrows ----------------------------------------------------------------------------------------------------

    def _arrows(self, box: Box) -> list[Arrow]:
        vertex = self.vertices.get(f"{box.name}()") or self.vertices[box.name]
        found = []
        for link in vertex.links:
            if link.name is not None and not link.source.endswith("!"):
                axes = self.vertices[link.source].axes
                found.append(Arrow(link.source, box.name, self._way(vertex, link), axes[len(axes) - link.depth :]))
        return found

    def _way(self, vertex: Vertex, link: Link) -> Way:
        if link.name is None:
            return Way.PLAIN
        if link.depth:
            return Way.STREAM if link.role is Role.STREAM else Way.COLLECT
        return Way.EXPAND if self.vertices[link.source].kind is Kind.ITEMS else Way.PLAIN

