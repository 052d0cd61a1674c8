"""A numpy matrix: one column for each output."""

from __future__ import annotations

from typing import Any

from anabranch.errors import InputError
from anabranch.libraries import library
from anabranch.results.base import ResultBuilder, number_of_rows

__all__ = ["NumpyMatrixResult"]


class NumpyMatrixResult(ResultBuilder):
    """A two-dimensional `numpy.ndarray`: a column for each output, several for a matrix; scalars are repeated.

    Where all outputs are scalars the matrix has one row.
    """

    def build_result(self, **outputs: Any) -> Any:
        """Returns the matrix.

        Raises:
            InputError: columns are not equally long, have more than two dimensions, or mix text with what is none.
        """
        numpy = library("numpy", type(self).__name__)
        arrays = {name: _array(numpy, name, value) for name, value in outputs.items()}
        if not arrays:
            return numpy.empty((0, 0))
        self._check_kinds(arrays)
        rows = number_of_rows({name: array for name, array in arrays.items() if array.ndim})
        length = 1 if rows is None else rows
        columns = [array if array.ndim else numpy.full(length, array) for array in arrays.values()]
        return numpy.column_stack(columns)

    def _check_kinds(self, arrays: dict[str, Any]) -> None:
        text = [name for name, array in arrays.items() if array.dtype.kind in "US"]
        other = [name for name, array in arrays.items() if array.dtype.kind not in "USO"]
        if text and other:
            raise InputError(
                f"a matrix has one type, but output '{text[0]}' is text and '{other[0]}' is {arrays[other[0]].dtype}"
            )

    def output_type(self) -> Any:
        """A `numpy.ndarray`."""
        return library("numpy", type(self).__name__).ndarray


def _array(numpy: Any, name: str, value: Any) -> Any:
    try:
        array = numpy.asarray(value)
    except ValueError as error:
        raise InputError(f"output '{name}' is no column of a matrix: {error}") from error
    if array.ndim > 2:
        raise InputError(f"output '{name}' has {array.ndim} dimensions; a matrix has two")
    return array
