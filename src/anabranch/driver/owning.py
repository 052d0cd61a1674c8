"""The dataflow as workers run it that have something for themselves: who makes it, and who is given it.

This module never makes anything.
"""

from __future__ import annotations

from dataclasses import replace

from anabranch.errors import FlowError
from anabranch.graph import Graph, Role
from anabranch.own import Declaring, Opening

__all__ = ["check_own", "with_own"]


def check_own(graph: Graph) -> None:
    """Checks what each worker is to make for itself, and who reads it.

    Raises:
        FlowError: it is inside of a fan-out, or collects, or something else is said of it that makes no sense.
    """
    for node in graph.nodes.values():
        if not node.per_worker:
            continue
        if graph.axes[node.name]:
            raise FlowError(
                f"{node.label} is @per_worker and reads what is inside the fan-out over '{graph.axes[node.name][0]}'; it is "
                f"made once in each worker, and can read inputs and what is computed outside of fan-outs"
            )
        if any(parameter.role is not Role.PLAIN for parameter in node.parameters):
            raise FlowError(f"{node.label} is @per_worker and collects; let another function do that, and read what it gives")
        if node.policy is not None or node.place or node.resources:
            raise FlowError(f"{node.label} is @per_worker: it is made where it is needed; put other decorators on who needs it")


def with_own(graph: Graph) -> Graph:
    """The graph with what is passed on in the place of what each worker makes, and readers that open it; as it is if no
    worker makes anything.
    """
    own = {name for name, node in graph.nodes.items() if node.per_worker}
    if not own:
        return graph
    nodes = dict(graph.nodes)
    for name, node in graph.nodes.items():
        if node.per_worker:
            nodes[name] = node._replace(function=Declaring.by(name, node.origin, node.function))
        elif any(edge.source in own for edge in graph.edges[name]):
            nodes[name] = node._replace(function=Opening(node.function))
    return replace(graph, nodes=nodes)
