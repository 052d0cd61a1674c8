"""Where the value of a parameter comes from, if not from the node that has its name.

Theory: `source` another node or input, `value` a literal, `configuration` a value of the builder's config, `group` several of
these as one list or dict. They are plain data; the graph follows them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from anabranch.errors import FlowError

__all__ = [
    "ConfigDependency",
    "Dependency",
    "GroupedDictDependency",
    "GroupedListDependency",
    "LiteralDependency",
    "UpstreamDependency",
    "as_dependency",
    "configuration",
    "group",
    "source",
    "value",
]


@dataclass(frozen=True, slots=True)
class UpstreamDependency:
    """The value of a node or input."""

    source: str


@dataclass(frozen=True, slots=True, eq=False)
class LiteralDependency:
    """This very value. Two are equal if they are of one object: what is the user's is never compared."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LiteralDependency) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


@dataclass(frozen=True, slots=True)
class ConfigDependency:
    """A value of the config that the builder was given."""

    key: str


@dataclass(frozen=True, slots=True, eq=False)
class GroupedListDependency:
    """Several values as one list."""

    parts: tuple[Dependency, ...]


@dataclass(frozen=True, slots=True, eq=False)
class GroupedDictDependency:
    """Several values as one dict."""

    parts: tuple[tuple[str, Dependency], ...]


Dependency = UpstreamDependency | LiteralDependency | ConfigDependency | GroupedListDependency | GroupedDictDependency


def source(dependency_on: str | UpstreamDependency) -> UpstreamDependency:
    """The parameter reads the node or input of this name. What is a source already stays one.

    Raises:
        FlowError: it is no name.
    """
    if isinstance(dependency_on, UpstreamDependency):
        return dependency_on
    if not isinstance(dependency_on, str) or not dependency_on:
        raise FlowError(f"source takes the name of a node or input, as in source('price'), not {_shown(dependency_on)}")
    return UpstreamDependency(dependency_on)


def value(literal_value: Any) -> LiteralDependency:
    """The parameter is given this very value. What is a literal already stays one."""
    if isinstance(literal_value, LiteralDependency):
        return literal_value
    if isinstance(literal_value, Dependency):
        raise FlowError(f"value takes a literal, and {_shown(literal_value)} is none; leave value(…) out")
    return LiteralDependency(literal_value)


def configuration(dependency_on: str) -> ConfigDependency:
    """The parameter is given the value that the builder's config has for this key.

    Raises:
        FlowError: it is no name.
    """
    if not isinstance(dependency_on, str) or not dependency_on:
        raise FlowError(f"configuration takes a config key, as in configuration('region'), not {_shown(dependency_on)}")
    return ConfigDependency(dependency_on)


def group(*parts: Dependency, **named: Dependency) -> GroupedListDependency | GroupedDictDependency:
    """The parameter is given a list of these, or, with names, a dict of them.

    Raises:
        FlowError: there are none, some with and some without a name, or one is not `source`, `value` or `configuration`.
    """
    if bool(parts) is bool(named):
        raise FlowError("group takes either parts, for a list, or named parts, for a dict: group(source('a'), source('b'))")
    for part in (*parts, *named.values()):
        if not isinstance(part, Dependency):
            raise FlowError(f"group takes source(…), value(…) or configuration(…), not {_shown(part)}; write value(…)")
    return GroupedDictDependency(tuple(named.items())) if named else GroupedListDependency(parts)


def as_dependency(given: Any) -> Dependency:
    """What was given if it is a dependency, else the literal that it is."""
    return given if isinstance(given, Dependency) else LiteralDependency(given)


def _shown(given: Any) -> str:
    return "an empty name" if given == "" else f"a value of type {type(given).__name__}"
