"""Checks by the model of pydantic that is annotated."""

from anabranch.compat.hamilton.plugins._schema_check import (
    check_output,
)

__all__ = [
    "check_output",
]
