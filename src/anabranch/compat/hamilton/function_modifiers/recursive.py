"""Flows within flows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import ModuleType
from typing import Any

from anabranch.errors import FlowError
from anabranch.function_modifiers import (
    parameterized_subdag,
    subdag,
)
from anabranch.function_modifiers.dependencies import (
    ConfigDependency,
    LiteralDependency,
    UpstreamDependency,
    as_dependency,
)
from anabranch.graph.functions import functions_of
from anabranch.graph.modify.draft import configured

__all__ = [
    "assign_namespace",
    "parameterized_subdag",
    "subdag",
    "with_columns_base",
]


class with_columns_base:  # noqa: N801
    """Hamilton's base of `with_columns`. A decorator of one's own is a function that uses ours."""

    def __init_subclass__(cls) -> None:
        raise FlowError("a with_columns of one's own is a function here: see anabranch.function_modifiers.with_columns")

    @staticmethod
    def contains_duplicates(nodes_: Collection[Any]) -> bool:
        """Whether two of these nodes have one name."""
        return len({node.name for node in nodes_}) < len(nodes_)


def assign_namespace(node_name: str, namespace: str) -> str:
    """The name of a node in a namespace."""
    return f"{namespace}.{node_name}"


def _collected(load_from: Collection[Any]) -> list[Any]:
    """The functions, and those of the modules, among these."""
    found: list[Any] = []
    for part in load_from:
        found += [function for _, function in functions_of(part, {})] if isinstance(part, ModuleType) else [part]
    return found


def _validate_config_inputs(config: Mapping[str, Any], inputs: Mapping[str, Any]) -> None:
    """Whether a subdag can have this config and these inputs.

    Raises:
        ValueError: a name is in both, or an input is no dependency.
    """
    both = sorted(set(config) & set(inputs))
    if both:
        raise FlowError(f"{', '.join(map(repr, both))} cannot be a subdag's config and its input; leave one out")
    for name, one in inputs.items():
        if not isinstance(one, (UpstreamDependency, LiteralDependency, ConfigDependency)):
            raise FlowError(f"the input '{name}' must be source(…), value(…) or configuration(…)")


def _resolve_subdag_configuration(
    configuration: Mapping[str, Any], fields: Mapping[str, Any], function_name: str
) -> dict[str, Any]:
    """The config of a subdag: its own over the driver's, with what is to be looked up there looked up.

    Raises:
        ValueError: the driver's has no such key, or a value is to come from a node.
    """
    found = dict(configuration)
    for name, one in fields.items():
        where = f"the subdag of '{function_name}': its config's '{name}'"
        settled = configured(as_dependency(one), configuration, where)
        if not isinstance(settled, LiteralDependency):
            raise FlowError(f"{where} cannot be read from a node")
        found[name] = settled.value
    return found


for _made in (subdag, parameterized_subdag):
    vars(_made)["collect_functions"] = _collected
