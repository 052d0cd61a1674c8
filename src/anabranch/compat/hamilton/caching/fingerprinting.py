"""Versions of data."""

from __future__ import annotations

import functools
from typing import Any

from anabranch.versions import Versions

__all__ = ["hash_value"]


@functools.singledispatch
def hash_value(obj: Any, *args: Any, **kwargs: Any) -> str:  # noqa: ARG001  for those that are registered
    """The version of a value. What counts of a type of one's own is said with `anabranch.versions.register`."""
    return Versions().of_data(obj).hex()
