"""Columns for frames of pandas."""

from anabranch.function_modifiers import (
    with_columns,
)

__all__ = [
    "with_columns",
]
