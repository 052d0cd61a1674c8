"""Where values come from."""

from __future__ import annotations

import typing
from collections.abc import Collection, Mapping
from typing import Any

from anabranch.errors import FlowError
from anabranch.function_modifiers.dependencies import (
    ConfigDependency,
    GroupedDictDependency,
    GroupedListDependency,
    LiteralDependency,
    UpstreamDependency,
    configuration,
    group,
    source,
    value,
)

__all__ = [
    "ConfigDependency",
    "GroupedDependency",
    "GroupedDictDependency",
    "GroupedListDependency",
    "LiteralDependency",
    "UpstreamDependency",
    "configuration",
    "group",
    "source",
    "value",
]

GroupedDependency = GroupedListDependency | GroupedDictDependency


def _validate_group_params(dependency_args: Collection[Any], dependency_kwargs: Mapping[str, Any]) -> None:
    """Whether a group can be made of these.

    Raises:
        ValueError: there are both kinds or none, or something is no dependency.
    """
    group(*dependency_args, **dependency_kwargs)


def _type_of_part(kind: type, annotation: Any, name: str) -> Any:
    """The type of one part of a group that a parameter of this annotation takes."""
    for one in typing.get_args(annotation) if typing.get_origin(annotation) is typing.Union else (annotation,):
        *keys, part = typing.get_args(one) or (None,)
        if typing.get_origin(one) is kind and (kind is list or keys == [str]):
            return part
    raise FlowError(f"parameter '{name}' is to take a group, a {kind.__name__}, but is annotated {annotation}")


def _answering(kind: type) -> Any:
    return staticmethod(lambda annotation, name: _type_of_part(kind, annotation, name))


for _group, _kind in ((GroupedListDependency, list), (GroupedDictDependency, dict)):
    setattr(_group, "resolve_dependency_type", _answering(_kind))  # noqa: B010  mypy does not know it
