"""``anabranch bench``: the flow on several executors, as a table, a page or a document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.text import Text

from anabranch.cli.command import as_json as json_of
from anabranch.cli.display import show_grid
from anabranch.cli.ending import say
from anabranch.cli.grid import Column, Grid
from anabranch.cli.results import Results
from anabranch.compare.advice import Advice, advice_on
from anabranch.compare.document import document_of
from anabranch.compare.figures import Comparison, Figures
from anabranch.compare.measuring import Job, measured
from anabranch.compare.page import page_of_comparison
from anabranch.compare.settings import Setting
from anabranch.driver import Builder
from anabranch.errors import InputError
from anabranch.see.files import RunFile
from anabranch.words import bytes_of, duration, share

__all__ = ["compare"]


def compare(
    results: Results,
    job: tuple[Builder, Sequence[str], Mapping[str, Any]],
    settings: Sequence[Setting],
    rounds: int,
    forms: tuple[bool, Path | None],
) -> None:
    """Measures, and writes what came of it; `forms` are whether it is wanted as JSON, and where as a page."""
    as_json, page = forms
    file = RunFile(page, "the comparison") if page is not None else None
    comparison = measured(Job(*job), settings, rounds, lambda text: say("bench", text))
    advice = advice_on(comparison)
    if file is not None:
        try:
            file.path.write_text(page_of_comparison(comparison, advice), encoding="utf-8")
        except OSError as error:
            raise InputError(f"the comparison cannot be written to '{file.path}': {error.strerror}") from error
    if as_json:
        results.write(lambda: results.print(json_of(results, document_of(comparison, advice))))
    else:
        results.write(lambda: _show(results, comparison, advice))


def _show(results: Results, comparison: Comparison, advice: Advice) -> None:
    rows = comparison.measured
    columns: list[tuple[str, list[str]]] = [
        ("wall", [duration(one.wall) for one in rows]),
        ("speed-up", [f"{comparison.speed_up(one):.2f}×" for one in rows]),
        ("efficiency", [share(comparison.efficiency(one), 1) for one in rows]),
        ("outside functions", [share(one.outside, one.worker_seconds) for one in rows]),
        ("an item", [duration(one.outside / max(one.items, 1)) for one in rows]),
        ("processors", [f"{one.processors_busy:.2f}" for one in rows]),
        ("memory", [bytes_of(one.peak) if one.peak else "" for one in rows]),
        ("first run", [duration(one.start) for one in rows]),
    ]
    labels = Column("setting", tuple(_marked(one, advice) for one in rows), style="bold cyan")
    grid = [labels, *(Column(title, tuple(cells), right=True) for title, cells in columns if any(cells))]
    show_grid(results, Grid(tuple(grid)))
    for one in comparison.all:
        if one.failed:
            _line(results, one.setting.label, f" could not be measured: {one.failed}")
    results.print("")
    _line(results, advice.setting.label, f": {advice.reason}")
    for note in advice.notes:
        _line(results, "", f"  {note}")


def _marked(one: Figures, advice: Advice) -> str:
    return f"{one.setting.label} ◀" if one.setting == advice.setting else one.setting.label


def _line(results: Results, head: str, text: str) -> None:
    if results.terminal:
        results.console.print(Text.assemble((head, "bold green"), text), soft_wrap=True)
    else:
        results.print(head + text)
