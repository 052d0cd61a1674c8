"""What each worker has for itself: made there when it is first needed, kept, never sent anywhere, closed in the end.

Theory: a function that is declared `per_worker` is not called where the flow calls it. What the flow passes on in its place is
an `Own`: the function and its arguments, which travel as any value does. Whoever is given one opens it (`Opening`), and only
then, there, the function is called, once for each worker; what it returns, or yields, is kept by what it was made of. So two
runs that want the same get the same, and one that wants it made of something else gets another.

A worker is a thread that performs calls. What a thread has is closed when it ends (`close_of_thread`), what a process has when
that ends in good order (`close_all`): generators go on behind their `yield`, context managers are left, anything else is
closed if it has a method of that name.

Invariant: nothing is made twice in one thread, and nothing is closed twice.

This module never knows which executor the worker belongs to.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import threading
import types
from collections.abc import Callable, Container, Iterator
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from anabranch.markers import marks_of

__all__ = [
    "OWNER",
    "Declaring",
    "Opening",
    "Own",
    "close_all",
    "close_made_by",
    "close_of_thread",
    "is_any_declared",
    "is_any_made",
    "told_of_first",
    "works_for",
]

OWNER: Final = os.urandom(8).hex()
"""Tells what a worker of many made for this process from what it made for others."""

_serial = count(1)
_thread: ContextVar[int | None] = ContextVar("anabranch.own", default=None)


class _Key:
    """What an `Own` is known by; no field of it, for it says nothing about the value."""

    __slots__ = ("key",)
    key: str


@dataclass(frozen=True, slots=True, eq=False)
class Own(_Key):
    """Something that each worker makes for itself: what of, and under which name."""

    name: str
    origin: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    named: dict[str, Any]

    @classmethod
    def of(cls, declared: Declaring, arguments: tuple[Any, ...], named: dict[str, Any]) -> Own:
        """What a declared function stands for, with these arguments."""
        made = cls(declared.name, declared.origin, declared.function, arguments, named)
        object.__setattr__(made, "key", f"{declared.owner} {_key(made)}")
        return made

    def open(self) -> Any:
        """This worker's; made if it is not there yet.

        Raises:
            BaseException: what the function raises.
        """
        thread = _thread.get() or threading.get_ident()
        held = _held.get((thread, self.key))
        return held.value if held is not None else _make(thread, self)

    def __reduce__(self) -> Any:
        return _remade, (self.key, self.name, self.origin, self.function, self.arguments, self.named)


def _remade(key: str, *fields: Any) -> Own:
    made = Own(*fields)
    object.__setattr__(made, "key", key)
    return made


@dataclass(frozen=True, slots=True)
class Declaring:
    """Stands in a graph for a function that is declared `per_worker`: called in its place, it calls nothing yet."""

    name: str
    origin: str
    function: Callable[..., Any]
    owner: str

    @classmethod
    def by(cls, name: str, origin: str, function: Callable[..., Any]) -> Declaring:
        """Declared by this process."""
        _declared.append(name)
        return cls(name, origin, function, OWNER)

    @property
    def __wrapped__(self) -> Callable[..., Any]:
        """The function itself."""
        return self.function

    def __call__(self, *arguments: Any, **named: Any) -> Own:
        """What is passed on."""
        return Own.of(self, arguments, named)


@dataclass(frozen=True, slots=True)
class Opening:
    """Stands in a graph for a function that reads what each worker has for itself."""

    function: Callable[..., Any]

    @property
    def __anabranch__(self) -> dict[str, Any]:
        """The function's marks."""
        return marks_of(self.function)

    @property
    def __wrapped__(self) -> Callable[..., Any]:
        """The function itself."""
        return self.function

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Calls the function with this worker's."""
        given = [one.open() if type(one) is Own else one for one in arguments]
        return self.function(*given, **{name: one.open() if type(one) is Own else one for name, one in named.items()})


class _Held:
    """One thing, and how it is closed."""

    __slots__ = ("close", "function", "name", "value")

    def __init__(self, own: Own) -> None:
        self.name = own.name
        self.function = own.function
        self.close: Callable[[], Any] | None = None
        made = own.function(*_opened(own.arguments), **dict(zip(own.named, _opened(own.named.values()), strict=True)))
        if type(made) is types.GeneratorType:
            self.value = next(made)
            self.close = lambda: next(made, None)
        elif hasattr(type(made), "__enter__") and hasattr(type(made), "__exit__"):
            self.value = made.__enter__()
            self.close = lambda: made.__exit__(None, None, None)
        else:
            self.value = made
            closing = getattr(made, "close", None)
            self.close = closing if callable(closing) else None


_held: dict[tuple[int, str], _Held] = {}
_first: list[Callable[[str], object]] = []
_declared: list[str] = []


def _make(thread: int, own: Own) -> Any:
    try:
        held = _Held(own)
    except StopIteration:
        raise RuntimeError(f"'{own.name}' ({own.origin}) must yield what it makes, and yielded nothing") from None
    except BaseException as error:
        error.add_note(f"while '{own.name}' ({own.origin}), which each worker has for itself, was made")
        raise
    is_first = not _held
    _held[thread, own.key] = held
    if is_first:
        owner = own.key.partition(" ")[0]
        for tell in _first or [lambda _: atexit.register(close_all)]:
            tell(owner)
    return held.value


def _opened(values: Any) -> Iterator[Any]:
    return (value.open() if type(value) is Own else value for value in values)


def _key(own: Own) -> str:
    """The same for what is made of the same, as far as pickling can tell; else another each time."""
    import cloudpickle

    try:
        made_of = cloudpickle.dumps((own.function, own.arguments, own.named), protocol=5)
    except Exception:
        return f"{own.name} {next(_serial)}"
    return hashlib.sha256(made_of).hexdigest()


def works_for(thread: int) -> None:
    """In this context, what that thread has is had: it waits for what is done here."""
    if _thread.get() is None:
        _thread.set(thread)


def is_any_made() -> bool:
    """Whether this process has anything that would have to be closed."""
    return bool(_held)


def is_any_declared() -> bool:
    """Whether this process has had workers make something for themselves."""
    return bool(_declared)


def told_of_first(tell: Callable[[str], object]) -> None:
    """Has `tell` called, with whose it is, when this process makes the first thing: it then has to see to it that things are
    closed. Else they are when the interpreter exits.
    """
    _first.append(tell)


def close_of_thread() -> None:
    """Closes what this thread has, the last first."""
    thread = threading.get_ident()
    _close([key for key in list(_held) if key[0] == thread])


def close_made_by(functions: Container[Callable[..., Any]]) -> None:
    """Closes what this process has that these functions have made."""
    _close([key for key, held in list(_held.items()) if held.function in functions])


def close_all(owner: str = "") -> None:
    """Closes what this process has, or has of this owner, the last first."""
    _close([key for key in list(_held) if key[1].startswith(owner)])


def _close(keys: list[tuple[int, str]]) -> None:
    for key in reversed(keys):
        held = _held.pop(key, None)
        if held is None or held.close is None:
            continue
        with suppress(BaseException):  # what is closed last can hurt nobody any more, but for a word about it
            try:
                held.close()
            except Exception:
                import logging

                logging.getLogger("anabranch").warning("'%s' raised when it was closed", held.name, exc_info=True)
                raise
