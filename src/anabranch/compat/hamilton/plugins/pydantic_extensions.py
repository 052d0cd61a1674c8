"""Checks by models of pydantic."""

from anabranch.validation import (
    PydanticModelValidator,
)

__all__ = [
    "PydanticModelValidator",
]
