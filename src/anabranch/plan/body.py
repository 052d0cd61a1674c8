"""The nest of loops: which vertices run together over which axis, in which order.

Theory: a *body* is what happens for one item of its axes (for the root: once). It is a sequence of steps, each a call or
a *fan*: a loop over one more axis with a body of its own. Vertices under the same axis share a loop unless a barrier lies
between them: a collect, say, that feeds an aggregate back to the items, needs a second pass. So each vertex gets a level
within the body: an edge that leaves a loop costs one level, any other none; vertices of one axis and one level make one
fan. Where two of them are to run at different sites, the loop ends too, and there are two fans of that axis.
Every edge then goes from a level to the same or a later one, and within a level from the outside to the
inside, so the steps have an order. A vertex inside
a loop is put on the latest level that its readers allow: fewer passes, fewer values kept.

A value in a body is named by `Value(name, rank)`: rank 0 is one element, rank 1 a list along one axis not yet indexed,
and so on. `rank_in` gives the rank at which a link reads its source when seen from a body; everything else follows.

This module never knows spans, executors or generated text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from anabranch.errors import InternalError
from anabranch.placement import ANYWHERE, NOTHING, Resources, Site, together
from anabranch.plan.select import Axes, Kind, Link, Selection, Vertex

__all__ = ["Body", "Fan", "Reading", "Value", "build_body", "rank_in"]


class Value(NamedTuple):
    """A vertex's value as seen from some body; `rank` counts its axes that are not yet indexed there."""

    name: str
    rank: int


class Reading(NamedTuple):
    """An aligned import of a fan: the list outside and the element inside."""

    outer: Value
    inner: Value


@dataclass(frozen=True)
class Body:
    """Steps for one item of `axes`, in an order in which they can run."""

    axes: Axes
    steps: tuple[Vertex | Fan, ...]


@dataclass(frozen=True)
class Fan:
    """A loop over `axis` inside a body.

    Attributes:
        axis: the axis.
        number: which of the plan's loops over the axis it is, from 0.
        fresh: whether this loop opens the axis, reading what the expander's call gave; else it reads lists.
        aligned: lists read element by element; the first rules the length. A fresh fan's items are not among them.
        captured: values that do not vary along the axis.
        outputs: for each value that is needed outside, the list outside and the element inside.
        body: what happens for each item.
        site: where all of it runs; `needs` is what that takes.
    """

    axis: str
    number: int
    fresh: bool
    aligned: tuple[Reading, ...]
    captured: tuple[Value, ...]
    outputs: tuple[Reading, ...]
    body: Body
    site: Site = ANYWHERE
    needs: Resources = NOTHING

    @property
    def name(self) -> str:
        """Names the fan in messages and events; no other of the plan has this name."""
        return self.axis if not self.number else f"{self.axis}, pass {self.number + 1}"


def rank_in(link: Link, vertices: Mapping[str, Vertex], axes: Axes) -> int:
    """The rank at which `link` reads its source, seen from a body of these axes."""
    whole = len(vertices[link.source].axes)
    return whole - sum(axis in axes for axis in link.along)


def build_body(selection: Selection) -> Body:
    """The root body of a selection."""
    return _Builder(selection).build((), list(selection.vertices.values()))


class _Builder:
    def __init__(self, selection: Selection) -> None:
        self.vertices = selection.vertices
        self.readers: dict[str, list[tuple[Vertex, Link]]] = {name: [] for name in self.vertices}
        for vertex in self.vertices.values():
            for link in vertex.links:
                self.readers[link.source].append((vertex, link))
        self.outputs = set(selection.outputs)
        self.sites: list[Site] = []
        self.loops: Counter[str] = Counter()

    def build(self, axes: Axes, members: list[Vertex]) -> Body:
        depth = len(axes)
        members = [vertex for vertex in members if vertex.kind is not Kind.GIVEN]
        levels = self._levels(axes, members)
        statics: dict[int, list[Vertex | Fan]] = {}
        groups: dict[tuple[int, str, int], list[Vertex]] = {}
        for vertex in members:
            if len(vertex.axes) == depth:
                statics.setdefault(levels[vertex.name], []).append(vertex)
            else:
                key = (levels[vertex.name], vertex.axes[depth], self._site(vertex))
                groups.setdefault(key, []).append(vertex)
        fans: dict[int, list[Vertex | Fan]] = {}
        for (level, axis, _), group in sorted(groups.items(), key=lambda one: (one[0][0], one[0][2])):
            fans.setdefault(level, []).append(self._fan(axes, axis, group))
        steps: list[Vertex | Fan] = []
        for level in sorted({*statics, *fans}):
            steps += [*statics.get(level, ()), *fans.get(level, ())]
        return Body(axes, tuple(steps))

    def _levels(self, axes: Axes, members: list[Vertex]) -> dict[str, int]:
        """The level of each vertex: calls of this body as early as they can be, what is inside its loops as late as its
        readers allow.
        """
        inside = {vertex.name for vertex in members}
        earliest: dict[str, int] = {}
        for vertex in members:
            costs = (earliest[k.source] + self._cost(axes, vertex, k) for k in vertex.links if k.source in inside)
            earliest[vertex.name] = max(costs, default=0)
        latest = dict(earliest)
        for vertex in reversed(members):
            bounds = [
                latest[reader.name] - self._cost(axes, reader, link)
                for reader, link in self.readers[vertex.name]
                if reader.name in inside
            ]
            if bounds and len(vertex.axes) > len(axes) and vertex.name not in self.outputs:
                latest[vertex.name] = min(bounds)
        return latest

    def _cost(self, axes: Axes, reader: Vertex, link: Link) -> int:
        """1 if the link leaves a loop of this body, so that the loop must end before the reader runs; else 0."""
        source = self.vertices[link.source]
        depth = len(axes)
        if len(source.axes) <= depth:
            return 0
        axis = source.axes[depth]
        shared = len(reader.axes) > depth and reader.axes[depth] == axis
        if not (shared and depth < len(link.along) and link.along[depth] == axis):
            return 1
        return 0 if source.site is reader.site else int(source.site != reader.site)

    def _site(self, vertex: Vertex) -> int:
        """The number of a vertex's site; sites may hold what cannot be hashed."""
        if vertex.site not in self.sites:
            self.sites.append(vertex.site)
        return self.sites.index(vertex.site)

    def _fan(self, axes: Axes, axis: str, group: list[Vertex]) -> Fan:
        number = self.loops[axis]
        self.loops[axis] += 1
        inside = {vertex.name for vertex in group}
        inner_axes = (*axes, axis)
        fresh = any(vertex.kind is Kind.ITEMS and vertex.axes == inner_axes for vertex in group)
        aligned: dict[Reading, None] = {}
        captured: dict[Value, None] = {}
        for vertex in group:
            for link in vertex.links:
                if link.source in inside or (vertex.kind is Kind.ITEMS and vertex.axes == inner_axes):
                    continue
                outer = Value(link.source, rank_in(link, self.vertices, axes))
                inner = Value(link.source, rank_in(link, self.vertices, inner_axes))
                if inner.rank < outer.rank:
                    aligned[Reading(outer, inner)] = None
                elif link.name is not None or outer.rank:
                    captured[outer] = None
        if any(reading.inner in captured for reading in aligned):
            raise InternalError(f"a value is both element and invariant of the loop over '{axis}'")
        ordered = sorted(aligned, key=lambda reading: self._foreign(reading, axis))
        outputs = self._outputs(axes, group, inside)
        body, needs = self.build(inner_axes, group), together(vertex.resources for vertex in group)
        return Fan(axis, number, fresh, tuple(ordered), tuple(captured), outputs, body, group[0].site, needs)

    def _foreign(self, reading: Reading, axis: str) -> bool:
        """Whether the list is along another axis, joined by position: it must not rule the length."""
        own = self.vertices[reading.outer.name].axes
        return own[len(own) - reading.outer.rank] != axis

    def _outputs(self, axes: Axes, group: Iterable[Vertex], inside: set[str]) -> tuple[Reading, ...]:
        found = []
        for vertex in group:
            read_outside = any(reader.name not in inside for reader, _ in self.readers[vertex.name])
            if read_outside or vertex.name in self.outputs:
                rank = len(vertex.axes) - len(axes)
                found.append(Reading(Value(vertex.name, rank), Value(vertex.name, rank - 1)))
        return tuple(found)
