"""The observers that a command asks for with its options."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from anabranch.engine import Observer
from anabranch.see import EventFile, Progress, RunReport, Trace

__all__ = ["observers_of"]


def observers_of(progress: str, trace: Path | None, events: Path | None, report: Path | None) -> list[Observer]:
    """What watches the run.

    Raises:
        InputError: an option has a value that it cannot have, or a file cannot be where it is wanted.
    """
    found: list[Observer] = [Progress(cast("Any", progress))]
    found += [Trace(trace)] if trace is not None else []
    found += [EventFile(events)] if events is not None else []
    found += [RunReport(report)] if report is not None else []
    return found
