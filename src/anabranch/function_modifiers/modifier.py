"""What all function modifiers have in common: a declaration that is its own decorator.

Theory: a modifier is a frozen value that says what is wanted; calling it with a function checks what can be checked there
and then, and adds it to the function's marks. The function itself stays the plain function that it was. What a declaration
*means* is decided when a graph is built (`anabranch.graph.modify`), for only then the config is known.

Declarations stand on a function in the order in which the decorators were applied: the one nearest to `def` first.

This module must never know what a graph is.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable
from types import EllipsisType
from typing import Any, TypeVar

from anabranch.errors import FlowError, nearest_or_all
from anabranch.markers import mark, marks_of, origin_of

__all__ = ["Modifier", "Target", "label_of", "modifiers_of", "parameters_of"]

F = TypeVar("F", bound=Callable[..., Any])

Target = str | Collection[str] | EllipsisType | None
"""Which of a function's nodes are meant: None for the last ones, which none of the others reads, `...` for all, or names."""


class Modifier:
    """A declaration about a function. Use it as a decorator."""

    __slots__ = ()

    def __call__(self, function: F, /) -> F:
        """Adds the declaration to the function's marks and returns the same function.

        Raises:
            FlowError: it cannot be meant for this function.
        """
        if isinstance(function, type) or not callable(function):
            raise FlowError(f"@{self.word} decorates functions, not {_kind(function)}")
        self.check(function)
        return mark(function, modifiers=(*modifiers_of(function), self))

    @property
    def word(self) -> str:
        """What it is called in messages; by default the class's name in lower case with underscores."""
        name = type(self).__name__
        return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")

    def check(self, function: Callable[..., Any]) -> None:
        """Raises `FlowError` for what can be seen to be wrong at once."""

    def refuse(self, function: Callable[..., Any], why: str) -> FlowError:
        """The error to raise: names the decorator, the function, and where that is."""
        return FlowError(f"@{self.word} on {label_of(function)}: {why}")

    def check_parameters(self, function: Callable[..., Any], names: Iterable[str]) -> None:
        """Checks that the function has parameters of these names."""
        known = parameters_of(function)
        for name in names:
            if name not in known:
                raise self.refuse(function, f"there is no parameter '{name}'{nearest_or_all(name, known)}")


def modifiers_of(function: Callable[..., Any]) -> tuple[Modifier, ...]:
    """The declarations on a function, the innermost first."""
    found: tuple[Modifier, ...] = marks_of(function).get("modifiers", ())
    return found


def label_of(function: Callable[..., Any]) -> str:
    """Name and place of a function, for messages."""
    return f"'{getattr(function, '__name__', type(function).__name__)}' ({origin_of(function)})"


def parameters_of(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The parameters that have names; `*args` and `**kwargs` are left out.

    Raises:
        FlowError: the function's signature is not known.
    """
    try:
        found = inspect.signature(function).parameters
    except (TypeError, ValueError):
        raise FlowError(f"the parameters of {label_of(function)} are not known; wrap it in a function of your own") from None
    return {name: p for name, p in found.items() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}


def _kind(value: object) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else f"a value of type {type(value).__name__}"
