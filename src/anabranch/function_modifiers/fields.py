"""Parts of what a function gives as nodes of their own: columns, fields, elements."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anabranch.errors import FlowError
from anabranch.function_modifiers.modifier import Modifier

__all__ = ["ExtractColumns", "ExtractFields", "UnpackFields", "extract_columns", "extract_fields", "unpack_fields"]


@dataclass(frozen=True, slots=True)
class ExtractColumns(Modifier):
    """A node for each column: name and text. `fill` stands in for a column that is not there, unless it is None."""

    columns: tuple[tuple[str, str | None], ...]
    fill: Any = None


@dataclass(frozen=True, slots=True)
class ExtractFields(Modifier):
    """A node for each field: name and type, where it is given; no fields at all mean those that the return type has."""

    fields: tuple[tuple[str, Any], ...]
    fill: Any = None


@dataclass(frozen=True, slots=True)
class UnpackFields(Modifier):
    """A node for each element of a tuple, by position."""

    fields: tuple[str, ...]


UNTYPED: Any = inspect.Parameter.empty
"""The type of a field that is to be found in the function's return annotation."""


def extract_columns(*columns: str | tuple[str, str], fill_with: Any = None) -> ExtractColumns:
    """Columns of a frame as nodes: ``@extract_columns("price", ("size", "in m²"))``.

    Works for pandas, polars (eager and lazy), pyarrow, dask and whatever gives a column for ``frame[name]``. In a fan-out of
    frames the columns are those of each item.

    Args:
        columns: names, or pairs of name and text.
        fill_with: the value of a column that the frame does not have; without it that is an error.

    Raises:
        FlowError: no column is named, or one twice.
    """
    pairs = [(column, None) if isinstance(column, str) else column for column in columns]
    for pair in pairs:
        if not (isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str)):
            raise FlowError("@extract_columns takes names, or pairs of name and text: @extract_columns('a', ('b', 'in m²'))")
    _check_names("extract_columns", [name for name, _ in pairs])
    return ExtractColumns(tuple(pairs), fill_with)


def extract_fields(
    fields: Mapping[str, Any] | list[str] | tuple[str, ...] | str | None = None, *others: str, fill_with: Any = None
) -> ExtractFields:
    """Fields of a dict, `TypedDict`, dataclass or named tuple as nodes.

    ``@extract_fields({"price": float, "size": int})`` gives their types, ``@extract_fields("price", "size")`` leaves them to
    the return annotation, and ``@extract_fields()`` takes all fields that it has. On a function that returns
    ``Parallelizable[dict]`` the fields are those of each item.

    Args:
        fields: names with types, or names alone.
        others: more names.
        fill_with: the value of a field that is not there; without it that is an error.

    Raises:
        FlowError: a name is none, or there twice.
    """
    if isinstance(fields, Mapping):
        if others:
            raise FlowError("@extract_fields takes a dict of names and types, or names, not both")
        found = tuple(fields.items())
    else:
        first = () if fields is None else (fields,) if isinstance(fields, str) else tuple(fields)
        found = tuple((name, UNTYPED) for name in (*first, *others))
    if fields is not None or others:
        _check_names("extract_fields", [name for name, _ in found])
    return ExtractFields(found, fill_with)


def unpack_fields(*fields: str) -> UnpackFields:
    """Elements of a tuple as nodes, by position: ``@unpack_fields("low", "high")`` on ``-> tuple[int, int]``.

    Raises:
        FlowError: no field is named, or one twice.
    """
    _check_names("unpack_fields", list(fields))
    return UnpackFields(fields)


def _check_names(word: str, names: list[Any]) -> None:
    if not names:
        raise FlowError(f"@{word} needs at least one name")
    for name in names:
        if not isinstance(name, str) or not name:
            raise FlowError(f"@{word} takes names, not {name!r}")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise FlowError(f"@{word} names '{twice}' twice")
