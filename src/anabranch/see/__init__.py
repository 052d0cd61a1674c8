"""Observers of runs: progress, traces, event files, reports. All are fed by the engine's events and by nothing else.

| module | knows |
| --- | --- |
| `runs` | whose events these are |
| `tally`, `words` | how far a run has come, as figures and in words |
| `progress` | when to look at them |
| `bars`, `screens`, `notebook_screen` | one way of showing them each |
| `clocks` | workers' times on one time line |
| `outline`, `shape` | what the names in events stand for; what it takes to schedule the same again |
| `files` | where observers write |
| `trace`, `log`, `telemetry` | Chrome's trace format, lines of JSON, OpenTelemetry |
| `report` | a page that tells all of it |

Nothing here is imported before it is used, and what needs a library says so.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anabranch.see.log import EventFile
    from anabranch.see.progress import Progress
    from anabranch.see.report import RunReport
    from anabranch.see.tally import FanProgress, Snapshot
    from anabranch.see.telemetry import OpenTelemetry
    from anabranch.see.trace import Trace

__all__ = ["EventFile", "FanProgress", "OpenTelemetry", "Progress", "RunReport", "Snapshot", "Trace"]

_LAZY = {
    "EventFile": "anabranch.see.log",
    "FanProgress": "anabranch.see.tally",
    "OpenTelemetry": "anabranch.see.telemetry",
    "Progress": "anabranch.see.progress",
    "RunReport": "anabranch.see.report",
    "Snapshot": "anabranch.see.tally",
    "Trace": "anabranch.see.trace",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'anabranch.see' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)
