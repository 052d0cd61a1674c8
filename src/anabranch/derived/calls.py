"""Functions some of whose arguments are bound or put together, where `functools.partial` cannot say it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Fixed", "Grouped", "Keyed", "Leaf", "Listed", "Placed", "Recipe", "same"]


def same(value: Any) -> Any:
    """What was given is what it gives."""
    return value


@dataclass(frozen=True, slots=True)
class Placed:
    """A function some of whose positional-only arguments are bound: `places` gives for each its position and value."""

    func: Callable[..., Any]
    places: tuple[tuple[int, Any], ...]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the function with the bound values in their places."""
        given = list(args)
        for place, value in self.places:
            given.insert(place, value)
        return self.func(*given, **kwargs)


@dataclass(frozen=True, slots=True)
class Leaf:
    """An argument as it comes."""

    name: str

    def made(self, given: Mapping[str, Any]) -> Any:
        """Its value."""
        return given[self.name]


@dataclass(frozen=True, slots=True, eq=False)
class Fixed:
    """A literal."""

    value: Any

    def made(self, given: Mapping[str, Any]) -> Any:
        """Its value."""
        return self.value


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of what other recipes make."""

    parts: tuple[Recipe, ...]

    def made(self, given: Mapping[str, Any]) -> Any:
        """A new list."""
        return [part.made(given) for part in self.parts]


@dataclass(frozen=True, slots=True)
class Keyed:
    """A dict of what other recipes make."""

    parts: tuple[tuple[str, Recipe], ...]

    def made(self, given: Mapping[str, Any]) -> Any:
        """A new dict."""
        return {key: part.made(given) for key, part in self.parts}


Recipe = Leaf | Fixed | Listed | Keyed
"""How one argument of a function is made of those that come."""


@dataclass(frozen=True, slots=True)
class Grouped:
    """A function some of whose arguments are put together from several.

    Attributes:
        func: the function.
        names: what it is called with here, in order.
        spent: those of them that only serve to make others.
        positional: parameters that the function takes by position only.
        recipes: how arguments of the function are made, by their names.
    """

    func: Callable[..., Any]
    names: tuple[str, ...]
    spent: frozenset[str]
    positional: tuple[str, ...]
    recipes: tuple[tuple[str, Recipe], ...]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Puts the arguments together and calls the function."""
        given = dict(zip(self.names, args, strict=False), **kwargs)
        passed = {name: value for name, value in given.items() if name not in self.spent}
        for name, recipe in self.recipes:
            passed[name] = recipe.made(given)
        first = [passed.pop(name) for name in self.positional if name in passed]
        return self.func(*first, **passed)


class Positional:
    """A function whose positional-only parameters may be given by name, for one before them may be left to its default."""

    def __init__(self, function: Callable[..., Any], defaults: dict[str, Any]) -> None:
        self.function = function
        self.defaults = defaults
        self.__wrapped__ = function

    def __call__(self, *values: Any, **named: Any) -> Any:
        """Calls it."""
        rest = list(self.defaults.items())[len(values) :]
        return self.function(*values, *(named.pop(name, default) for name, default in rest), **named)
