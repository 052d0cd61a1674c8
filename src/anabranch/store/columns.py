"""From values to columns that can be packed: what is small is written into them, what is large goes to a blob."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from anabranch.store.formats import SMALL, Buffer, Unfit, Written, small, written
from anabranch.store.pack import Column

__all__ = ["INLINE", "columns_of"]

INLINE: Final = 4096
"""Up to how many bytes a value lives in its pack."""


def columns_of(
    results: Iterable[tuple[bytes, bytes, Any]],
    form: str,
    put_blob: Callable[[Sequence[Buffer]], bytes],
    say: Callable[[str], None],
) -> tuple[dict[str, Column], list[int]]:
    """Writes results, given as key, version and value, in a format; those that it cannot hold as pickle.

    Returns the columns by format, and the places of values that cannot be written at all. `say` is told of both.
    """
    columns: dict[str, Column] = {}
    unfit: list[int] = []
    for place, (key, version, value) in enumerate(results):
        if form == "pickle" and type(value) in SMALL:  # most of what is many is small
            column = columns.get(form) or columns.setdefault(form, Column(form))
            content = small(value)
            column.keys.append(key)
            column.versions.append(version)
            column.content.append(content)
            column.sizes.append(len(content))
            continue
        name, pieces = _written(value, form, say)
        if pieces is None:
            unfit.append(place)
            continue
        column = columns.get(name) or columns.setdefault(name, Column(name))
        size = sum(len(piece) if isinstance(piece, bytes) else memoryview(piece).nbytes for piece in pieces)
        if size > INLINE:
            column.blobs.append(len(column.keys))
            content = put_blob(pieces)
        else:
            content = b"".join(pieces)
        column.keys.append(key)
        column.versions.append(version)
        column.content.append(content)
        column.sizes.append(size)
    return columns, unfit


def _written(value: Any, form: str, say: Callable[[str], None]) -> tuple[str, list[Buffer] | None]:
    if type(value) is Written:
        return value.format, [value.data]
    try:
        return form, written(value, form)
    except Unfit as error:
        if form == "pickle":
            say(f"are not cached: {error}")
            return form, None
        say(f"are cached as pickle: {error}")
        return _written(value, "pickle", say)
