"""Screens that are plain text, for logs and programs, and one that is a function of the caller's."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any, TextIO

from anabranch.see.tally import Snapshot
from anabranch.see.words import efforts, mishaps, of_fan
from anabranch.words import duration

__all__ = ["CallScreen", "JsonScreen", "LineScreen", "document_of"]


class LineScreen:
    """One line every ten seconds; nothing at all for a run that is shorter."""

    pause = 10.0
    patience = 10.0

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.has_spoken = False

    def show(self, snapshot: Snapshot) -> None:
        """Writes a line, the last one only where there was another before."""
        if snapshot.is_over and not self.has_spoken:
            return
        self.has_spoken = True
        self.stream.write(line_of(snapshot) + "\n")
        self.stream.flush()


def line_of(snapshot: Snapshot) -> str:
    """All of it on one line."""
    head = "failed after" if snapshot.has_failed else "done after" if snapshot.is_over else "running for"
    fans = [of_fan(fan) for fan in snapshot.fans if not fan.is_over or snapshot.is_over]
    tail = [] if snapshot.is_over else [f"{snapshot.running} out on {', '.join(efforts(snapshot))}"]
    tail += mishaps(replace(snapshot, failed=0) if any(fan.failed for fan in snapshot.fans) else snapshot)
    return f"anabranch: {head} {duration(snapshot.seconds)}: " + "; ".join([*fans, *tail])


class JsonScreen:
    """One JSON object on a line of its own, every second and at the end."""

    pause = 1.0
    patience = 1.0

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def show(self, snapshot: Snapshot) -> None:
        """Writes the object."""
        self.stream.write(json.dumps(document_of(snapshot), separators=(",", ":")) + "\n")
        self.stream.flush()


def document_of(snapshot: Snapshot) -> dict[str, Any]:
    """The snapshot as JSON has it: the fields of `Snapshot` and `FanProgress`, times cut to milliseconds."""
    found = asdict(snapshot)
    found["seconds"] = round(snapshot.seconds, 3)
    for fan in found["fans"]:
        for name in ("rate", "left"):
            fan[name] = None if fan[name] is None else round(fan[name], 3)
    return {"progress": found}


class CallScreen:
    """A function of the caller's, twice a second and at the end."""

    pause = 0.5
    patience = 0.5

    def __init__(self, show: Callable[[Snapshot], None]) -> None:
        self._show = show

    def show(self, snapshot: Snapshot) -> None:
        """Calls it."""
        self._show(snapshot)
