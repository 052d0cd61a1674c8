"""Runs as runs of mlflow."""

from anabranch.lifecycle import (
    MLFlowTracker,
)

__all__ = [
    "MLFlowTracker",
]
