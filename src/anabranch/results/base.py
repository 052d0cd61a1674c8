"""The base of result builders, the plain dict, and what all of them ask of a value: is it one cell, or a column?

This module imports no library of arrays or frames; it recognises their values by what they offer.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anabranch.errors import InputError

__all__ = ["Cell", "DictResult", "ResultBuilder", "check_lengths", "is_column", "number_of_rows"]


class ResultBuilder(abc.ABC):
    """Makes one result of a request's outputs. Subclass it for a result of one's own."""

    @abc.abstractmethod
    def build_result(self, **outputs: Any) -> Any:
        """Returns the result made of `outputs`, which come by name, in the order in which they were asked for."""

    def output_type(self) -> Any:
        """The type of the result, as far as it is known beforehand; it chooses the saver of what is combined with this."""
        return Any


class DictResult(ResultBuilder):
    """The outputs by name, as they are: what `execute` returns without a result builder."""

    def build_result(self, **outputs: Any) -> dict[str, Any]:
        """Returns the outputs by name."""
        return outputs

    def output_type(self) -> Any:
        """A dict."""
        return dict


@dataclass(frozen=True, slots=True)
class Cell:
    """A value that is no column: to be repeated along the rows, once it is known how many there are."""

    value: Any


def is_column(value: Any) -> bool:
    """Whether a value is a row of cells: a list, a tuple, a range, or anything with one dimension; a string is one cell."""
    if isinstance(value, (list, tuple, range)):
        return True
    if isinstance(value, (str, bytes, bytearray, dict, type)):
        return False
    if hasattr(type(value), "columns") or hasattr(type(value), "column_names"):
        return False
    dimensions = getattr(value, "ndim", None)
    if dimensions is not None:
        return bool(dimensions == 1)
    return hasattr(value, "__len__") and (hasattr(value, "__array__") or hasattr(value, "__arrow_c_stream__"))


def number_of_rows(columns: Mapping[str, Any]) -> int | None:
    """How many rows the columns among `columns` have; None if there are only cells.

    Raises:
        InputError: they are not equally long; tells the length of each.
    """
    lengths = {name: len(column) for name, column in columns.items() if not isinstance(column, Cell)}
    if len(set(lengths.values())) > 1:
        raise InputError(f"columns of one result must be equally long, but {_told(lengths)}; ask for some of them apart")
    return next(iter(lengths.values()), None)


def check_lengths(columns: Mapping[str, Any], expected: int, why: str) -> None:
    """Checks that columns are as long as is `expected`; `why` begins the message.

    Raises:
        InputError: one is not; tells the length of each.
    """
    lengths = {name: len(column) for name, column in columns.items()}
    if {expected, *lengths.values()} != {expected}:
        raise InputError(f"{why}, but {_told(lengths)}; ask for some of them apart")


def _told(lengths: dict[str, int]) -> str:
    return ", ".join(f"'{name}' has {length}" for name, length in lengths.items())
