"""Bars on a terminal: one for each fan-out, nested ones indented, and a line for the whole run.

Theory: rich draws and keeps what others print above; what is drawn is made anew from each snapshot, so nothing here
remembers anything. A run that is over at once shows nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Column, Table
from rich.text import Text

from anabranch.see.tally import FanProgress, Snapshot
from anabranch.see.words import efforts, mishaps
from anabranch.words import amount, duration, plural

__all__ = ["BarScreen", "drawn"]

SHORT = 1.0
"""Seconds; a run that is over sooner is not worth a drawing."""


NARROW = 60
"""Columns; below that there is no room for bars, and figures matter more."""


class BarScreen:
    """Bars that are drawn anew twice a second."""

    pause = 0.5
    patience = SHORT

    def __init__(self, stream: TextIO) -> None:
        self.console = Console(file=stream, highlight=False, markup=False, emoji=False)
        self.live: Live | None = None

    def show(self, snapshot: Snapshot) -> None:
        """Draws; leaves the last drawing where it is."""
        if self.live is None:
            if snapshot.is_over:
                return
            self.live = Live(console=self.console, auto_refresh=False, redirect_stdout=_is_shown(sys.stdout))
            self.live.start()
        self.live.update(drawn(snapshot, self.console.width), refresh=True)
        if snapshot.is_over:
            self.live.stop()


def _is_shown(stream: TextIO | None) -> bool:
    """Whether prints go to a terminal too, where they must stand above the bars; what goes elsewhere stays there."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # it is closed
        return False


def drawn(snapshot: Snapshot, width: int) -> RenderableType:
    """The bars, and a line about the run."""
    is_narrow = width < NARROW
    longest = max((2 * fan.depth + len(fan.name) for fan in snapshot.fans), default=0)
    bar = [] if is_narrow else [Column(width=min(width // 4, 40))]
    table = Table.grid(
        Column(no_wrap=True, overflow="ellipsis", min_width=min(longest, width // 3), max_width=max(width // 3, 12)),
        *bar,
        Column(justify="right", no_wrap=True, min_width=min(max(map(len, map(_count, snapshot.fans)), default=0), width // 2)),
        Column(no_wrap=True, overflow="ellipsis"),
        padding=(0, 1),
    )
    for fan in snapshot.fans:
        name, shown, *rest = _row(fan, snapshot)
        table.add_row(name, *([] if is_narrow else [shown]), *rest)
    return Group(table, Text.assemble(*_joined(_about(snapshot))))


def _row(fan: FanProgress, snapshot: Snapshot) -> tuple[RenderableType, ...]:
    name = Text("  " * fan.depth + fan.name, style="bold" if not fan.depth else "")
    total = None if fan.is_open or not fan.known else float(fan.known)
    over = fan.is_over and not (snapshot.has_failed and fan.done < fan.known)
    style = "red" if fan.failed else "cyan"
    bar = ProgressBar(total, float(fan.done), pulse=False, complete_style=style, finished_style="green" if over else style)
    if total is None:
        bar = ProgressBar(1.0, 1.0 if over else 0.0, finished_style="green")
    notes: list[tuple[str, str]] = [(f"{amount(fan.failed)} failed", "red")] if fan.failed else []
    if fan.is_open:
        notes.append(("source open", "dim"))
    if fan.rate and not fan.is_over:
        notes.append((f"{amount(fan.rate)}/s", ""))
    if fan.left is not None and fan.left >= 1:
        notes.append((f"{duration(fan.left)} left", ""))
    if fan.out:
        notes.append((f"{amount(fan.out)} out", "dim"))
    if fan.cached:
        notes.append((f"{amount(fan.cached)} cached", "dim"))
    return name, bar, Text(_count(fan)), Text.assemble(*_joined(notes))


def _count(fan: FanProgress) -> str:
    return f"{amount(fan.done)}/{amount(fan.known)}{'+' if fan.is_open else ''}"


def _about(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    head, style = ("done", "bold green") if snapshot.is_over else ("running", "")
    head, style = ("failed", "bold red") if snapshot.has_failed else (head, style)
    yield f"{head} {duration(snapshot.seconds)}", style
    if not snapshot.is_over:
        yield f"{plural(snapshot.running, 'call')} out", "dim"
    for effort in efforts(snapshot):
        yield effort, "dim"
    for mishap in mishaps(snapshot):
        yield mishap, "red" if mishap.endswith("failed") else "yellow"


def _joined(parts: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for number, part in enumerate(parts):
        if number:
            yield ", ", "dim"
        yield part
