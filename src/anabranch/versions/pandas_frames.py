"""Tokens of what pandas has: frames, series, indexes, extension arrays.

Theory: a frame is its columns' labels, its index, and each column with its dtype, in order. How pandas keeps columns together
in blocks does not count, nor what lies under a missing value. The kind of an index counts (a `RangeIndex` is no list of
numbers), and so do names, frequency and time zone.
"""

from __future__ import annotations

import sys
from typing import Any

from anabranch.versions.arrays import array_body
from anabranch.versions.tokens import Encoder, Handler, named, nested

__all__ = ["handler_of"]


def handler_of(kind: type) -> Handler | None:
    """What encodes a type of pandas', or one made from it; None if nothing special does."""
    pandas = sys.modules["pandas"]
    if issubclass(kind, pandas.DataFrame):
        return _frame
    if issubclass(kind, pandas.Series):
        return _series
    if issubclass(kind, pandas.Index):
        return lambda encoder, value: nested(b"index", _index(encoder, value))
    if issubclass(kind, pandas.api.extensions.ExtensionArray):
        return lambda encoder, value: nested(b"extension array", _array(encoder, value))
    if issubclass(kind, (pandas.Timestamp, pandas.Timedelta)):
        return _moment
    return None


def _frame(encoder: Encoder, value: Any) -> bytes:
    columns = [nested(b"column", _array(encoder, value.iloc[:, n].array)) for n in range(value.shape[1])]
    about = encoder.names.of_type(type(value)) + _index(encoder, value.columns) + _index(encoder, value.index)
    return nested(b"frame", about + encoder.token(value.attrs) + b"".join(columns))


def _series(encoder: Encoder, value: Any) -> bytes:
    about = encoder.names.of_type(type(value)) + _index(encoder, value.index) + encoder.tokens((value.name, value.attrs))
    return nested(b"series", about + _array(encoder, value.array))


def _moment(encoder: Encoder, value: Any) -> bytes:
    zone = value.tzinfo if hasattr(value, "tzinfo") else None
    plain = value.tz_localize(None) if zone is not None else value
    parts = (type(value).__name__, value.unit, str(plain.to_numpy().view("i8")), zone, getattr(value, "fold", 0))
    return nested(b"moment", encoder.tokens(parts))


def _index(encoder: Encoder, value: Any) -> bytes:
    pandas = sys.modules["pandas"]
    about = named(type(value).__name__) + encoder.token(list(value.names))
    if isinstance(value, pandas.RangeIndex):
        return about + encoder.tokens((value.start, value.stop, value.step))
    if isinstance(value, pandas.MultiIndex):
        levels = [nested(b"level", _array(encoder, value.get_level_values(n).array)) for n in range(value.nlevels)]
        return about + b"".join(levels)
    return about + encoder.token(getattr(value, "freqstr", None)) + nested(b"values", _array(encoder, value.array))


def _array(encoder: Encoder, value: Any) -> bytes:
    """An extension array, or one of numpy's that pandas has wrapped."""
    pandas, numpy = sys.modules["pandas"], sys.modules["numpy"]
    dtype = value.dtype
    if isinstance(dtype, numpy.dtype):
        return array_body(encoder, numpy.asarray(value))
    about = named(f"{dtype}") + named(type(dtype).__name__)
    if isinstance(dtype, pandas.CategoricalDtype):
        codes = array_body(encoder, numpy.asarray(value.codes))
        return about + _index(encoder, value.categories) + encoder.token(bool(value.ordered)) + codes
    if hasattr(value, "__arrow_array__") and type(value).__name__.startswith("Arrow"):
        from anabranch.versions.arrow import column_body

        array = value.__arrow_array__()
        return about + column_body(encoder, getattr(array, "chunks", [array]))
    if isinstance(dtype, (pandas.DatetimeTZDtype, pandas.PeriodDtype)):
        return about + array_body(encoder, value.asi8)
    if isinstance(dtype, pandas.IntervalDtype):
        return about + _array(encoder, value.left.array) + _array(encoder, value.right.array)
    if hasattr(value, "_mask") and hasattr(value, "_data"):
        mask = numpy.asarray(value.isna())
        filled = numpy.where(mask, numpy.zeros(1, value._data.dtype), value._data)  # noqa: SLF001  no copy of each element as an object
        return about + array_body(encoder, filled) + array_body(encoder, mask)
    return about + encoder.token(list(value.astype(object)))
