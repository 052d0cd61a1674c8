"""The names that generated code may use besides the functions that it calls.

This module never knows which code uses them.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any, Final

from anabranch.awaiting import items
from anabranch.errors import FlowError
from anabranch.missing import Uneven, compact

__all__ = ["RUNTIME", "close", "left_coroutine", "misplaced_skip", "opened", "unawaited", "uneven"]


def misplaced_skip(node: str) -> FlowError:
    """The error of a function that raises `Skip` where there is no item to be skipped."""
    return FlowError(f"'{node}' raised Skip outside a fan-out; only an item of a fan-out can be skipped")


ITERABLE: Final = frozenset({types.GeneratorType, list, tuple, range})
"""What expanders mostly return; anything else is looked at more closely."""


def opened(values: Any, node: str) -> Iterator[Any]:
    """The iterator over what an expander returned.

    Raises:
        FlowError: it is a `str`, `bytes`, `dict` or coroutine, or cannot be iterated.
    """
    if type(values) in ITERABLE:
        return iter(values)
    if hasattr(values, "__aiter__"):
        return items(values)
    if isinstance(values, (str, bytes, bytearray, dict)) or not hasattr(values, "__iter__"):
        kind = type(values).__name__
        if hasattr(values, "close") and hasattr(values, "send"):
            values.close()  # a coroutine that nobody awaits would warn
        raise FlowError(
            f"'{node}' returns Parallelizable and must return an iterable of items, not {kind}; "
            f"return a list or yield the items one by one"
        )
    return iter(values)


def unawaited(values: Sequence[Any], columns: int = 0) -> int | None:
    """Which of the values that functions returned is a coroutine, which nobody would await. The first `columns` of them are
    lists of values, of which the first is looked at.
    """
    for number, value in enumerate(values):
        column = number < columns
        if type(value[0] if column and value else value) is types.CoroutineType:
            for one in value if column else (value,):
                if type(one) is types.CoroutineType:
                    one.close()  # or it would warn
            return number
    return None


def left_coroutine(names: Sequence[str], number: int) -> FlowError:
    """The error for it; `names` are the functions that gave the values."""
    name = f"'{names[number]}'" if number < len(names) else "a function"
    return FlowError(f"{name} returned a coroutine, which nobody would await; make it 'async def' and await it there")


def uneven(node: str, names: tuple[str, ...], lists: tuple[Any, ...]) -> None:
    """Checks that lists to be read side by side are equally long.

    Raises:
        Uneven: they are not.
    """
    lengths = [len(values) for values in lists if hasattr(values, "__len__")]
    if len(set(lengths)) > 1:
        sizes = ", ".join(
            f"'{name}' has {len(values)}" for name, values in zip(names, lists, strict=True) if hasattr(values, "__len__")
        )
        raise Uneven(f"values read by position along '{node}' must be equally many, but {sizes}")


def close(iterator: Any) -> None:
    """Closes a generator; other iterators need nothing."""
    if type(iterator) is types.GeneratorType:
        iterator.close()


RUNTIME: Final[dict[str, Any]] = {
    "close": close,
    "closing": closing,
    "compact": compact,
    "generator": types.GeneratorType,
    "iterable": ITERABLE,
    "opened": opened,
    "uneven": uneven,
}
"""The names that generated code may use besides its functions."""
