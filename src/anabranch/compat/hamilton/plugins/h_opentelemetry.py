"""Spans of OpenTelemetry."""

from anabranch.lifecycle import (
    OpenTelemetryTracer,
)

__all__ = [
    "OpenTelemetryTracer",
]
