"""What a check may ask of a value, in the same words for a single value, a numpy array, and series of pandas and polars.

Theory: a check is arithmetic on counts. A *column* answers how many values there are, how many are missing, which break a
rule (a count and the first few of them), their mean and deviation, and whether their type is the one that is named. Each
answer is one pass of the library's own, never a loop over values in Python, but for arrays of objects.

*Missing* is one thing here: `None`, NaN, NaT and null. What is asked of the values is asked of those that there are.
"""

from __future__ import annotations

import abc
import datetime as dt
import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from anabranch.kinds import Kind, class_of, name_of
from anabranch.libraries import library

__all__ = ["COLUMNS", "Broken", "Column", "column_of"]

SHOWN = 5
"""How many values that break a rule are shown."""


class Broken(NamedTuple):
    """The values that break a rule: how many, and the first few."""

    number: int
    examples: list[Any]


class Column(abc.ABC):
    """Some values of one kind, missing ones apart; `single` where it is one value and no row of them."""

    single = False
    size: int
    missing: int

    @abc.abstractmethod
    def __init__(self, value: Any) -> None: ...

    @abc.abstractmethod
    def outside(self, low: Any, high: Any) -> Broken:
        """The values below `low` or above `high`; None is no bound."""

    @abc.abstractmethod
    def strangers(self, known: Sequence[Any]) -> Broken:
        """The values that are not among `known`."""

    @abc.abstractmethod
    def with_text(self, text: str, *, wanted: bool) -> Broken:
        """The values that contain `text` and should not, or the other way round where it is `wanted`."""

    @abc.abstractmethod
    def mean(self) -> float | None:
        """The mean; None if there is no value."""

    @abc.abstractmethod
    def deviation(self) -> float | None:
        """The sample standard deviation; None if there are fewer than two values."""

    @abc.abstractmethod
    def is_of(self, data_type: Any) -> tuple[bool, str]:
        """Whether the values are of that type, and the name of the type that they are of."""


def column_of(value: Any) -> Column:
    """The value as a column; what is of no known library is a single value."""
    for kind, column in COLUMNS.items():
        known = class_of(kind)
        if known is not None and isinstance(value, known):
            return column(value)
    return Single(value)


class Single(Column):
    """One value."""

    single = True

    def __init__(self, value: Any) -> None:
        self.value = value
        self.size = 1
        self.missing = int(value is None or (isinstance(value, float) and math.isnan(value)))

    def outside(self, low: Any, high: Any) -> Broken:
        if self.missing:
            return self._broken(True)  # one value that is not there is in no range
        return self._broken(not ((low is None or low <= self.value) and (high is None or self.value <= high)))

    def strangers(self, known: Sequence[Any]) -> Broken:
        return self._broken(self.value not in known)

    def with_text(self, text: str, *, wanted: bool) -> Broken:
        return self._broken(not isinstance(self.value, str) or (text in self.value) is not wanted)

    def mean(self) -> float | None:
        return None if self.missing else float(self.value)

    def deviation(self) -> float | None:
        return None

    def is_of(self, data_type: Any) -> tuple[bool, str]:
        return isinstance(self.value, data_type), type(self.value).__name__

    def _broken(self, broken: bool) -> Broken:
        return Broken(int(broken), [_plain(self.value)] if broken else [])


class Array(Column):
    """A numpy array of any shape."""

    def __init__(self, value: Any) -> None:
        self.numpy = library("numpy", "the check")
        flat = value.ravel()
        if flat.dtype.kind in "fcmM":
            missing = self.numpy.isnat(flat) if flat.dtype.kind in "mM" else self.numpy.isnan(flat)
        elif flat.dtype.kind == "O":
            missing = self.numpy.fromiter((Single(one).missing for one in flat), bool, len(flat))
        else:
            missing = self.numpy.zeros(len(flat), bool)
        self.dtype = flat.dtype
        self.values = flat[~missing]
        self.size = len(flat)
        self.missing = int(missing.sum())

    def outside(self, low: Any, high: Any) -> Broken:
        broken = self.numpy.zeros(len(self.values), bool)
        if low is not None:
            broken |= self.values < low
        if high is not None:
            broken |= self.values > high
        return self._broken(broken)

    def strangers(self, known: Sequence[Any]) -> Broken:
        if self.dtype.kind == "O":
            return self._broken(self.numpy.fromiter((one not in known for one in self.values), bool, len(self.values)))
        return self._broken(~self.numpy.isin(self.values, list(known)))

    def with_text(self, text: str, *, wanted: bool) -> Broken:
        ones = (not isinstance(one, str) or (text in one) is not wanted for one in self.values)
        return self._broken(self.numpy.fromiter(ones, bool, len(self.values)))

    def mean(self) -> float | None:
        return float(self.values.mean()) if len(self.values) else None

    def deviation(self) -> float | None:
        return float(self.values.std(ddof=1)) if len(self.values) > 1 else None

    def is_of(self, data_type: Any) -> tuple[bool, str]:
        numpy = self.numpy
        wider = {int: numpy.integer, float: numpy.floating, complex: numpy.complexfloating, dt.datetime: numpy.datetime64}
        try:
            wanted = wider.get(data_type, data_type) if isinstance(data_type, type) else data_type
            return bool(numpy.issubdtype(self.dtype, wanted)), str(self.dtype)
        except TypeError:
            return False, str(self.dtype)

    def _broken(self, broken: Any) -> Broken:
        return Broken(int(broken.sum()), self.values[broken][:SHOWN].tolist())


class PandasSeries(Column):
    """A series of pandas."""

    def __init__(self, value: Any) -> None:
        self.pandas = library("pandas", "the check")
        self.values = value.dropna()
        self.size = len(value)
        self.missing = self.size - len(self.values)

    def outside(self, low: Any, high: Any) -> Broken:
        broken = self.pandas.Series(False, index=self.values.index)
        if low is not None:
            broken |= self.values < low
        if high is not None:
            broken |= self.values > high
        return self._broken(broken)

    def strangers(self, known: Sequence[Any]) -> Broken:
        return self._broken(~self.values.isin(list(known)))

    def with_text(self, text: str, *, wanted: bool) -> Broken:
        if not self.pandas.api.types.is_string_dtype(self.values.dtype):
            return self._broken(self.pandas.Series(True, index=self.values.index))
        return self._broken(self.values.str.contains(text, regex=False).astype(bool) != wanted)

    def mean(self) -> float | None:
        return float(self.values.mean()) if len(self.values) else None

    def deviation(self) -> float | None:
        return float(self.values.std()) if len(self.values) > 1 else None

    def is_of(self, data_type: Any) -> tuple[bool, str]:
        dtype, types = self.values.dtype, self.pandas.api.types
        groups = {
            int: types.is_integer_dtype,
            float: types.is_float_dtype,
            bool: types.is_bool_dtype,
            str: types.is_string_dtype,
            complex: types.is_complex_dtype,
            dt.datetime: types.is_datetime64_any_dtype,
            dt.timedelta: types.is_timedelta64_dtype,
        }
        if isinstance(data_type, type) and data_type in groups:
            return bool(groups[data_type](self.values if data_type is str else dtype)), str(dtype)
        if isinstance(data_type, type) and isinstance(dtype, data_type):
            return True, str(dtype)
        try:
            if isinstance(data_type, type) and issubclass(dtype.type, data_type):
                return True, str(dtype)
            return bool(dtype == data_type or dtype == types.pandas_dtype(data_type)), str(dtype)
        except TypeError:
            return False, str(dtype)

    def _broken(self, broken: Any) -> Broken:
        return Broken(int(broken.sum()), self.values[broken].head(SHOWN).tolist())


class PolarsSeries(Column):
    """A series of polars."""

    def __init__(self, value: Any) -> None:
        self.polars = library("polars", "the check")
        values = value.drop_nulls()
        self.values = values.drop_nans() if values.dtype.is_float() else values
        self.size = len(value)
        self.missing = self.size - len(self.values)

    def outside(self, low: Any, high: Any) -> Broken:
        broken = self._all(False)
        if low is not None:
            broken |= self.values < low
        if high is not None:
            broken |= self.values > high
        return self._broken(broken)

    def strangers(self, known: Sequence[Any]) -> Broken:
        found = self.polars.Series(list(known), strict=False)
        try:
            return self._broken(~self.values.is_in(found))
        except self.polars.exceptions.PolarsError:  # of another type altogether
            return self._broken(self._all(True))

    def with_text(self, text: str, *, wanted: bool) -> Broken:
        if self.values.dtype != self.polars.String:
            return self._broken(self._all(True))
        return self._broken(self.values.str.contains(text, literal=True) != wanted)

    def mean(self) -> float | None:
        found = self.values.mean()
        return None if found is None else float(found)

    def deviation(self) -> float | None:
        found = self.values.std()
        return None if found is None else float(found)

    def is_of(self, data_type: Any) -> tuple[bool, str]:
        dtype = self.values.dtype
        groups = {int: dtype.is_integer, float: dtype.is_float}
        if isinstance(data_type, type) and data_type in groups:
            return bool(groups[data_type]()), str(dtype)
        wanted = {str: "String", bool: "Boolean", dt.datetime: "Datetime", dt.date: "Date", bytes: "Binary"}
        name = wanted.get(data_type) if isinstance(data_type, type) else data_type
        if isinstance(name, str):
            return type(dtype).__name__ == name or str(dtype) == name, str(dtype)
        return bool(dtype == data_type), str(dtype)

    def _all(self, broken: bool) -> Any:
        return self.polars.repeat(broken, len(self.values), eager=True, dtype=self.polars.Boolean)

    def _broken(self, broken: Any) -> Broken:
        return Broken(int(broken.sum()), self.values.filter(broken).head(SHOWN).to_list())


COLUMNS: dict[Kind, type[Column]] = {
    "numpy.ndarray": Array,
    "pandas.Series": PandasSeries,
    "polars.Series": PolarsSeries,
}
"""The columns of libraries; a value of any other kind is single."""


def shown(values: Iterable[Any]) -> str:
    """A few values in a message."""
    texts = [str(value) if isinstance(value, (int, float)) else repr(value) for value in values]
    return ", ".join(text if len(text) <= 60 else f"{text[:57]}…" for text in texts)


def _plain(value: Any) -> Any:
    """A single value for a message: itself if its text is short and says something, else the name of its type."""
    simple = isinstance(value, (int, float, complex, str, bytes, dt.date, dt.timedelta)) or value is None
    return value if simple else f"<{name_of(type(value))}>"
