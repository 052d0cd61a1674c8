"""What is wrong with a decorator, and the nodes that a decorated function stands for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from types import EllipsisType
from typing import Any

from anabranch.compat.hamilton import settings
from anabranch.errors import nearest_or_all
from anabranch.function_modifiers import InvalidDecoratorException

__all__ = [
    "DefaultNodeCreator",
    "InvalidDecoratorException",
    "MissingConfigParametersException",
    "NodeTransformer",
    "TargetType",
    "resolve_config",
    "resolve_nodes",
    "sanitize_function_name",
]

MissingConfigParametersException = InvalidDecoratorException
"""Config values that a decorator needs are not there."""

_POWER = settings.ENABLE_POWER_USER_MODE

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


class NodeTransformer:
    """What decorators of functions' outputs have in common.

    It is here to be asked which nodes are meant. A decorator of one's own is a function that uses ours.
    """

    NON_FINAL_TAG = "hamilton.non_final_node"

    @staticmethod
    def select_nodes(target: TargetType, nodes: Collection[Any]) -> list[Any]:
        """The nodes that are meant.

        Raises:
            ValueError: there is no node of that name.
        """
        if target is None:
            read = {name for node in nodes for name in node.input_types}
            return [node for node in nodes if node.name not in read and not node.tags.get(NodeTransformer.NON_FINAL_TAG)]
        if target is ...:
            return list(nodes)
        known = {node.name: node for node in nodes}
        wanted = (target,) if isinstance(target, str) else target
        for name in wanted:
            if name not in known:
                raise InvalidDecoratorException(f"there is no node '{name}'{nearest_or_all(name, known)}")
        return [known[name] for name in wanted]

    @classmethod
    def compliment(cls, all_nodes: Collection[Any], nodes_to_transform: Collection[Any]) -> list[Any]:
        """The nodes that are not meant."""
        return [node for node in all_nodes if node not in nodes_to_transform]


class DefaultNodeCreator:
    """What a function without decorators becomes."""

    def generate_nodes(self, fn: Callable[..., Any], config: Mapping[str, Any]) -> list[Any]:
        """Its one node."""
        from anabranch.compat.hamilton.node import Node

        return [Node.from_fn(fn)]

    def validate(self, fn: Callable[..., Any]) -> None:
        """Nothing can be wrong."""


def sanitize_function_name(name: str) -> str:
    """The name without what tells alternatives apart."""
    return name.rpartition("__")[0] or name


def resolve_config(
    name_for_error: str,
    config: Mapping[str, Any],
    config_required: Collection[str] | None,
    config_optional_with_defaults: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What a decorator may know of the config: all of it (`config_required` is None), or the keys that it says.

    Raises:
        ValueError: a key is not there.
    """
    if config_required is None:
        return dict(config)
    missing = [key for key in config_required if key not in config and key != _POWER]
    if missing:
        raise MissingConfigParametersException(f"{name_for_error} takes the config's {', '.join(missing)}; give it")
    optional = {key: config.get(key, default) for key, default in (config_optional_with_defaults or {}).items()}
    return {_POWER: config.get(_POWER, False), **{key: config[key] for key in config_required}, **optional}


def _add_original_function_to_nodes(fn: Callable[..., Any], nodes: Collection[Any]) -> list[Any]:
    """The nodes, with the function among those that they are there for."""
    for node in nodes:
        node.add_originating_function(fn)
    return list(nodes)
