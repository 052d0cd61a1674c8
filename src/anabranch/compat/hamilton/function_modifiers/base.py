"""What is wrong with a decorator, and the nodes that a decorated function stands for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from types import EllipsisType
from typing import Any

from anabranch.function_modifiers import InvalidDecoratorException

__all__ = ["InvalidDecoratorException", "MissingConfigParametersException", "TargetType", "resolve_nodes"]

MissingConfigParametersException = InvalidDecoratorException
"""Config values that a decorator needs are not there."""

TargetType = str | Collection[str] | EllipsisType | None
"""Which of a function's nodes are meant: None for the last ones, ``...`` for all, or names."""


def resolve_nodes(fn: Callable[..., Any], config: Mapping[str, Any]) -> list[Any]:
    """The nodes that a function stands for with this config.

    Raises:
        ValueError: a decorator makes no sense here.
    """
    from anabranch.compat.hamilton.graph import node_of
    from anabranch.graph.functions import chosen, nodes_of
    from anabranch.markers import marks_of

    if not chosen(fn, config):
        return []
    return [node_of(node) for node in nodes_of(marks_of(fn).get("name", fn.__name__), fn, config)]
