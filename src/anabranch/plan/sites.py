"""Where the vertices of a request run: what functions say of themselves, and what follows from that for the rest.

Theory: a function that names a place, or needs something, has its site, and an ordinary function without either has the default
one. What is left has none of its own: expanders and their items, overrides, stream readers, associative collectors that say
nothing. These go with their neighbours, so that no loop is split for their sake: items with whoever in their loop reads them
first, readers and collectors with what they read.

This module never knows which places there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from anabranch.derived import same
from anabranch.graph import Role
from anabranch.placement import ANYWHERE, DEFAULT_PLACE, Site

if TYPE_CHECKING:
    from anabranch.plan.select import Vertex

__all__ = ["sited"]


def sited(vertices: dict[str, Vertex]) -> dict[str, Vertex]:
    """The vertices with their sites, given in topological order."""
    if not any(vertex.place or vertex.resources for vertex in vertices.values()):
        return vertices
    sites = {name: _own(vertex) for name, vertex in vertices.items() if _is_settled(vertex)}
    readers = _readers_in_loop(vertices)
    for name in reversed(vertices):
        if name not in sites and vertices[name].axes:
            found = next((sites[reader] for reader in readers.get(name, ()) if reader in sites), None)
            if found is not None:
                sites[name] = _joined(vertices[name], found)
    for name, vertex in vertices.items():
        if name not in sites:
            links = sorted(vertex.links, key=lambda link: link.role is Role.PLAIN)
            found = next((sites[link.source] for link in links if vertices[link.source].function), ANYWHERE)
            sites[name] = _joined(vertex, found)
    return {name: replace(vertex, site=sites[name]) for name, vertex in vertices.items()}


def _joined(vertex: Vertex, site: Site) -> Site:
    """The site of a vertex that goes with another. Beside one that must be alone there are items at most: they call nothing."""
    return site if vertex.function is None and len(vertex.axes) == 1 else site._replace(alone="")


def _own(vertex: Vertex) -> Site:
    return Site.of(vertex.place or DEFAULT_PLACE, vertex.resources, vertex.name)


def _is_settled(vertex: Vertex) -> bool:
    """Whether a vertex has a site by itself."""
    if vertex.place or vertex.resources:
        return True
    follows = vertex.associative or vertex.function is same or vertex.name.endswith("()")
    return vertex.function is not None and not follows and all(link.role is not Role.STREAM for link in vertex.links)


def _readers_in_loop(vertices: Mapping[str, Vertex]) -> dict[str, list[str]]:
    """For each vertex inside a fan-out those that read it in the same loop, in order."""
    found: dict[str, list[str]] = {}
    for vertex in vertices.values():
        for link in vertex.links:
            axes = vertices[link.source].axes
            if axes and link.along[:1] == axes[:1]:
                found.setdefault(link.source, []).append(vertex.name)
    return found
