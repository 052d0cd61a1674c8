"""Prints each call of a function: for looking at a small flow while it runs."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Mapping
from threading import get_ident
from time import perf_counter
from typing import Any

from anabranch.errors import InputError
from anabranch.lifecycle.base import NodeExecutionHook
from anabranch.lifecycle.filters import NodeFilter, checked_filter, chosen
from anabranch.markers import Skip

__all__ = ["PrintLn", "PrintLnHook"]


class PrintLn(NodeExecutionHook):
    """Prints a line before and a line after each call of a function, where the function runs.

    Args:
        verbosity: 1 tells names, times and types, 2 arguments and results as well, shortened.
        print_fn: what prints a line.
        node_filter: for which nodes: names, or a function of name and tags; all, if it is not said.

    Raises:
        InputError: an argument makes no sense.
    """

    def __init__(self, verbosity: int = 1, print_fn: Callable[[str], Any] = print, node_filter: NodeFilter = None) -> None:
        if verbosity not in {1, 2}:
            raise InputError(f"PrintLn has verbosity 1 and 2, not {verbosity!r}")
        self.verbosity = verbosity
        self.print_fn = print_fn
        self.node_filter = checked_filter(node_filter)
        self._begun: dict[tuple[int, str, str | None], float] = {}

    def run_before_node_execution(
        self,
        *,
        node_name: str,
        node_tags: Mapping[str, Any],
        node_kwargs: dict[str, Any],
        task_id: str | None,
        **future_kwargs: Any,
    ) -> None:
        """Prints what is about to be called."""
        if not chosen(self.node_filter, node_name, node_tags):
            return
        self._begun[get_ident(), node_name, task_id] = perf_counter()
        arguments = ", ".join(f"{name}={reprlib.repr(value)}" for name, value in node_kwargs.items())
        shown = f" with {arguments}" if self.verbosity > 1 and arguments else ""
        self.print_fn(f"{_place(node_name, task_id)}: called{shown}")

    def run_after_node_execution(
        self,
        *,
        node_name: str,
        node_tags: Mapping[str, Any],
        node_kwargs: dict[str, Any],
        result: Any,
        error: Exception | None,
        success: bool,
        task_id: str | None,
        **future_kwargs: Any,
    ) -> None:
        """Prints what came of it."""
        begun = self._begun.pop((get_ident(), node_name, task_id), None)
        if begun is None:
            return
        seconds = f"{perf_counter() - begun:.3f} s"
        if success:
            what = reprlib.repr(result) if self.verbosity > 1 else type(result).__name__
            came = f"gave {what}"
        elif isinstance(error, Skip):
            came = "skipped"
        else:
            came = f"raised {type(error).__name__}: {error}" if error is not None else "was stopped"
        self.print_fn(f"{_place(node_name, task_id)}: {came} ({seconds})")


PrintLnHook = PrintLn


def _place(name: str, task_id: str | None) -> str:
    return name if task_id is None else f"{name} of {task_id}"
