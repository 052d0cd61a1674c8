"""Parts of a value: a field, an attribute, an element, a column."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from anabranch.errors import FlowError, nearest_or_all

__all__ = ["Attribute", "Column", "Element", "Field", "Ingredient", "Named", "Widened", "columns_of"]


@dataclass(frozen=True, slots=True)
class Field:
    """An entry of a mapping. `fill` stands in for one that is not there, unless it is None; `owner` is named in errors."""

    key: str
    owner: str
    fill: Any = None

    def __call__(self, value: Any) -> Any:
        """The entry of this value."""
        try:
            return value[self.key]
        except KeyError:
            if self.fill is not None:
                return self.fill
            raise _lacking("field", self.key, self.owner, value) from None


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of an object; see `Field`."""

    key: str
    owner: str
    fill: Any = None

    def __call__(self, value: Any) -> Any:
        """The attribute of this value."""
        try:
            return getattr(value, self.key)
        except AttributeError:
            if self.fill is not None:
                return self.fill
            raise _lacking("field", self.key, self.owner, getattr(value, "__dict__", ())) from None


@dataclass(frozen=True, slots=True)
class Element:
    """An element of a tuple, by position; `count` elements at least are wanted."""

    index: int
    owner: str
    count: int

    def __call__(self, value: Any) -> Any:
        """The element of this value."""
        try:
            return value[self.index]
        except IndexError:
            raise FlowError(f"'{self.owner}' returned {len(value)} elements, but {self.count} are unpacked") from None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a frame; see `Field`."""

    key: str
    owner: str
    fill: Any = None

    def __call__(self, value: Any) -> Any:
        """The column of this frame; of a lazy frame, the lazy frame that has only this column."""
        if _is_lazy(value):
            if self.key in columns_of(value):
                return value.select(self.key)
            return self._instead(value)
        try:
            return value[self.key]
        except Exception:
            if self.key in columns_of(value):
                raise
        return self._instead(value)

    def _instead(self, frame: Any) -> Any:
        if self.fill is None:
            raise _lacking("column", self.key, self.owner, columns_of(frame))
        return _filled(frame, self.key, self.fill)


@dataclass(frozen=True, slots=True)
class Ingredient:
    """A column of a frame to compute with: of a lazy frame, the expression for it."""

    key: str
    owner: str

    def __call__(self, value: Any) -> Any:
        """The column of this frame."""
        if not _is_lazy(value):
            return Column(self.key, self.owner)(value)
        if self.key not in columns_of(value):
            raise _lacking("column", self.key, self.owner, columns_of(value))
        return _library_of(value).col(self.key)


@dataclass(frozen=True, slots=True)
class Widened:
    """A frame with more columns, those of the same name replaced; the frame itself stays as it was."""

    names: tuple[str, ...]

    def __call__(self, value: Any, *columns: Any, **named: Any) -> Any:
        """The frame with these columns."""
        found = dict(zip(self.names, (*columns, *named.values()), strict=True))
        if hasattr(value, "assign"):
            return value.assign(**found)
        if hasattr(value, "with_columns"):
            return value.with_columns(**found)
        if hasattr(value, "withColumns"):
            return value.withColumns(found)
        for name, column in found.items():
            there = list(value.column_names)
            value = value.set_column(there.index(name), name, column) if name in there else value.append_column(name, column)
        return value


@dataclass(frozen=True, slots=True)
class Named:
    """A function whose frame gets the columns' names by position."""

    func: Callable[..., Any]
    names: tuple[str, ...]
    owner: str

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the function and names the columns of what it returns; the frame itself stays as it was."""
        frame = self.func(*args, **kwargs)
        found = columns_of(frame)
        if len(found) != len(self.names):
            raise FlowError(f"'{self.owner}' returned a frame of {len(found)} columns, but {len(self.names)} are to be named")
        if hasattr(frame, "set_axis"):
            return frame.set_axis(list(self.names), axis="columns")
        if hasattr(frame, "rename_columns"):
            return frame.rename_columns(list(self.names))
        return frame.rename(dict(zip(found, self.names, strict=True)))


def _library_of(frame: Any) -> Any:
    return sys.modules[type(frame).__module__.partition(".")[0]]


def _is_lazy(frame: Any) -> bool:
    return type(frame).__name__ == "LazyFrame"


def columns_of(frame: Any) -> list[Any]:
    """The names of a frame's columns; of anything else, of its entries, if it says them."""
    if hasattr(frame, "collect_schema"):
        return list(frame.collect_schema().names())
    if hasattr(frame, "column_names"):
        return list(frame.column_names)
    columns = getattr(frame, "columns", None)
    return list(frame if columns is None and isinstance(frame, Mapping) else () if columns is None else columns)


def _filled(frame: Any, name: str, fill: Any) -> Any:
    """A column of nothing but `fill`, as long as the frame, made by the library that the frame is of."""
    library = _library_of(frame)
    if hasattr(frame, "assign"):
        return frame.assign(**{name: fill})[name]
    if hasattr(frame, "with_columns"):
        wider = frame.with_columns(library.lit(fill).alias(name))
        return wider.select(name) if _is_lazy(frame) else wider[name]
    if hasattr(frame, "column_names"):
        return library.chunked_array([library.array([fill] * len(frame))])
    return fill


def _lacking(word: str, key: str, owner: str, there: Iterable[Any]) -> FlowError:
    names = [str(name) for name in there] if isinstance(there, Iterable) else []
    return FlowError(f"what '{owner}' returned has no {word} '{key}'{nearest_or_all(key, names)}")
