"""Exceptions as objects: what is added to them, and how they are taken to another process.

Theory: classes of exceptions do as they like. A frozen one refuses to be given a traceback; one whose `__init__` takes other
arguments than it hands on cannot be called again with what it has left in `args`, which is what pickle does. Python
itself goes past such methods when it raises, and so does this module: it sets attributes beneath `__setattr__`, and makes an
exception anew from its class and its state, without a call of its `__init__`. What a class says about its own pickling
(`__reduce__`, `__setstate__`) is heeded.

This module never knows why an exception was raised.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple

__all__ = ["Apart", "annotate", "apart", "notes_of", "put"]


def put(exception: BaseException, name: str, value: object) -> None:
    """Sets an attribute of the exception, whatever its class makes of that."""
    BaseException.__setattr__(exception, name, value)


def notes_of(exception: BaseException) -> list[str]:
    """Its notes; none where the user has put something else in their place."""
    notes = _state(exception).get("__notes__")
    return notes if isinstance(notes, list) else []


def annotate(exception: BaseException, note: str) -> None:
    """Adds a note, once."""
    notes = notes_of(exception)
    if note not in notes:
        _state(exception)["__notes__"] = [*notes, note]


def _state(exception: BaseException) -> dict[str, Any]:
    state: dict[str, Any] = object.__getattribute__(exception, "__dict__")
    return state


class Apart(NamedTuple):
    """An exception's class, the arguments of the built-in class that it derives from, and its attributes."""

    kind: type[BaseException]
    arguments: tuple[Any, ...]
    state: dict[str, Any]

    def together(self) -> BaseException:
        """The exception."""
        base = _builtin(self.kind)
        exception: BaseException = base.__new__(self.kind, *self.arguments)
        with suppress(TypeError):  # the user's `__init__` has not called this one either
            base.__init__(exception, *self.arguments)
        for name, value in self.state.items():
            put(exception, name, value)
        return exception


def apart(exception: BaseException) -> Apart | BaseException:
    """The exception taken apart, to be pickled; the exception itself where its class says how to pickle it."""
    kind = type(exception)
    base = _builtin(kind)
    if any(getattr(kind, name) is not getattr(base, name) for name in ("__reduce__", "__reduce_ex__", "__setstate__")):
        return exception
    reduced: Any = base.__reduce__(exception)
    return Apart(kind, reduced[1], dict(reduced[2]) if reduced[2:] else {})


def _builtin(kind: type[BaseException]) -> type[BaseException]:
    """The nearest class that Python itself brings: its state is not in attributes alone."""
    return next(base for base in kind.__mro__ if base.__module__ == "builtins")
