"""Decorators that the config decides."""

from anabranch.function_modifiers import (
    ResolveAt,
    resolve,
    resolve_from_config,
)

__all__ = [
    "ResolveAt",
    "resolve",
    "resolve_from_config",
]
