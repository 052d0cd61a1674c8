"""The words a flow is written with: three annotations, three decorators, two values.

Theory: roles belong to edges. `Collect[T]` and `Stream[T]` stand on a *parameter* and say how this reader takes the
values; `Parallelizable[T]` stands on a *return* and opens an axis. The decorators only leave a mark on the function
object, so that a decorated function is still the plain function it was: callable, testable, picklable by name.

To a type checker the annotations are what the function body sees: `Collect[T]` is `list[T]`, `Stream[T]` is
`Iterator[T]`, `Parallelizable[T]` is `Iterable[T]`. At run time they are classes of their own that the graph looks for.
`AsyncStream` and `AsyncParallelizable` are the same classes, and only to a type checker something else: what an ``async def``
function reads with ``async for``, and what one gives that yields.

This module never knows what a graph is.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

__all__ = [
    "AsyncParallelizable",
    "AsyncStream",
    "Collect",
    "Parallelizable",
    "PerItem",
    "Skip",
    "Stream",
    "associative",
    "cross",
    "per_worker",
    "zipped",
]

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

if TYPE_CHECKING:
    Parallelizable = Iterable[T]
    AsyncParallelizable = AsyncIterable[T]
    Collect = list[T]
    Stream = Iterator[T]
    AsyncStream = AsyncIterator[T]
else:

    class Parallelizable(Generic[T]):
        """Return annotation: the function opens a fan-out; each element of what it returns or yields is one item."""

    class Collect(Generic[T]):
        """Parameter annotation: closes the innermost axis; the function gets a list in expansion order."""

    class Stream(Generic[T]):
        """Parameter annotation: like `Collect`, but an iterator that is fed, in order, while the items still run."""

    AsyncParallelizable = Parallelizable
    AsyncStream = Stream


class Skip(Exception):
    """Raise it in a function inside a fan-out to drop this item: every later step and collect goes without it."""


class PerItem(list[T]):
    """An override with one value for each item, in expansion order (nested lists for nested axes)."""


MARKS = "__anabranch__"
"""The attribute of a function that holds its marks: a plain dict, merged by each decorator.

The mark ``item`` is the keyword by which a function is also told the indices of the item that it is called for, the mark
``run`` that for the run's identity. The mark ``around`` is what goes on around each call of a task that the function is part of
(see `anabranch.code.Surrounding`)."""


def mark(function: F, **marks: Any) -> F:
    """Adds `marks` to those that the function carries already and returns the same function."""
    setattr(function, MARKS, {**marks_of(function), **marks})
    return function


def marks_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The marks that decorators left on the function; empty if there are none. A partial has those of its function."""
    while isinstance(function, functools.partial):
        function = function.func
    found: dict[str, Any] = getattr(function, MARKS, {})
    return found


def origin_of(function: Callable[..., Any]) -> str:
    """Where the function is written: ``file:line``."""
    if hasattr(function, "__wrapped__"):
        import inspect  # not needed to write a flow, only to build one

        function = inspect.unwrap(function)
    code = getattr(function, "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code is not None else "origin unknown"


def cross(function: F) -> F:
    """Decorator: parameters from independent axes are combined pair by pair, the first parameter outermost."""
    return mark(function, join="cross")


def zipped(function: F) -> F:
    """Decorator: parameters from two independent axes are combined by position; unequal lengths are an error."""
    return mark(function, join="zipped")


def per_worker(function: F) -> F:
    """Decorator: what the function returns, or yields, is made once in each worker, when it is first needed there.

    For what cannot travel, or takes long to make: clients of databases, models, sessions. It is never pickled, it is kept
    from one call and run to the next, and closed when the worker ends: a generator goes on behind its ``yield``, a context
    manager is left, what has a method ``close`` is closed. The function may read inputs and what is computed outside of
    fan-outs, and is read by ordinary parameters.
    """
    return mark(function, per_worker=True)


def associative(function: F) -> F:
    """Decorator for a collector: collecting parts and then collecting those results gives the same answer.

    Parts are then collected on the workers, in order, and only one value per span travels.
    """
    return mark(function, associative=True)
