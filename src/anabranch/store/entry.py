"""What a store keeps: entries, the recipes they were made by, and what nodes may ask for. Data only."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple, TypeVar

from anabranch.errors import FlowError
from anabranch.markers import mark

__all__ = ["Behaviour", "Entry", "Missing", "Policy", "Recipe", "cache"]

F = TypeVar("F", bound=Callable[..., Any])


class Behaviour(Enum):
    """What a cache does with a node."""

    DEFAULT = "default"
    """Its result is taken from the cache if it is there, and stored if not."""

    RECOMPUTE = "recompute"
    """It always runs, and its result is stored."""

    DISABLE = "disable"
    """It always runs, and its result is not stored; what reads it is computed anew, too."""

    IGNORE = "ignore"
    """It always runs, and its result does not count: what reads it is taken from the cache whatever the result is."""


class Entry(NamedTuple):
    """A stored result: its version, and where its value is: in the entry itself or in a blob.

    Attributes:
        version: the version of the value, which is passed on without loading it.
        format: what the value is written as.
        size: how many bytes the value has, as written.
        made: when it was written, in seconds since 1970.
        inline: the value as written, if it is small.
        blob: the digest of the blob that holds it, if it is not.
    """

    version: bytes
    format: str
    size: int
    made: float
    inline: bytes | None
    blob: bytes | None


class Missing(LookupError):
    """An entry whose value cannot be had any more: it is to be computed anew."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How entries came about: the node's name, the version of its code, and what that is made of, as text."""

    name: str
    code: bytes
    parts: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a function asks of the cache; see `cache`."""

    behaviour: Behaviour = Behaviour.DEFAULT
    ttl: float | None = None
    format: str = "pickle"
    ignore: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


def cache(
    behaviour: str = "default",
    *,
    version: str | None = None,
    ttl: float | None = None,
    format: str = "pickle",  # noqa: A002  the word for it
    ignore: Iterable[str] = (),
    include: Iterable[str] = (),
    files: Iterable[str] = (),
) -> Callable[[F], F]:
    """Says how a function's results are cached: ``@cache(ttl=3600, format="parquet")``.

    Args:
        behaviour: "default", "recompute", "disable" or "ignore"; see `Behaviour`.
        version: stands for the code of the function and of all that it calls: as long as it stays, edits do not count.
        ttl: how many seconds a result is good for.
        format: what results are written as: "pickle", "json", "parquet", or one that was registered.
        ignore: names of functions, modules and globals, dotted or not, whose changes do not count.
        include: installed modules whose code counts.
        files: parameters that are paths whose content counts, rather than their names.

    Raises:
        FlowError: the behaviour is none of these, or a list of names is one text.
    """
    known = {one.value: one for one in Behaviour}
    if behaviour not in known:
        raise FlowError(f"@cache: '{behaviour}' is no behaviour; there are {', '.join(known)}")
    for word, given in (("ignore", ignore), ("include", include), ("files", files)):
        if isinstance(given, str):
            raise FlowError(f"@cache: {word} is a list of names, as in {word}=['{given}'], not a text")
    policy = Policy(known[behaviour], ttl, format, tuple(ignore), tuple(include), tuple(files))

    def decorate(function: F) -> F:
        marks = {"cache": policy} if version is None else {"cache": policy, "version": version}
        return mark(function, **marks)

    return decorate
