"""The observers that a command asks for with its options."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from anabranch.errors import InputError
from anabranch.see import EventFile, Progress, RunReport, Trace

if TYPE_CHECKING:
    from anabranch.driver.adapters import Adapter

__all__ = ["observers_of"]


def observers_of(
    progress: str, trace: Path | None, events: Path | None, report: Path | None, logs: str | None = None
) -> list[Adapter]:
    """What watches the run.

    Raises:
        InputError: an option has a value that it cannot have, or a file cannot be where it is wanted.
    """
    found: list[Adapter] = [Progress(cast("Any", progress))]
    found += [Trace(trace)] if trace is not None else []
    found += [EventFile(events)] if events is not None else []
    found += [RunReport(report)] if report is not None else []
    return [*found, _logs(logs)] if logs is not None else found


def _logs(level: str) -> Adapter:
    """What brings lines of workers to this process's log, which shows them from that level on."""
    from anabranch.lifecycle import WorkerLogs

    known = logging.getLevelNamesMapping()
    if level.upper() not in known:
        raise InputError(f"--logs takes debug, info, warning or error, not '{level}'")
    logging.basicConfig(format="%(levelname).1s %(name)s %(message)s", level=known[level.upper()])
    logging.getLogger("anabranch.prints").propagate = False  # they are shown as they are, at any level
    return WorkerLogs()
