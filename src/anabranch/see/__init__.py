"""Observers of runs: progress, traces, event files, reports. All are fed by the engine's events and by nothing else.

| module | knows |
| --- | --- |
| `runs` | whose events these are |
| `tally`, `words` | how far a run has come, as figures and in words |
| `progress` | when to look at them |
| `bars`, `screens`, `notebook_screen` | one way of showing them each |
| `clocks` | workers' times on one time line |
| `record`, `path` | what a run did, call by call, and what it waited for |
| `trace`, `log`, `telemetry` | files of Chrome's trace format, of events, and OpenTelemetry |
| `report` | a page that tells all of it |

Nothing here is imported before it is used, and what needs a library says so.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anabranch.see.progress import Progress
    from anabranch.see.tally import FanProgress, Snapshot

__all__ = ["FanProgress", "Progress", "Snapshot"]

_LAZY = {
    "FanProgress": "anabranch.see.tally",
    "Progress": "anabranch.see.progress",
    "Snapshot": "anabranch.see.tally",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'anabranch.see' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)
