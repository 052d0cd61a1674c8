"""Decorators that the config decides."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from anabranch.function_modifiers import (
    InvalidDecoratorException,
    ResolveAt,
    resolve,
    resolve_from_config,
)

__all__ = [
    "ResolveAt",
    "extract_and_validate_params",
    "resolve",
    "resolve_from_config",
]


def extract_and_validate_params(fn: Callable[..., Any]) -> tuple[list[str], dict[str, Any]]:
    """The names of parameters without a default, and the defaults of the others.

    Raises:
        ValueError: it takes ``*args`` or ``**kwargs``, which tell no keys of the config.
    """
    known = inspect.signature(fn).parameters
    for name, one in known.items():
        if one.kind in {one.VAR_POSITIONAL, one.VAR_KEYWORD}:
            raise InvalidDecoratorException(f"the parameter '{name}' names no key of the config; name each by a parameter")
    return [name for name, one in known.items() if one.default is one.empty], {
        name: one.default for name, one in known.items() if one.default is not one.empty
    }
