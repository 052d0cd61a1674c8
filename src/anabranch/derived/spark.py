"""Functions of values or of pandas series as functions of Spark's columns.

Theory: Spark computes columns itself, later and elsewhere, so what a function of a frame's columns gives is an expression. A
function that takes and returns expressions is called as it is; any other is handed to Spark, which calls it for the rows.
Arguments that are no columns are bound to it.

This module imports pyspark when such a function is called, in the process that has the frame.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from anabranch.libraries import library

__all__ = ["Udf"]


@dataclass(frozen=True, slots=True)
class Udf:
    """A function that Spark calls.

    Attributes:
        func: it.
        names: its parameters, in order.
        returns: the type of an element, as Spark writes types, or one of its own.
        by_series: whether it takes and returns pandas series, and not single values.
    """

    func: Callable[..., Any]
    names: tuple[str, ...]
    returns: Any
    by_series: bool

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The column that the function makes of columns."""
        functions = library("pyspark.sql.functions", "with_columns on Spark")
        given = {**dict(zip(self.names, args, strict=False)), **kwargs}
        columns = tuple(name for name, value in given.items() if type(value).__name__ == "Column")
        call = _bound(self.func, columns, {name: value for name, value in given.items() if name not in columns})
        if self.by_series:
            series = library("pandas", "with_columns on Spark").Series
            call.__annotations__ = {"values": series, "return": series}
            made = functions.pandas_udf(call, self.returns)
        else:
            made = functions.udf(call, self.returns)
        return made(*(given[name] for name in columns))


def _bound(function: Callable[..., Any], columns: tuple[str, ...], fixed: dict[str, Any]) -> Callable[..., Any]:
    """The function of nothing but columns, as a closure, which is what Spark takes."""

    def call(*values: Any) -> Any:
        return function(**dict(zip(columns, values, strict=True)), **fixed)

    return call
