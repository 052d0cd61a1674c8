"""Bars in a notebook: a piece of HTML that is replaced in place. Needs what a notebook has anyway, IPython."""

from __future__ import annotations

from html import escape
from importlib import import_module
from typing import Any

from anabranch.see.tally import FanProgress, Snapshot
from anabranch.see.words import efforts, mishaps
from anabranch.words import amount, duration

__all__ = ["NotebookScreen", "html_of"]


class NotebookScreen:
    """A display under the cell that runs, replaced twice a second."""

    pause = 0.5
    patience = 0.5

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, snapshot: Snapshot) -> None:
        """Shows the bars; makes their place the first time."""
        ipython: Any = import_module("IPython.display")
        shown = ipython.HTML(html_of(snapshot))
        if self._handle is None:
            self._handle = ipython.display(shown, display_id=True)
        else:
            self._handle.update(shown)


def html_of(snapshot: Snapshot) -> str:
    """The bars as HTML; its colours are the page's own."""
    head = "failed" if snapshot.has_failed else "done" if snapshot.is_over else "running"
    rows = "".join(_row(fan) for fan in snapshot.fans)
    about = ", ".join([f"{head} {duration(snapshot.seconds)}", *efforts(snapshot), *mishaps(snapshot)])
    return f'<table style="border-collapse:collapse">{rows}</table><div>{escape(about)}</div>'


def _row(fan: FanProgress) -> str:
    whole = 100.0 if fan.is_over and fan.done >= fan.known else 100.0 * fan.done / fan.known if fan.known else 0.0
    colour = "#c62828" if fan.failed else "#2e7d32" if fan.is_over else "#1976d2"
    filled = f"width:{0.0 if fan.is_open else whole:.1f}%;height:100%;background:{colour};border-radius:4px"
    frame = "width:220px;height:10px;border:1px solid currentColor;border-radius:5px;opacity:.8"
    count = f"{amount(fan.done)}/{amount(fan.known)}{'+' if fan.is_open else ''}"
    notes = [f"{amount(fan.rate)}/s"] if fan.rate and not fan.is_over else []
    notes += [f"{duration(fan.left)} left"] if fan.left is not None and fan.left >= 1 else []
    notes += ["source open"] if fan.is_open else []
    notes += [f"{amount(fan.failed)} failed"] if fan.failed else []
    notes += [f"{amount(fan.cached)} cached"] if fan.cached else []
    cell = 'style="padding:1px 8px;text-align:left"'
    return (
        f'<tr><td style="padding:1px 8px 1px {8 + 16 * fan.depth}px;text-align:left">{escape(fan.name)}</td>'
        f'<td {cell}><div style="{frame}"><div style="{filled}"></div></div></td>'
        f"<td {cell}>{escape(count)}</td><td {cell}>{escape(', '.join(notes))}</td></tr>"
    )
