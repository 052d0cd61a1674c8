"""pyarrow tables, from anything that speaks Arrow or can be made to."""

from __future__ import annotations

from typing import Any

from anabranch.errors import InputError
from anabranch.libraries import library
from anabranch.results.base import Cell, ResultBuilder, is_column, number_of_rows

__all__ = ["PyarrowTableResult"]


class PyarrowTableResult(ResultBuilder):
    """A `pyarrow.Table`: the one frame that is asked for, of whatever library, or a column for each output."""

    def build_result(self, **outputs: Any) -> Any:
        """Returns the table.

        Raises:
            InputError: an output is no column, columns are not equally long, or pyarrow is not installed.
        """
        pyarrow = library("pyarrow", type(self).__name__)
        columns: dict[str, Any] = {}
        for name, value in outputs.items():
            if not _is_table(value):
                columns[name] = _array(pyarrow, name, value) if is_column(value) else Cell(value)
                continue
            table = _table(pyarrow, name, value)
            if len(outputs) == 1:
                return table
            columns |= {f"{name}.{column}": table.column(column) for column in table.column_names}
        rows = number_of_rows(columns)
        for name, column in columns.items():
            if isinstance(column, Cell):
                one = _array(pyarrow, name, [column.value])
                columns[name] = one.take(pyarrow.array([0] * (1 if rows is None else rows), pyarrow.int64()))
        return pyarrow.table(columns)

    def output_type(self) -> Any:
        """A `pyarrow.Table`."""
        return library("pyarrow", type(self).__name__).Table


def _is_table(value: Any) -> bool:
    return not is_column(value) and (
        hasattr(value, "__arrow_c_stream__") or hasattr(value, "__arrow_c_array__") or hasattr(value, "collect_schema")
    )


def _table(pyarrow: Any, name: str, value: Any) -> Any:
    if hasattr(value, "collect_schema") and hasattr(value, "collect"):
        value = value.collect()
    try:
        return pyarrow.table(value)
    except (TypeError, ValueError, pyarrow.ArrowException) as error:
        raise InputError(f"output '{name}' ({type(value).__name__}) is no table: {error}") from error


def _array(pyarrow: Any, name: str, value: Any) -> Any:
    if hasattr(value, "to_arrow") and not hasattr(value, "__arrow_c_array__"):
        return value.to_arrow()
    try:
        return pyarrow.array(list(value) if isinstance(value, range) else value)
    except (TypeError, ValueError, pyarrow.ArrowException) as error:
        raise InputError(f"output '{name}' ({type(value).__name__}) is no column of a table: {error}") from error
