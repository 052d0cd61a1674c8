"""Values as JSON documents, for machines: nothing is lost silently.

Theory: what JSON has a form for takes that form, what has one obvious form takes that (a frame is its records, a date its
ISO text), and anything else is an error; the text of an unknown object would look like data and be none.

| value | JSON |
| --- | --- |
| NaN, `None`, `NaT`, `NA` | null |
| infinite numbers | "Infinity", "-Infinity" |
| frames, and series with an index of their own | a list of records; the index is one of the fields, unless it only counts |
| dataclasses and named tuples | an object of their fields |
| enums | the value, or the name if the value has no form |
| sets | a list, sorted |
| dates and times | ISO 8601; durations are seconds |
| bytes | base64 |
"""

from __future__ import annotations

import base64
import collections.abc as cabc
import dataclasses
import json
import math
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

from anabranch.cli.foreign import is_array, is_frame, is_missing, is_pandas, is_scalar, is_series

__all__ = ["Unwritable", "document", "dump"]


class Unwritable(ValueError):
    """Something in the value has no form; says what."""


def _float(value: float) -> float | str | None:
    if math.isnan(value):
        return None
    return float(value) if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")


SCALARS: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (bool, bool),
    (int, int),
    (float, _float),
    (str, str),
    ((bytes, bytearray, memoryview), lambda value: base64.b64encode(value).decode()),
    ((PurePath, Decimal, UUID), str),
    ((datetime, date, time), lambda value: value.isoformat()),
    (timedelta, timedelta.total_seconds),
)
"""Types of one value, the narrower before the wider, and their JSON."""


def dump(value: Any, *, indent: int | None = None, ascii_only: bool = False) -> str:
    """The JSON text of a document."""
    return json.dumps(value, indent=indent, ensure_ascii=ascii_only, allow_nan=False)


def document(value: Any) -> Any:
    """`value` in terms of dicts, lists, strings, numbers, booleans and None.

    Raises:
        Unwritable: something in it has no form.
    """
    try:
        return _document(value)
    except RecursionError:
        raise Unwritable("it contains itself, or is too deep") from None


def _document(value: Any) -> Any:
    kind = type(value)
    if value is None or kind is str or kind is int or kind is bool:
        return value
    if kind is list:
        return [_document(element) for element in value]
    if is_missing(value):
        return None
    if isinstance(value, Enum):
        return _document(value.value) if isinstance(value.value, (str, int, float, bool)) else value.name
    for types, form in SCALARS:
        if isinstance(value, types):
            return form(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _document(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {name: _document(element) for name, element in zip(value._fields, value, strict=True)}
    return _several(value)


def _several(value: Any) -> Any:
    if isinstance(value, cabc.Mapping):
        return _object(value.items())
    if isinstance(value, cabc.Set):
        return _sorted(value)
    if is_frame(value) or is_series(value):
        return _pandas(value) if is_pandas(value) else _document(value.to_dicts() if is_frame(value) else value.to_list())
    if is_array(value) or is_scalar(value):
        return _numpy(value)
    if isinstance(value, (cabc.Sequence, cabc.ValuesView, cabc.KeysView)):
        return [_document(element) for element in value]
    kind = type(value)
    raise Unwritable(f"{kind.__module__}.{kind.__qualname__} has no JSON form")


def _object(items: Iterable[tuple[Any, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, element in items:
        own = _key(key)
        if own in made:
            raise Unwritable(f"two keys are written '{own}'")
        made[own] = _document(element)
    return made


def _key(key: Any) -> str:
    if isinstance(key, str) and not isinstance(key, Enum):
        return str(key)
    form = _numpy(key) if is_scalar(key) else _document(key)
    if isinstance(form, (list, dict)):
        raise Unwritable(f"a key of type {type(key).__qualname__} has no JSON form")
    return form if isinstance(form, str) else json.dumps(form)


def _sorted(values: Iterable[Any]) -> list[Any]:
    elements = [_document(element) for element in values]
    try:
        return sorted(elements)
    except TypeError:  # of several types
        return sorted(elements, key=json.dumps)


def _numpy(value: Any) -> Any:
    if value.dtype.kind in "mM":  # its own texts are exact, whatever the unit
        texts = value.astype(str).tolist()
        return _no_times(texts)
    return _document(value.tolist() if is_array(value) else value.item())


def _no_times(texts: Any) -> Any:
    if isinstance(texts, list):
        return [_no_times(text) for text in texts]
    return None if texts == "NaT" else str(texts)


def _pandas(value: Any) -> Any:
    counts = type(value.index).__name__ == "RangeIndex" and value.index.name is None
    if not is_frame(value) and counts:
        return _document(value.tolist())
    frame = value if is_frame(value) else value.to_frame("value" if value.name is None else value.name)
    if not counts:
        try:
            frame = frame.reset_index()
        except ValueError as error:  # the index and a column have one name
            raise Unwritable(f"its index cannot become a column: {error}") from None
    names = [_key(name) for name in frame.columns]
    if len(set(names)) < len(names):
        raise Unwritable("two of its columns have one name")
    columns = [[_document(cell) for cell in frame.iloc[:, n].tolist()] for n in range(len(names))]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)] if columns else [{}] * len(frame)
