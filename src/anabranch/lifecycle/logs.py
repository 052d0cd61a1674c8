"""Runs in an application's log, and a logger for functions that says which function and item a line is about."""

from __future__ import annotations

import logging
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any

from anabranch.lifecycle.base import (
    GraphExecutionHook,
    NodeExecutionMethod,
    TaskGroupingHook,
    TaskReturnHook,
    TaskSubmissionHook,
)
from anabranch.markers import Skip

__all__ = ["AsyncLoggingAdapter", "ContextLogger", "LoggingAdapter", "get_logger"]

_place: ContextVar[tuple[str, str, str]] = ContextVar("anabranch place", default=("", "", ""))


class ContextLogger(logging.LoggerAdapter[logging.Logger]):
    """A logger whose lines begin with the run, the function and the item that they come from."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """The line, with where it comes from."""
        run, node, item = _place.get()
        if not run and not node:
            return msg, kwargs
        words = " ".join(word for word in (run[:8], node, item) if word)
        extra = {**(kwargs.get("extra") or {}), "anabranch_run": run, "anabranch_node": node, "anabranch_item": item}
        return f"[{words}] {msg}", {**kwargs, "extra": extra}


def get_logger(name: str | None = None) -> ContextLogger:
    """A logger for use in functions of a flow; where a `LoggingAdapter` goes along, its lines say where they come from."""
    return ContextLogger(logging.getLogger(name or "anabranch"), {})


class LoggingAdapter(GraphExecutionHook, TaskGroupingHook, TaskSubmissionHook, TaskReturnHook, NodeExecutionMethod):
    """Logs runs (INFO), tasks and calls of functions (DEBUG), and failures (ERROR).

    Runs and tasks are logged in the driver, calls of functions where these run: in a worker process, that process's logging
    has to be set up for them to be seen.

    Args:
        logger: the logger, or its name.
    """

    def __init__(self, logger: str | logging.Logger | None = None) -> None:
        self.name = logger.name if isinstance(logger, logging.Logger) else logger or "anabranch"

    @property
    def logger(self) -> ContextLogger:
        """Where it goes; looked up by name, for workers have loggers of their own."""
        return get_logger(self.name)

    def run_before_graph_execution(
        self,
        *,
        final_vars: list[str],
        inputs: Mapping[str, Any],
        overrides: Mapping[str, Any],
        run_id: str,
        **future_kwargs: Any,
    ) -> None:
        """Logs that a run began."""
        given = f", inputs {', '.join(inputs)}" if inputs else ""
        given += f", overrides {', '.join(overrides)}" if overrides else ""
        self._say(logging.INFO, run_id, f"run of {', '.join(final_vars)} began{given}")

    def run_after_graph_execution(
        self, *, success: bool, error: Exception | None, run_id: str, failures: tuple[Any, ...] = (), **future_kwargs: Any
    ) -> None:
        """Logs how it ended."""
        if success:
            self._say(logging.INFO, run_id, "run ended" + (f", {len(failures)} items failed" if failures else ""))
        else:
            self._say(logging.ERROR, run_id, f"run failed: {type(error).__name__}: {error}")

    def run_after_task_grouping(self, *, run_id: str, task_ids: list[str], **future_kwargs: Any) -> None:
        """Logs what a run was cut into."""
        self._say(logging.DEBUG, run_id, f"tasks: {', '.join(task_ids)}")

    def run_after_task_expansion(
        self, *, run_id: str, task_id: str, parameters: Mapping[str, int], **future_kwargs: Any
    ) -> None:
        """Logs how wide a fan-out is."""
        self._say(logging.DEBUG, run_id, f"{task_id} has {len(parameters)} items")

    def run_before_task_submission(self, *, run_id: str, task_id: str, **future_kwargs: Any) -> None:
        """Logs that a task is handed over."""
        self._say(logging.DEBUG, run_id, f"task {task_id} submitted")

    def run_after_task_return(
        self, *, run_id: str, task_id: str, success: bool, error: Exception | None, **future_kwargs: Any
    ) -> None:
        """Logs that a task came back."""
        if success:
            self._say(logging.DEBUG, run_id, f"task {task_id} returned")
        else:
            self._say(logging.ERROR, run_id, f"task {task_id} failed: {type(error).__name__}: {error}")

    def run_to_execute_node(
        self,
        *,
        node_name: str,
        node_callable: Any,
        node_kwargs: dict[str, Any],
        task_id: str | None,
        run_id: str = "",
        **future_kwargs: Any,
    ) -> Any:
        """Calls the function, with the place known to `get_logger`."""
        token = _place.set((run_id, node_name, task_id or ""))
        log = self.logger
        try:
            log.debug("called")
            result = node_callable(**node_kwargs)
        except Skip:
            log.debug("skipped")
            raise
        except Exception as error:
            log.debug("raised %s: %s", type(error).__name__, error)
            raise
        else:
            log.debug("gave %s", type(result).__name__)
            return result
        finally:
            _place.reset(token)

    def _say(self, level: int, run_id: str, words: str) -> None:
        token = _place.set((run_id, "", ""))
        try:
            self.logger.log(level, words)
        finally:
            _place.reset(token)


AsyncLoggingAdapter = LoggingAdapter
"""The same: in an async flow its hooks are called between awaits, and never wait."""
