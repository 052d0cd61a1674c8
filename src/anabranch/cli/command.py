"""What every command does around its work: it claims standard output, and leaves with the exit code that its end has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer

from anabranch.cli.document import dump
from anabranch.cli.ending import tell
from anabranch.cli.results import Results, claim

__all__ = ["as_json", "finish"]


def finish(work: Callable[[Results], int | None]) -> None:
    """Does a command's work and leaves with its exit code; whatever is raised is told on standard error."""
    code = 0
    try:
        results = claim()
        try:
            code = work(results) or 0
        finally:
            results.stream.close()
    except BaseException as error:
        code = tell(error)
    raise typer.Exit(code)


def as_json(results: Results, value: Any) -> str:
    """A JSON document, as it is written there."""
    return dump(value, indent=2 if results.terminal else None, ascii_only=results.ascii_only)
