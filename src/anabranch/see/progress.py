"""Progress: tells a person, a program or a notebook how far a run has come, while it runs.

Theory: events cost next to nothing (they are one to a span, and are only added up); looking at them costs more, and happens a
few times a second at most, in a thread of its own, for a run may be silent for as long as its longest item. What
looks at the figures is a *screen*: it is shown a snapshot now and then and once more at the end.

A screen that fails is told of once in the log, and shown nothing more.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from threading import Event as Flag
from threading import Thread
from time import perf_counter
from typing import Literal, Protocol, TextIO

from anabranch.errors import InputError
from anabranch.events import Event, RunFinished, RunStarted
from anabranch.journey import footprint
from anabranch.see.runs import EachRun
from anabranch.see.tally import Snapshot, Tally

__all__ = ["Progress", "Screen"]

Form = Literal["auto", "bars", "lines", "json", "notebook", "none"]


class Screen(Protocol):
    """Where figures are shown. `pause` is how many seconds lie between two looks, `patience` how long the first one waits."""

    pause: float
    patience: float

    def show(self, snapshot: Snapshot) -> None:
        """Shows the figures; the last time, `snapshot.is_over`."""


class Progress(EachRun):
    """An observer that shows how far runs have come.

    Args:
        form: ``bars`` on a terminal, ``lines`` now and then, one ``json`` object a second, a ``notebook`` widget, ``none``, or
            ``auto``: what suits the place; or a function, which is called with a `Snapshot` from a thread of its own.
        every: seconds between two looks; each form has a pause of its own.
        stream: where ``bars``, ``lines`` and ``json`` are written; standard error if it is not said.

    Example::

        Builder().with_modules(flow).with_adapters(Progress()).build()

    Raises:
        InputError: the form is unknown, or its library is not installed.
    """

    def __init__(
        self, form: Form | Callable[[Snapshot], None] = "auto", *, every: float | None = None, stream: TextIO | None = None
    ) -> None:
        if every is not None and not every > 0:
            raise InputError(f"progress is shown every so many seconds, more than none; not {every!r}")
        make = _screen_maker(form, stream)
        super().__init__(lambda started: _Watch(started, make(), every) if make is not None else _ignore)


def _ignore(event: Event) -> None:
    """Shows nothing."""


def _screen_maker(
    form: Form | Callable[[Snapshot], None], stream: TextIO | None
) -> Callable[[], Screen] | None:
    if callable(form):
        from anabranch.see.screens import CallScreen

        show = form
        return lambda: CallScreen(show)
    if form == "auto":
        form = _suitable(stream)
    if form == "none":
        return None
    if form == "notebook":
        from anabranch.see.notebook_screen import NotebookScreen

        return NotebookScreen
    from anabranch.see import screens

    out = stream if stream is not None else sys.stderr
    if form == "lines":
        return lambda: screens.LineScreen(out)
    if form == "json":
        return lambda: screens.JsonScreen(out)
    if form == "bars":
        from anabranch.see.bars import BarScreen

        return lambda: BarScreen(out)
    raise InputError(f"progress is shown as auto, bars, lines, json, notebook or none, not {form!r}")


def _suitable(stream: TextIO | None) -> Form:
    """A widget in a notebook, bars on a terminal that can be written over, lines anywhere else."""
    from importlib.util import find_spec

    if stream is None and _in_notebook():
        return "notebook"
    out = stream if stream is not None else sys.stderr
    if out is None:
        return "none"
    with suppress(Exception):
        if out.isatty() and os.environ.get("TERM") != "dumb" and find_spec("rich") is not None:
            return "bars"
    return "lines"


def _in_notebook() -> bool:
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module is not None else None
    return shell is not None and hasattr(shell, "kernel")


class _Watch:
    """One run being watched: its tally, and the thread that looks at it now and then."""

    def __init__(self, started: RunStarted, screen: Screen, every: float | None) -> None:
        self.tally = Tally(started, perf_counter())
        self.screen = screen
        self.pause = screen.pause if every is None else every
        self.over = Flag()
        self.thread = Thread(target=self._look, name="anabranch progress", daemon=True)
        self.thread.start()

    def __call__(self, event: Event) -> None:
        self.tally.observe(event, perf_counter())
        if type(event) is RunFinished:
            self.over.set()
            self.thread.join()

    def _now(self) -> Snapshot:
        """The figures; where calls run in this process, its memory is theirs."""
        found = self.tally.snapshot(perf_counter())
        return found if found.memory else replace(found, memory=footprint().memory)

    def _look(self) -> None:
        try:
            if not self.over.wait(min(self.screen.patience, self.pause)):
                self.screen.show(self._now())
                while not self.over.wait(self.pause):
                    self.screen.show(self._now())
            self.screen.show(self._now())
        except Exception:
            logging.getLogger("anabranch").exception("progress cannot be shown; the run goes on")


