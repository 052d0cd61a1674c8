"""Values of numpy, pandas and polars, recognised without importing any of them."""

from __future__ import annotations

from typing import Any

__all__ = ["is_array", "is_frame", "is_missing", "is_pandas", "is_scalar", "is_series"]


def _is(value: Any, library: str, *names: str) -> bool:
    """Whether the value is of a class, or of a subclass of one, that `library` calls by one of these names."""
    return any(base.__name__ in names and base.__module__.partition(".")[0] == library for base in type(value).__mro__)


def is_pandas(value: Any) -> bool:
    """A pandas frame or series."""
    return _is(value, "pandas", "DataFrame", "Series")


def is_frame(value: Any) -> bool:
    """A table of pandas or polars."""
    return _is(value, "pandas", "DataFrame") or _is(value, "polars", "DataFrame")


def is_series(value: Any) -> bool:
    """One column of pandas or polars."""
    return _is(value, "pandas", "Series") or _is(value, "polars", "Series")


def is_array(value: Any) -> bool:
    """A numpy array."""
    return _is(value, "numpy", "ndarray")


def is_scalar(value: Any) -> bool:
    """One number of numpy's own types."""
    return _is(value, "numpy", "generic")


def is_missing(value: Any) -> bool:
    """What pandas puts where a value is missing: `NaT` or `NA`; `NaN` is an ordinary float."""
    return type(value).__name__ in {"NaTType", "NAType"} and _is(value, "pandas", "NaTType", "NAType")
