"""How often a function may be called, and how many calls of it may run at once, over all workers of a run: limit.

Theory: the far end of a call, a service or a database, knows nothing of workers; so what it stands is counted where all calls
begin, in the driver. Nothing is left to the workers and their clocks: a call goes out when its turn has come. So the
rate holds whatever the executor, however many workers come and go, and whoever is slow.

A service that says that it is too much (`back_off`) is obeyed: the call comes back at once and is made again when its turn
has come anew; meanwhile nobody else calls either, and after that half as often, then more and more often again, up to the limit
(additive increase, multiplicative decrease, as TCP does it: Chiu and Jain, Computer Networks and ISDN Systems 17, 1989).

This module never counts anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from anabranch.errors import FlowError

__all__ = ["PATIENCE", "Limit", "limit_of", "merged", "pause_of"]

F = TypeVar("F", bound=Callable[..., Any])

PATIENCE: Final = 10
"""So many times a call is told to come again before that counts as its failure."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What one function, or several that share a key, may do.

    Attributes:
        key: what is limited: the function's name, unless others share it.
        concurrency: how many calls at the same time; None for any number.
        interval: seconds from one call to the next; 0 for none.
        back_off: exceptions by which the other side says that it is too much.
    """

    key: str
    concurrency: int | None = None
    interval: float = 0.0
    back_off: tuple[type[BaseException], ...] = ()


def limit_of(
    key: str | None,
    concurrency: int | None,
    rates: tuple[float | None, float | None],
    back_off: type[BaseException] | tuple[type[BaseException], ...],
) -> Limit:
    """A limit as a decorator was given it; the rates are those per second and per minute.

    Raises:
        FlowError: it makes no sense.
    """
    for word, given in (("per_second", rates[0]), ("per_minute", rates[1])):
        if given is not None and (isinstance(given, bool) or not isinstance(given, (int, float)) or not given > 0):
            raise FlowError(f"@limit: {word} must be a number above 0, not {given!r}")
    if concurrency is not None and (type(concurrency) is not int or concurrency < 1):
        raise FlowError(f"@limit: concurrency must be a whole number from 1, not {concurrency!r}")
    if concurrency is None and rates == (None, None):
        raise FlowError("@limit says nothing; give concurrency=, per_second= or per_minute=")
    if key is not None and (not isinstance(key, str) or not key):
        raise FlowError(f"@limit: key must be a name, not {key!r}")
    kinds = back_off if isinstance(back_off, tuple) else (back_off,)
    for kind in kinds:
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            raise FlowError(f"@limit: back_off takes exception classes, not {kind!r}")
    spans = (1 / rates[0] if rates[0] else 0.0, 60 / rates[1] if rates[1] else 0.0)
    return Limit(key or "", concurrency, max(spans), kinds)


def merged(one: Limit, other: Limit) -> Limit:
    """What holds for functions that share a key: of each the stricter."""
    known = [number for number in (one.concurrency, other.concurrency) if number is not None]
    interval = max(one.interval, other.interval)
    return replace(one, concurrency=min(known, default=None), interval=interval, back_off=(*one.back_off, *other.back_off))


def pause_of(error: BaseException) -> float:
    """For how many seconds an exception asks to be left in peace, by its ``retry_after``; 0 if it does not say."""
    asked = getattr(error, "retry_after", None)
    return float(asked) if isinstance(asked, (int, float)) and asked > 0 else 0.0
