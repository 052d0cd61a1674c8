"""Which tags are meant: a query by tags, as data.

Theory: tags are written in code (`pii=True`) and asked for on command lines (`pii=true`), so a value is compared by its words
where it is not equal as it stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["matches"]


def matches(tags: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether tags are as is `wanted`, in all of its keys.

    None stands for any value, and several values (a list, tuple or set) for any one of them. A tag that is itself a list has
    each of its elements as a value. Keys with dots can be asked for with two underscores instead: ``data__owner="x"``.
    """
    return all(_has(tags, key, value) for key, value in wanted.items())


def _has(tags: Mapping[str, Any], key: str, wanted: Any) -> bool:
    key = key if key in tags else key.replace("__", ".")
    if key not in tags:
        return False
    if wanted is None:
        return True
    there = _several(tags[key])
    return any(_equal(one, value) for one in there for value in _several(wanted))


def _several(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple, set, frozenset)) else [value]


def _equal(one: Any, other: Any) -> bool:
    return (type(one) is type(other) and bool(one == other)) or _word(one) == _word(other)


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
