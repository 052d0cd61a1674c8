"""Results that are tables of pyarrow."""

from anabranch.results import (
    PyarrowTableResult,
)

__all__ = [
    "PyarrowTableResult",
]
