"""What can only be decided when the axes are known: how much of a fan-out a node collects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from anabranch.graph.axes import Axes
from anabranch.graph.node import Node, Role

__all__ = ["collect_all"]


def collect_all(node: Node, axes: Mapping[str, Axes]) -> tuple[Node, ...]:
    """The node, with parameters that close all axes of what they read; what has none is read plainly."""
    closing = (replace(p, depth=len(axes[p.name]), role=Role.COLLECT if axes[p.name] else Role.PLAIN) for p in node.parameters)
    return (node._replace(parameters=tuple(closing), late=None),)
