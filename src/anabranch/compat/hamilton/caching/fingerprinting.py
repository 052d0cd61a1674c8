"""Versions of data.

Theory: `hash_value` gives what anabranch tells of any value; the functions for single kinds are there for code that calls
them, mostly for types of its own. They tell values apart as anabranch does, so versions are not those that Hamilton computes.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any

from anabranch.versions import Versions

__all__ = [
    "hash_bytes",
    "hash_mapping",
    "hash_numpy_array",
    "hash_pandas_obj",
    "hash_polars_column",
    "hash_polars_dataframe",
    "hash_primitive",
    "hash_repr",
    "hash_sequence",
    "hash_set",
    "hash_unordered_mapping",
    "hash_value",
]


@functools.singledispatch
def hash_value(obj: Any, *args: Any, **kwargs: Any) -> str:  # noqa: ARG001  for those that are registered
    """The version of a value. What counts of a type of one's own is said with `anabranch.versions.register`."""
    return Versions().of_data(obj).hex()


def _version(obj: Any, *args: Any, **kwargs: Any) -> str:  # noqa: ARG001  Hamilton's signature
    """The version of a value of this kind."""
    return Versions().of_data(obj).hex()


hash_primitive = hash_bytes = hash_pandas_obj = hash_polars_dataframe = hash_polars_column = hash_numpy_array = _version


def hash_repr(obj: Any, *args: Any, **kwargs: Any) -> str:  # noqa: ARG001  Hamilton's signature
    """The version of how a value writes itself."""
    return hash_value(repr(obj))


def hash_sequence(obj: Iterable[Any], *args: Any, **kwargs: Any) -> str:  # noqa: ARG001  Hamilton's signature
    """The version of values in their order, of whatever types."""
    return _version([hash_value(one) for one in obj])


def hash_set(obj: Iterable[Any], *args: Any, **kwargs: Any) -> str:  # noqa: ARG001  Hamilton's signature
    """The version of values in any order."""
    return _version(sorted(hash_value(one) for one in obj))


def hash_unordered_mapping(obj: Mapping[Any, Any], *args: Any, **kwargs: Any) -> str:  # noqa: ARG001  Hamilton's signature
    """The version of keys with their values, in any order."""
    return _version(sorted((hash_value(key), hash_value(value)) for key, value in obj.items()))


def hash_mapping(obj: Mapping[Any, Any], *, ignore_order: bool = True, **kwargs: Any) -> str:  # noqa: ARG001  the same
    """The version of keys with their values; unless it is said otherwise, their order does not count."""
    if ignore_order:
        return hash_unordered_mapping(obj)
    return _version([(hash_value(key), hash_value(value)) for key, value in obj.items()])
