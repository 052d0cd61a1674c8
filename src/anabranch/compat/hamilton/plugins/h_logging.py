"""Runs, tasks and calls in the log."""

from anabranch.lifecycle import (
    AsyncLoggingAdapter,
    ContextLogger,
    LoggingAdapter,
    get_logger,
)

__all__ = [
    "AsyncLoggingAdapter",
    "ContextLogger",
    "LoggingAdapter",
    "get_logger",
]
