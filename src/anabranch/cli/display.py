"""How results look to a person: frames as tables, containers pretty printed, one text as itself."""

from __future__ import annotations

import pprint
import sys
from collections.abc import Mapping
from typing import Any

from rich.pretty import Pretty
from rich.rule import Rule
from rich.text import Text

from anabranch.cli.foreign import is_array, is_frame, is_series
from anabranch.cli.grid import Grid, grid_of
from anabranch.cli.results import Results

__all__ = ["plain", "show", "show_grid"]

ROWS = 40
"""How many rows of a table a terminal gets."""

ELEMENTS = 100
"""How many elements of a container a terminal gets."""

CONTAINERS = (dict, list, tuple, set, frozenset)

PRETTY = 10_000
"""Containers with more elements than this are written on one line; breaking lines takes too long."""


def show(results: Results, values: Mapping[str, Any]) -> None:
    """Prints values, each under or after its name if there are several."""
    stands_alone = False
    for number, (name, value) in enumerate(values.items()):
        line = _line(value, terminal=results.terminal) if len(values) > 1 else None
        if number and (stands_alone or line is None):
            results.print("")
        stands_alone = line is None
        if len(values) > 1:
            _head(results, name, line)
        if line is None:
            _body(results, value)


def show_grid(results: Results, grid: Grid) -> None:
    """Prints a table."""
    if results.terminal:
        results.console.print(grid.table())
    else:
        results.print(grid.plain())


def plain(value: Any) -> str:
    """The whole value as text, without colours, its lines as long as they are."""
    if isinstance(value, str):
        return value
    if is_frame(value) or is_series(value):
        return grid_of(value).plain()
    if is_array(value):
        return _array(value, sys.maxsize)
    if isinstance(value, CONTAINERS) and len(value) <= PRETTY:
        return pprint.pformat(value, width=120, sort_dicts=False)
    return str(value)


def _line(value: Any, *, terminal: bool) -> str | None:
    """The value on one line, if it has its place there."""
    if is_frame(value) or is_series(value) or is_array(value) or (terminal and isinstance(value, CONTAINERS)):
        return None
    text = plain(value)
    return None if "\n" in text else text


def _head(results: Results, name: str, line: str | None) -> None:
    if results.terminal and line is None:
        results.console.print(Rule(Text(name, style="bold cyan"), align="left", style="dim"))
    elif results.terminal:
        results.console.print(Text.assemble((name, "bold cyan"), ": ", line or ""), soft_wrap=True)
    else:
        results.print(f"{name}:" if line is None else f"{name}: {line}")


def _body(results: Results, value: Any) -> None:
    if not results.terminal:
        results.print(plain(value))
    elif is_frame(value) or is_series(value):
        grid = grid_of(value, ROWS)
        show_grid(results, grid)
        if grid.left_out:
            rows = f"{grid.left_out:,} of {len(value):,} rows left out; --json or --save give all"
            results.console.print(Text(rows, style="dim"))
    elif isinstance(value, CONTAINERS):
        results.console.print(Pretty(value, max_length=ELEMENTS, overflow="fold"))
    else:
        results.print(_array(value, 1000) if is_array(value) else plain(value))


def _array(value: Any, threshold: int) -> str:
    numpy = sys.modules["numpy"]
    text: str = numpy.array2string(value, threshold=threshold, max_line_width=120)
    return text
