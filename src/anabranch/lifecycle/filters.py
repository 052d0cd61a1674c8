"""Which nodes an adapter is meant for: all, some by name, or those that a function chooses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from anabranch.errors import InputError

__all__ = ["NodeFilter", "checked_filter", "chosen"]

NodeFilter = Callable[[str, Mapping[str, Any]], bool] | list[str] | str | None
"""Names, a name, a function of name and tags, or None for all nodes."""


def checked_filter(node_filter: NodeFilter) -> NodeFilter:
    """The filter, if it is one.

    Raises:
        InputError: it is not.
    """
    if node_filter is None or callable(node_filter) or isinstance(node_filter, str):
        return node_filter
    if isinstance(node_filter, (list, tuple, set, frozenset)) and all(isinstance(name, str) for name in node_filter):
        return list(node_filter)
    raise InputError(f"a node filter is a name, a list of names, or a function of name and tags, not {node_filter!r}")


def chosen(node_filter: NodeFilter, name: str, tags: Mapping[str, Any]) -> bool:
    """Whether the filter lets this node in."""
    if node_filter is None:
        return True
    if callable(node_filter):
        return bool(node_filter(name, tags))
    return name == node_filter if isinstance(node_filter, str) else name in node_filter
