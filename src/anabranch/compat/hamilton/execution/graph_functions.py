"""Questions about nodes and what they depend on, asked of Hamilton's `Node`s."""

from __future__ import annotations

import pprint
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from anabranch.compat.hamilton.graph import FunctionGraph
from anabranch.compat.hamilton.node import Node
from anabranch.errors import InputError

__all__ = [
    "combine_config_and_inputs",
    "create_input_string",
    "execute_subdag",
    "get_node_levels",
    "nodes_between",
    "topologically_sort_nodes",
]

_VALUE = 50
_TEXT = 1000


def topologically_sort_nodes(nodes: Iterable[Node]) -> list[Node]:
    """The nodes, each after all that it depends on."""
    given = list(nodes)
    levels = get_node_levels(given)
    return sorted(given, key=lambda node: levels[node.name])


def get_node_levels(topologically_sorted_nodes: Iterable[Node]) -> dict[str, int]:
    """For each node how many others, at least, stand one behind the other before it."""
    levels: dict[str, int] = {}

    def level(node: Node) -> int:
        if node.name not in levels:
            levels[node.name] = 1 + max(map(level, node.dependencies), default=-1)
        return levels[node.name]

    given = list(topologically_sorted_nodes)
    return {node.name: level(node) for node in given}


def nodes_between(end_node: Node, search_condition: Callable[[Node], bool]) -> tuple[Node | None, list[Node]]:
    """The first node upstream for which the condition holds, and all nodes on any way from it to the end, neither included."""
    upstream = list(_upstream(end_node))
    start = next((node for node in upstream if search_condition(node)), None)
    if start is None:
        return None, []
    behind = {start.name}
    waiting = list(start.depended_on_by)
    while waiting:
        node = waiting.pop()
        if node.name not in behind:
            behind.add(node.name)
            waiting += node.depended_on_by
    return start, [node for node in upstream if node.name in behind and node is not start]


def _upstream(node: Node) -> Iterator[Node]:
    """All that a node depends on, what is nearest first."""
    seen = {node.name}
    waiting = list(node.dependencies)
    for one in waiting:
        if one.name not in seen:
            seen.add(one.name)
            yield one
            waiting += one.dependencies


def combine_config_and_inputs(config: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Both together.

    Raises:
        ValueError: a name is in both.
    """
    both = sorted(set(config) & set(inputs))
    if both:
        raise InputError(f"{', '.join(map(repr, both))} given as config and as input; give each once")
    return {**config, **inputs}


def execute_subdag(  # noqa: PLR0917  Hamilton's signature
    nodes: Collection[Node],
    inputs: Mapping[str, Any],
    adapter: Any = None,
    computed: Mapping[str, Any] | None = None,
    overrides: Mapping[str, Any] | None = None,
    run_id: str | None = None,
    task_id: str | None = None,  # noqa: ARG001
) -> dict[str, Any]:
    """Computes nodes in the calling thread: what these are, and what was given.

    Raises:
        ValueError: something is missing.
    """
    known = {node.name: node for node in nodes}
    return FunctionGraph(known, {}, adapter).execute(None, computed, overrides, inputs, run_id)


def create_input_string(kwargs: Mapping[str, Any]) -> str:
    """Arguments as a text to be shown: long values are cut, and the whole is.

    Only types that are certainly cheap to show are asked for their text in full.
    """
    shown = {name: _shown(value) for name, value in kwargs.items()}
    text = pprint.pformat(shown)
    return text if len(text) <= _TEXT else text[:_TEXT] + "..."


def _shown(value: Any) -> Any:
    pandas = sys.modules.get("pandas")
    is_frame = pandas is not None and isinstance(value, (pandas.DataFrame, pandas.Series))
    text = str(value) if is_frame else repr(value)
    return text[:_VALUE] + "..." if len(text) > _VALUE else value
