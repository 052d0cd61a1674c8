"""The observers that a command asks for with its options."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from anabranch.errors import InputError
from anabranch.see import EventFile, Progress, RunReport, Trace

if TYPE_CHECKING:
    from anabranch.driver.adapters import Adapter

__all__ = ["observers_of"]

OFF: Final = "off"
"""That lines of workers stay where they are."""


def observers_of(
    progress: str, trace: Path | None, events: Path | None, report: Path | None, logs: str = OFF
) -> list[Adapter]:
    """What watches the run.

    Raises:
        InputError: an option has a value that it cannot have, or a file cannot be where it is wanted.
    """
    found: list[Adapter] = [Progress(cast("Any", progress))]
    found += [Trace(trace)] if trace is not None else []
    found += [EventFile(events)] if events is not None else []
    found += [RunReport(report)] if report is not None else []
    return [*found, _logs(logs)] if logs != OFF else found


class _Shown(logging.Handler):
    """Writes to standard error as it is now: above bars, while there are any."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one line, or several."""
        try:
            sys.stderr.write(f"{self.format(record)}\n")
        except Exception:
            self.handleError(record)


def _logs(level: str) -> Adapter:
    """What brings lines of workers to this process's log, which shows them from that level on."""
    from anabranch.lifecycle import WorkerLogs

    known = logging.getLevelNamesMapping()
    if level.upper() not in known:
        raise InputError(f"--logs takes debug, info, warning, error or off, not '{level}'")
    shown = _Shown(known[level.upper()])  # libraries give their loggers levels of their own, which the root's does not change
    logging.basicConfig(format="%(levelname).1s %(name)s %(message)s", level=known[level.upper()], handlers=[shown])
    logging.getLogger("anabranch.prints").propagate = False  # they are shown as they are, at any level
    return WorkerLogs()
