"""Types with named fields: dataclasses, `TypedDict`s and named tuples."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any

__all__ = ["fields_of"]


def fields_of(kind: Any) -> dict[str, tuple[Any, bool]] | None:
    """Name, type and need of each field of a dataclass, `TypedDict` or `NamedTuple`; None for other types."""
    found: dict[str, bool]
    if dataclasses.is_dataclass(kind):
        unset = dataclasses.MISSING
        found = {f.name: f.default is unset and f.default_factory is unset for f in dataclasses.fields(kind) if f.init}
    elif typing.is_typeddict(kind):
        found = {name: name in kind.__required_keys__ for name in kind.__annotations__}
    elif hasattr(kind, "_fields") and hasattr(kind, "_field_defaults"):
        found = {name: name not in kind._field_defaults for name in kind._fields}
    else:
        return None
    try:
        hints = typing.get_type_hints(kind, include_extras=True)
    except Exception:
        hints = {}
    # Before Python 3.14 a class whose annotations are text takes NotRequired for required.
    optional = {name for name, hint in hints.items() if typing.get_origin(hint) is typing.NotRequired}
    return {name: (hints.get(name, Any), required and name not in optional) for name, required in found.items()}
