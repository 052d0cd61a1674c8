"""Alternatives: functions that are part of the flow only if the builder's config says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from anabranch.errors import FlowError
from anabranch.markers import mark, marks_of

__all__ = ["Condition", "config", "exclude"]

F = TypeVar("F", bound=Callable[..., Any])

_CHECKS: Mapping[str, Callable[[Any, Any], bool]] = {
    "when": lambda given, wanted: given == wanted,
    "when_not": lambda given, wanted: given != wanted,
    "when_in": lambda given, wanted: given in wanted,
    "when_not_in": lambda given, wanted: given not in wanted,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """A function is part of the flow only if every key of `wanted` passes the check against the config."""

    check: str
    wanted: tuple[tuple[str, Any], ...]

    def holds(self, given: Mapping[str, Any]) -> bool:
        """Whether the config lets the function in; a key that the config lacks counts as None."""
        return all(_CHECKS[self.check](given.get(key), value) for key, value in self.wanted)


class config:  # noqa: N801  the field's name for it
    """Alternatives: ``@config.when(region="eu") def price__eu(…)`` is the node `price` if the config says so.

    What follows a double underscore in the function's name is dropped; `name=` says another name.
    """

    @staticmethod
    def when(name: str | None = None, **wanted: Any) -> Callable[[F], F]:
        """In the flow if every given config value is the one given here."""
        return _condition("when", name, wanted)

    @staticmethod
    def when_not(name: str | None = None, **wanted: Any) -> Callable[[F], F]:
        """In the flow if no given config value is the one given here."""
        return _condition("when_not", name, wanted)

    @staticmethod
    def when_in(name: str | None = None, **wanted: Any) -> Callable[[F], F]:
        """In the flow if every config value is among those given here."""
        return _condition("when_in", name, wanted)

    @staticmethod
    def when_not_in(name: str | None = None, **wanted: Any) -> Callable[[F], F]:
        """In the flow if no config value is among those given here."""
        return _condition("when_not_in", name, wanted)


def _condition(check: str, name: str | None, wanted: dict[str, Any]) -> Callable[[F], F]:
    if not wanted:
        raise FlowError(f"@config.{check} needs at least one config key, as in @config.{check}(region='eu')")

    def decorate(function: F) -> F:
        known = marks_of(function)
        conditions = (*known.get("conditions", ()), Condition(check, tuple(wanted.items())))
        node = name or known.get("name") or function.__name__.partition("__")[0]
        return mark(function, conditions=conditions, name=node)

    return decorate


def exclude(function: F) -> F:
    """Keeps a public function out of the flow: it is a helper that other functions call."""
    return mark(function, excluded=True)
