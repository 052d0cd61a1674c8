"""Schemas of frames, kept from run to run."""

from anabranch.lifecycle import (
    SchemaValidator,
)

__all__ = [
    "SchemaValidator",
]
