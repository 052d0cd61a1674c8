"""The shape of a plan as plain data, and a plan of that shape again: enough to schedule by, and nothing of the functions.

Theory: how a run is cut into tasks follows from its selection alone: which values there are, along which axes, and who reads
what in which way. So that is what is kept of a run, and a plan made of it is scheduled as the first one was, on any number of
workers, by a state machine that never calls a function. In the place of each function stands one that is never called.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anabranch.derived import same
from anabranch.errors import InputError
from anabranch.graph import Role
from anabranch.plan import Plan, plan_of
from anabranch.plan.select import Kind, Link, Selection, Vertex

__all__ = ["plan_of_shape", "shape_of"]


def shape_of(plan: Plan | None) -> dict[str, Any]:
    """The shape, as JSON has it; empty if there is no plan."""
    if plan is None:
        return {}
    vertices = [_vertex(vertex) for vertex in plan.selection.vertices.values()]
    return {"outputs": list(plan.outputs), "vertices": vertices}


def _vertex(vertex: Vertex) -> list[Any]:
    links = [
        [link.source, link.name, link.role.name, link.depth, list(link.along), link.keyword, link.takes_failures]
        for link in vertex.links
    ]
    return [vertex.name, vertex.kind.name, list(vertex.axes), vertex.node, vertex.associative, links]


def plan_of_shape(shape: Mapping[str, Any]) -> Plan:
    """A plan of this shape.

    Raises:
        InputError: it is no shape.
    """
    try:
        vertices = {one[0]: _restored(one) for one in shape["vertices"]}
        outputs = tuple(str(name) for name in shape["outputs"])
        return plan_of(Selection(vertices, outputs), outputs)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(f"this is no shape of a run: {type(error).__name__}: {error}") from error


def _restored(said: list[Any]) -> Vertex:
    name, kind, axes, node, associative, links = said
    made = Kind[kind]
    found = tuple(
        Link(source, argument, Role[role], int(depth), tuple(along), bool(keyword), bool(failures))
        for source, argument, role, depth, along, keyword, failures in links
    )
    function = same if made is Kind.CALL else None
    return Vertex(name, made, tuple(axes), found, function, node, "", bool(associative))
