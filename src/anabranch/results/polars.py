"""polars frames, eager and lazy. Their rows have no labels, so columns meet by position and must be equally long."""

from __future__ import annotations

from typing import Any

from anabranch.errors import InputError
from anabranch.libraries import library
from anabranch.results.base import Cell, ResultBuilder, is_column, number_of_rows

__all__ = ["PolarsDataFrameResult", "PolarsLazyFrameResult"]


class PolarsDataFrameResult(ResultBuilder):
    """A `polars.DataFrame` with a column for each output; a frame that is the only output stays as it is.

    Scalars are repeated. A frame that is not alone gives columns ``output.column``; a lazy one is collected.
    """

    def build_result(self, **outputs: Any) -> Any:
        """Returns the frame.

        Raises:
            InputError: columns are not equally long, a value is no column, or polars is not installed.
        """
        polars = library("polars", type(self).__name__)
        columns: dict[str, Any] = {}
        for name, value in outputs.items():
            eager = value.collect() if isinstance(value, polars.LazyFrame) else value
            if not isinstance(eager, polars.DataFrame):
                columns[name] = _series(polars, name, eager) if is_column(eager) else Cell(_cell(name, eager))
            elif len(outputs) == 1:
                return eager
            else:
                columns |= {f"{name}.{column.name}": column for column in eager.get_columns()}
        rows = number_of_rows(columns)
        return polars.DataFrame(
            [_filled(polars, column, 1 if rows is None else rows).alias(n) for n, column in columns.items()]
        )

    def output_type(self) -> Any:
        """A `polars.DataFrame`."""
        return library("polars", type(self).__name__).DataFrame


class PolarsLazyFrameResult(ResultBuilder):
    """A `polars.LazyFrame`, which nothing is computed for: lazy outputs stay lazy, and the others become part of the query.

    Lazy frames that are put side by side are compared in height when they are collected.
    """

    def build_result(self, **outputs: Any) -> Any:
        """Returns the lazy frame.

        Raises:
            InputError: columns are not equally long, a value is no column, or polars is not installed.
        """
        polars = library("polars", type(self).__name__)
        lazy = {name: value for name, value in outputs.items() if isinstance(value, polars.LazyFrame)}
        if not lazy:
            return PolarsDataFrameResult().build_result(**outputs).lazy()
        if len(outputs) == 1:
            return next(iter(lazy.values()))
        parts, cells, order = [], [], []
        for name, value in outputs.items():
            if name in lazy:
                parts.append(value.select(polars.all().name.prefix(f"{name}.")))
                order.append(polars.selectors.starts_with(f"{name}."))
            elif isinstance(value, polars.DataFrame):
                parts.append(value.lazy().select(polars.all().name.prefix(f"{name}.")))
                order.append(polars.selectors.starts_with(f"{name}."))
            else:
                order.append(polars.col(name))
                if is_column(value):
                    parts.append(polars.LazyFrame([_series(polars, name, value)]))
                else:
                    cells.append(polars.lit(_cell(name, value)).alias(name))
        strict = {"strict": True} if int(polars.__version__.partition(".")[0]) < 2 else {}
        joined = polars.concat(parts, how="horizontal", **strict) if len(parts) > 1 else parts[0]
        return joined.with_columns(cells).select(order) if cells else joined

    def output_type(self) -> Any:
        """A `polars.LazyFrame`."""
        return library("polars", type(self).__name__).LazyFrame


def _series(polars: Any, name: str, value: Any) -> Any:
    if isinstance(value, polars.Series):
        return value.alias(name)
    cells = list(value) if isinstance(value, (range, tuple)) else value
    try:
        return polars.Series(name, cells, strict=True)
    except (TypeError, polars.exceptions.PolarsError) as error:
        raise InputError(f"output '{name}' is no polars column: {error}") from error


def _cell(name: str, value: Any) -> Any:
    if getattr(value, "ndim", 0) or hasattr(type(value), "columns"):
        raise InputError(
            f"output '{name}' is {type(value).__name__} and no column of a polars frame; extract its columns first"
        )
    return value


def _filled(polars: Any, column: Any, rows: int) -> Any:
    if not isinstance(column, Cell):
        return column
    return polars.Series([column.value]).new_from_index(0, rows) if rows else polars.Series([column.value]).head(0)
