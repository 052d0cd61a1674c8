"""What a store keeps: entries, the recipes they were made by, and what nodes may ask for. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

__all__ = ["Behaviour", "Entry", "Missing", "Recipe", "Wishes"]


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
class Wishes:
    """What a node asks of the cache, as `anabranch.function_modifiers.cache` puts it into the node's tags.

    Attributes:
        behaviour: what the cache does with the node.
        format: what results are written as.
        version: stands for the code of the node's function; None if the code itself counts.
        ignore: parameters whose values do not count.
    """

    behaviour: Behaviour = Behaviour.DEFAULT
    format: str = "pickle"
    version: str | None = None
    ignore: frozenset[str] = frozenset()

    @classmethod
    def of(cls, tags: Mapping[str, Any]) -> Wishes:
        """The wishes that a node's tags tell."""
        return cls(
            Behaviour(tags.get("cache.behavior", "default")),
            tags.get("cache.format", "pickle"),
            tags.get("cache.version"),
            frozenset(tags.get("cache.ignore", ())),
        )
