"""pandas frames, joined by index.

Theory. Outputs are of three kinds. *Labelled* values (series, frames, dicts) bring an index; *columns* (lists, arrays) have
cells but no labels; everything else is one *cell*. Labelled values are joined by label, outer: a label that one of them lacks
becomes a missing value there. A column has no labels of its own, so it can only be put beside the one index that all
labelled values share, if it is as long; a cell is repeated along the rows. A frame that is not alone gives one column for each
of its own, called ``output.column``.

Labels can be joined only where they are of one kind: numbers with numbers, dates of one time zone with each other, and so on.
What could never match, such as `1` and ``"1"``, is an error, not a frame of twice the length full of holes.
"""

from __future__ import annotations

from typing import Any

from anabranch.errors import InputError
from anabranch.libraries import library
from anabranch.results.base import ResultBuilder, check_lengths, is_column, number_of_rows

__all__ = ["PandasDataFrameResult", "StrictIndexTypePandasDataFrameResult"]


class PandasDataFrameResult(ResultBuilder):
    """A `pandas.DataFrame` with a column for each output, joined by index; a frame that is the only output stays as it is."""

    def build_result(self, **outputs: Any) -> Any:
        """Returns the frame.

        Raises:
            InputError: indexes are of kinds that cannot be joined, labels are doubled, lengths differ, a value has more than
                one dimension, or pandas is not installed.
        """
        pandas = library("pandas", type(self).__name__)
        if len(outputs) == 1:
            only = next(iter(outputs.values()))
            if isinstance(only, pandas.DataFrame):
                return only
        labelled, columns, cells = _sorted_out(pandas, outputs)
        indexes = {name: value.index for name, value in labelled.items()}
        self._check_indexes(pandas, indexes)
        index = _joined(indexes)
        _check_columns(columns, index, indexes)
        rows = len(index) if index is not None else number_of_rows(columns)
        if index is None:
            index = pandas.RangeIndex(1 if rows is None and cells else rows or 0)
        made: list[Any] = []
        for name in outputs:
            if name in labelled:
                made.append(_aligned(pandas, name, labelled[name], index))
            elif name in columns:
                made.append(pandas.Series(_values(pandas, columns[name]), index=index, name=name))
            else:
                made.append(pandas.Series([cells[name]] * len(index), index=index, name=name))
        return pandas.concat(made, axis=1) if made else pandas.DataFrame()

    def _check_indexes(self, pandas: Any, indexes: dict[str, Any]) -> None:
        kinds = {name: _kind(pandas, index) for name, index in indexes.items()}
        if len(set(kinds.values())) > 1:
            told = "; ".join(f"'{name}' by {kind}" for name, kind in kinds.items())
            raise InputError(f"the outputs' indexes cannot be joined: {told}; bring them to one kind, or ask for them apart")

    def output_type(self) -> Any:
        """A `pandas.DataFrame`."""
        return library("pandas", type(self).__name__).DataFrame


class StrictIndexTypePandasDataFrameResult(PandasDataFrameResult):
    """The same, where all indexes must be of exactly the same type: a `RangeIndex` is not joined with an index of numbers."""

    def _check_indexes(self, pandas: Any, indexes: dict[str, Any]) -> None:
        super()._check_indexes(pandas, indexes)
        types = {name: f"{type(index).__name__} of {index.dtype}" for name, index in indexes.items()}
        if len(set(types.values())) > 1:
            told = "; ".join(f"'{name}' has {kind}" for name, kind in types.items())
            raise InputError(f"the outputs' indexes are not of exactly one type: {told}; bring them to one type")


def _sorted_out(pandas: Any, outputs: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    labelled: dict[str, Any] = {}
    columns: dict[str, Any] = {}
    cells: dict[str, Any] = {}
    for name, value in outputs.items():
        if isinstance(value, (pandas.Series, pandas.DataFrame)):
            labelled[name] = value
        elif isinstance(value, dict):
            labelled[name] = pandas.Series(value)
        elif is_column(value):
            columns[name] = value
        elif getattr(value, "ndim", 0) > 1 or hasattr(type(value), "columns"):
            kind = f"{type(value).__module__.partition('.')[0]}'s {type(value).__name__}"
            raise InputError(f"output '{name}' is {kind} and no column of a pandas frame; extract its columns first")
        else:
            cells[name] = value
    return labelled, columns, cells


def _joined(indexes: dict[str, Any]) -> Any:
    """The union of the indexes, in order of appearance; None if there is none."""
    found = list(indexes.values())
    if not found:
        return None
    first = found[0]
    if all(index.equals(first) for index in found[1:]):
        return first
    for name, index in indexes.items():
        if not index.is_unique:
            doubled = index[index.duplicated()][0]
            raise InputError(
                f"output '{name}' has the label '{doubled}' more than once, and the other outputs' indexes differ "
                f"from its own, so its rows cannot be matched; make the labels unique"
            )
    for index in found[1:]:
        first = first.union(index, sort=False)
    return first


def _check_columns(columns: dict[str, Any], index: Any, indexes: dict[str, Any]) -> None:
    if index is None or not columns:
        return
    others = list(indexes.values())
    if not all(other.equals(others[0]) for other in others[1:]):
        name, labelled = next(iter(columns)), ", ".join(f"'{name}'" for name in indexes)
        raise InputError(
            f"output '{name}' has no index, and those of {labelled} differ: its values cannot be matched with rows; "
            f"return a pandas.Series with an index from it"
        )
    check_lengths(columns, len(index), f"the index of '{next(iter(indexes))}' has {len(index)} rows")


def _aligned(pandas: Any, name: str, value: Any, index: Any) -> Any:
    placed = value if value.index.equals(index) else value.reindex(index)
    if isinstance(placed, pandas.Series):
        return placed.rename(name)
    return placed.set_axis([f"{name}.{column}" for column in placed.columns], axis=1)


def _values(pandas: Any, column: Any) -> Any:
    """Cells as pandas takes them: its own arrays as they are, another library's by their array."""
    if isinstance(column, (range, tuple)):
        return list(column)
    if isinstance(column, pandas.Index):
        return column.array
    module = type(column).__module__.partition(".")[0]
    if module in {"pyarrow", "polars"}:
        return column.to_pandas().array if module == "pyarrow" else pandas.Series(column.to_list()).array
    return column


def _kind(pandas: Any, index: Any) -> str:
    """What the labels are, as far as it decides whether they can be equal to those of another index."""
    if isinstance(index, pandas.MultiIndex):
        return f"{index.nlevels} levels"
    dtype = index.dtype
    if isinstance(dtype, pandas.CategoricalDtype):
        return _kind(pandas, dtype.categories)
    if isinstance(dtype, pandas.PeriodDtype):
        return f"periods ({dtype.freq.freqstr})"
    if isinstance(dtype, pandas.IntervalDtype):
        return "intervals"
    types = pandas.api.types
    if types.is_datetime64_any_dtype(dtype):
        return "dates and times" + (f" ({dtype.tz})" if getattr(dtype, "tz", None) else "")
    if types.is_timedelta64_dtype(dtype):
        return "durations"
    if types.is_bool_dtype(dtype):
        return "booleans"
    if types.is_numeric_dtype(dtype):
        return "numbers"
    inferred = types.infer_dtype(index, skipna=True)
    known = {
        "string": "strings",
        "integer": "numbers",
        "floating": "numbers",
        "mixed-integer-float": "numbers",
        "date": "dates",
    }
    return known.get(inferred, f"{inferred} objects" if len(index) else "nothing")
