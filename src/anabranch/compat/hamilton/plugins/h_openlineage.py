"""Events for OpenLineage."""

from anabranch.lifecycle import (
    OpenLineageAdapter,
)

__all__ = [
    "OpenLineageAdapter",
]
