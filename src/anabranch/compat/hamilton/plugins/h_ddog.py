"""Spans of Datadog."""

from anabranch.lifecycle import (
    DDOGTracer,
)

__all__ = [
    "DDOGTracer",
]
