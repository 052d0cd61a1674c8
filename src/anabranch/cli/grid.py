"""Tables as text: the cells of a frame, and how they stand on a terminal and in a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from anabranch.cli.foreign import is_pandas, is_scalar, is_series

__all__ = ["Column", "Grid", "column", "grid_of"]

DIGITS = 6
"""Digits after the point of a number in a table, where it has as many."""


@dataclass(frozen=True)
class Column:
    """One column: its title, its cells as text, and whether they are numbers; `style` is rich's, for terminals."""

    title: str
    cells: tuple[str, ...]
    right: bool = False
    style: str = ""


@dataclass(frozen=True)
class Grid:
    """Columns of equal length. `left_out` counts the rows that are not shown, which would stand before row `cut`."""

    columns: tuple[Column, ...]
    cut: int = 0
    left_out: int = 0

    @property
    def length(self) -> int:
        """How many rows are shown."""
        return len(self.columns[0].cells) if self.columns else 0

    def plain(self) -> str:
        """Lines of aligned text, never folded and without colours."""
        if not self.columns:
            return "(no columns)"
        lines = [""] * (self.length + 2)
        for number, one in enumerate(self.columns):
            cells = [_one_line(cell) for cell in (one.title, *one.cells)]
            width = max(map(cell_len, cells))
            padded = [_padded(cell, width, right=one.right) for cell in (cells[0], "-" * width, *cells[1:])]
            gap = "  " if number else ""
            lines = [line + gap + cell for line, cell in zip(lines, padded, strict=True)]
        return "\n".join(line.rstrip() for line in lines)

    def table(self) -> Table:
        """A rich table."""
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for one in self.columns:
            table.add_column(Text(one.title), justify="right" if one.right else "left", style=one.style, overflow="fold")
        for row in range(self.length):
            if self.left_out and row == self.cut:
                table.add_row(*[Text("…", style="dim")] * len(self.columns))
            table.add_row(*(Text(one.cells[row]) for one in self.columns))
        return table


def grid_of(value: Any, limit: int | None = None) -> Grid:
    """The grid of a pandas or polars frame or series; of more than `limit` rows only the first and the last."""
    rows = len(value)
    if limit is None or rows <= limit:
        return Grid(tuple(_columns(value)))
    head, tail = limit - limit // 2, limit // 2
    both = zip(_columns(value, slice(0, head)), _columns(value, slice(rows - tail, rows)), strict=True)
    joined = tuple(column(first.title, [*first.values, *last.values], first.style) for first, last in both)
    return Grid(joined, head, rows - limit)


@dataclass(frozen=True)
class _Raw:
    """A column before its values have become text."""

    title: str
    values: list[Any]
    style: str = ""


def _columns(value: Any, rows: slice | None = None) -> Any:
    raw = _pandas(value, rows) if is_pandas(value) else _polars(value, rows)
    return raw if rows is not None else (column(one.title, one.values, one.style) for one in raw)


def _pandas(value: Any, rows: slice | None) -> list[_Raw]:
    plain_index = (
        type(value.index).__name__ == "RangeIndex" and value.index.name is None and value.index[:1].tolist() in ([], [0])
    )
    part = value if rows is None else value.iloc[rows]
    levels = () if plain_index else range(part.index.nlevels)
    index = [_Raw(_title(part.index.names[n]), part.index.get_level_values(n).tolist(), "bold") for n in levels]
    if is_series(value):
        return [*index, _Raw(_title(value.name) or "value", part.tolist())]
    titles = [_title(name) for name in value.columns]
    return [*index, *(_Raw(title, part.iloc[:, n].tolist()) for n, title in enumerate(titles))]


def _polars(value: Any, rows: slice | None) -> list[_Raw]:
    part = value if rows is None else value[rows]
    if is_series(value):
        return [_Raw(value.name or "value", part.to_list())]
    return [_Raw(one.name, one.to_list()) for one in part.get_columns()]


def _title(name: Any) -> str:
    if name is None:
        return ""
    return " ".join(map(str, name)) if isinstance(name, tuple) else str(name)


def column(title: str, values: Iterable[Any], style: str = "") -> Column:
    """A column of values: numbers to the right, floats with one number of digits."""
    values = [value.item() if is_scalar(value) else value for value in values]
    given = [value for value in values if value is not None]
    right = bool(given) and all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in given)
    floats = [value for value in given if isinstance(value, float)] if right else []
    if not floats:
        return Column(title, tuple(str(value) for value in values), right, style)
    shape = _float_format(floats)
    cells = (format(value, shape) if isinstance(value, float) else str(value) for value in values)
    return Column(title, tuple("NaN" if cell == "nan" else cell for cell in cells), right, style)


def _float_format(values: Sequence[float]) -> str:
    finite = [abs(value) for value in values if abs(value) < float("inf")]  # NaN is not smaller either
    if any(value >= 1e15 or 0 < value < 1e-4 for value in finite):
        return f".{DIGITS}g"
    fractions = (format(value, f".{DIGITS}f").rstrip("0").partition(".")[2] for value in finite)
    return f".{max(map(len, fractions), default=0) or 1}f"


def _one_line(cell: str) -> str:
    return cell.replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t") if not cell.isprintable() else cell


def _padded(cell: str, width: int, *, right: bool) -> str:
    space = " " * (width - cell_len(cell))
    return space + cell if right else cell + space
