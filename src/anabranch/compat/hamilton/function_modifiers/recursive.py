"""Flows within flows."""

from anabranch.function_modifiers import (
    parameterized_subdag,
    subdag,
)

__all__ = [
    "parameterized_subdag",
    "subdag",
]
