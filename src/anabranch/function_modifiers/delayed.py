"""Modifiers that the config decides: `resolve`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from anabranch.errors import FlowError
from anabranch.function_modifiers.modifier import Modifier

__all__ = ["Resolve", "ResolveAt", "resolve", "resolve_from_config"]


class ResolveAt(Enum):
    """When a modifier is decided."""

    CONFIG_AVAILABLE = "config_available"


@dataclass(frozen=True, slots=True)
class Resolve(Modifier):
    """The modifier that `decorate_with` returns for the config's values; its parameters name the config keys."""

    decorate_with: Callable[..., Modifier]


def resolve(*, when: ResolveAt, decorate_with: Callable[..., Modifier]) -> Resolve:
    """The decorator that is made of the config when the graph is built.

    ``@resolve(when=ResolveAt.CONFIG_AVAILABLE, decorate_with=lambda regions: parameterize_sources(**{…}))`` calls the function
    with the config's values of its parameters' names; a parameter with a default may be absent from the config.

    Raises:
        FlowError: what is given is no function or no moment.
    """
    if not isinstance(when, ResolveAt):
        raise FlowError(f"@resolve takes when=ResolveAt.CONFIG_AVAILABLE, not a value of type {type(when).__name__}")
    if not callable(decorate_with):
        raise FlowError(
            f"@resolve takes a function that returns a decorator, not a value of type {type(decorate_with).__name__}"
        )
    return Resolve(decorate_with)


def resolve_from_config(*, decorate_with: Callable[..., Modifier]) -> Resolve:
    """The same as `resolve` with ``when=ResolveAt.CONFIG_AVAILABLE``."""
    return resolve(when=ResolveAt.CONFIG_AVAILABLE, decorate_with=decorate_with)
