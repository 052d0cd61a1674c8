"""Which collects may find failures among their items, and whether they say that they take them.

This module never knows whether anything fails.
"""

from __future__ import annotations

from anabranch.errors import InputError
from anabranch.plan.select import Kind, Selection, Vertex
from anabranch.policies import OnError

__all__ = ["check_kept"]


def check_kept(selection: Selection, of_run: OnError) -> None:
    """Checks that each collect of what may be a kept failure is annotated ``Collect[T | Failed]``.

    Raises:
        InputError: one is not.
    """
    kept: dict[str, frozenset[tuple[str, str]]] = {}
    for vertex in selection.vertices.values():
        passed = (_passed_on(selection, vertex, number, kept) for number in range(len(vertex.links)))
        kept[vertex.name] = _own(vertex, of_run).union(*passed)


def _own(vertex: Vertex, of_run: OnError) -> frozenset[tuple[str, str]]:
    """The vertex itself, with its innermost axis, if failures of it are kept."""
    if vertex.kind is not Kind.CALL or not vertex.axes:
        return frozenset()
    policy = (vertex.policy.on_error if vertex.policy else None) or of_run
    return frozenset({(vertex.node, vertex.axes[-1])}) if policy == "keep" else frozenset()


def _passed_on(
    selection: Selection, vertex: Vertex, number: int, kept: dict[str, frozenset[tuple[str, str]]]
) -> frozenset[tuple[str, str]]:
    """The kept failures that come in by a link and go out with the value."""
    link = vertex.links[number]
    found = kept.get(link.source, frozenset())
    if not link.depth or link.name is None:
        return found
    axes = selection.vertices[link.source].axes
    closed = set(axes[len(axes) - link.depth :])
    meant = {node for node, axis in found if axis in closed}
    if meant and not link.takes_failures:
        who = selection.vertices[next(iter(sorted(meant)))].origin
        word = link.role.name.title()
        raise InputError(
            f"'{vertex.node}' ({vertex.origin}): parameter '{link.name}' collects items of '{min(meant)}' ({who}), whose "
            f"failures are to be kept; annotate it {word}[… | Failed], or choose another policy, skip say"
        )
    return frozenset(entry for entry in found if entry[1] not in closed)
