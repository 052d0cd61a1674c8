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


@dataclass(frozen=True, slots=True)
class Judged:
    """A function is part of the flow only if the user's own predicate says so of the config."""

    predicate: Callable[[Mapping[str, Any]], bool]
    wanted: tuple[tuple[str, Any], ...] = ()

    def holds(self, given: Mapping[str, Any]) -> bool:
        """Whether the config lets the function in."""
        return bool(self.predicate(given))


class config:  # noqa: N801  the field's name for it
    """Alternatives: ``@config.when(region="eu") def price__eu(…)`` is the node `price` if the config says so.

    What follows a double underscore in the function's name is dropped; `name=` says another name.
    ``@config(lambda config: config["year"] > 2020)`` decides by a function of the whole config.
    """

    def __init__(self, predicate: Callable[[Mapping[str, Any]], bool] | Condition, name: str | None = None) -> None:
        if not isinstance(predicate, Condition) and not callable(predicate):
            raise FlowError(f"@config takes a function of the config, not a value of type {type(predicate).__name__}")
        self.condition = predicate if isinstance(predicate, Condition) else Judged(predicate)
        self.name = name

    def __call__(self, function: F) -> F:
        """Adds the condition to the function's marks."""
        conditions = (*marks_of(function).get("conditions", ()), self.condition)
        return mark(function, conditions=conditions, name=self.name_of(function))

    def name_of(self, function: Callable[..., Any]) -> str:
        """The name of the function's node."""
        known: str | None = self.name or marks_of(function).get("name")
        return known or function.__name__.partition("__")[0]

    def holds(self, given: Mapping[str, Any]) -> bool:
        """Whether the config lets functions in."""
        return self.condition.holds(given)

    @staticmethod
    def when(name: str | None = None, **wanted: Any) -> config:
        """In the flow if every given config value is the one given here."""
        return _condition("when", name, wanted)

    @staticmethod
    def when_not(name: str | None = None, **wanted: Any) -> config:
        """In the flow if no given config value is the one given here."""
        return _condition("when_not", name, wanted)

    @staticmethod
    def when_in(name: str | None = None, **wanted: Any) -> config:
        """In the flow if every config value is among those given here."""
        return _condition("when_in", name, wanted)

    @staticmethod
    def when_not_in(name: str | None = None, **wanted: Any) -> config:
        """In the flow if no config value is among those given here."""
        return _condition("when_not_in", name, wanted)


def _condition(check: str, name: str | None, wanted: dict[str, Any]) -> config:
    if not wanted:
        raise FlowError(f"@config.{check} needs at least one config key, as in @config.{check}(region='eu')")
    return config(Condition(check, tuple(wanted.items())), name)


def exclude(function: F) -> F:
    """Keeps a public function out of the flow: it is a helper that other functions call."""
    return mark(function, excluded=True)
