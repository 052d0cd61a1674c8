"""Tokens of what polars has: frames and series. A lazy frame only leads to data, and has none.

Theory: polars' columns are Arrow's, but for categories, whose codes depend on what else the process has seen: they count
by their texts.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from anabranch.versions.tokens import Encoder, Handler, Unversionable, named, nested

__all__ = ["handler_of"]


def handler_of(kind: type) -> Handler | None:
    """What encodes a type of polars', or one made from it; None if nothing special does."""
    polars = sys.modules["polars"]
    if issubclass(kind, polars.LazyFrame):
        return _lazy
    if issubclass(kind, polars.DataFrame):
        return _frame
    if issubclass(kind, polars.Series):
        return lambda encoder, value: nested(b"polars series", named(value.name) + _series(encoder, value))
    if issubclass(kind, polars.DataType) or issubclass(kind, type(polars.Int64)):
        return lambda encoder, value: nested(b"polars type", named(repr(value)))
    return None


def _lazy(encoder: Encoder, value: Any) -> bytes:
    raise Unversionable("a LazyFrame only leads to data that may change; collect() it")


def _frame(encoder: Encoder, value: Any) -> bytes:
    columns = [named(series.name) + nested(b"column", _series(encoder, series)) for series in value.get_columns()]
    return nested(b"polars frame", encoder.token(value.height) + b"".join(columns))


def _series(encoder: Encoder, series: Any) -> bytes:
    polars = sys.modules["polars"]
    dtype = series.dtype
    about = named(repr(dtype)) + encoder.token(len(series))
    if dtype in (polars.Categorical, polars.Enum):
        categories = dtype.categories.to_list() if dtype == polars.Enum else None
        return about + encoder.token(categories) + _series(encoder, series.cast(polars.String))
    if dtype == polars.Object or find_spec("pyarrow") is None:
        return about + encoder.token(series.to_list())
    import_module("pyarrow")
    from anabranch.versions.arrow import column_body

    array = series.to_arrow()
    return about + named(str(array.type)) + column_body(encoder, [array])
