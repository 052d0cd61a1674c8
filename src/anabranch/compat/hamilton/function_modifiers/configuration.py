"""Alternatives by config."""

from anabranch.function_modifiers import (
    config,
    hamilton_exclude,
)

__all__ = [
    "config",
    "hamilton_exclude",
]
