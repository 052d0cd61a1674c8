"""Where values come from."""

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
