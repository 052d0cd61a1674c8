"""What is said about nodes and changes nothing of what they give: tags, schemas, the wishes for a cache."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from anabranch.errors import FlowError
from anabranch.function_modifiers.modifier import Modifier, Target

__all__ = ["SCHEMA_TAG", "Tag", "TagOutputs", "cache", "schema", "tag", "tag_outputs"]

SCHEMA_TAG = "hamilton.internal.schema_output"
"""The tag under which `schema.output` notes the columns: ``a=int,b=str``."""

_KEY = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_RESERVED = "hamilton."
_BEHAVIORS = ("default", "recompute", "disable", "ignore")


@dataclass(frozen=True, slots=True)
class Tag(Modifier):
    """Tags for the nodes that `target` names."""

    tags: Mapping[str, Any]
    target: Target = None


@dataclass(frozen=True, slots=True)
class TagOutputs(Modifier):
    """Tags by node."""

    tags: Mapping[str, Mapping[str, Any]]


def tag(*, target_: Target = None, bypass_reserved_namespaces_: bool = False, **tags: Any) -> Tag:
    """Attaches key-value pairs to what the function makes: ``@tag(owner="data", pii=True)``; several `tag`s add up.

    Where other decorators make several nodes of a function, `target_` says which are meant; by default the last ones: the
    columns rather than the frame that they are extracted from.

    Raises:
        FlowError: a key is no name (dots may part names), or begins with the reserved ``hamilton.``.
    """
    check_tags(tags, "@tag", reserved=not bypass_reserved_namespaces_)
    return Tag(tags, target_)


def tag_outputs(**tags: Mapping[str, Any]) -> TagOutputs:
    """Attaches key-value pairs to the nodes by name: ``@tag_outputs(price={"unit": "EUR"}, size={"unit": "m"})``.

    Raises:
        FlowError: a key is no name (dots may part names), or begins with the reserved ``hamilton.``.
    """
    for name, own in tags.items():
        if not isinstance(own, Mapping):
            raise FlowError(f"@tag_outputs takes a dict of tags for each node, but '{name}' is given {type(own).__name__}")
        check_tags(own, "@tag_outputs", reserved=True)
    return TagOutputs(tags)


class schema:  # noqa: N801  the field's name for it
    """Notes about the shape of what a function gives; they are shown and never enforced."""

    @staticmethod
    def output(*fields: tuple[str, str], target_: Target = None) -> Tag:
        """The columns of a frame and their types, in words: ``@schema.output(("day", "date"), ("price", "float"))``.

        Raises:
            FlowError: a field is no pair of strings.
        """
        for field in fields:
            if not (isinstance(field, tuple) and len(field) == 2 and all(isinstance(word, str) for word in field)):
                raise FlowError("@schema.output takes pairs of name and type, both as text: @schema.output(('price', 'float'))")
        return Tag({SCHEMA_TAG: ",".join(f"{name}={kind}" for name, kind in fields)}, target_)


def cache(
    *,
    behavior: Literal["default", "recompute", "disable", "ignore"] | None = None,
    format: str | None = None,  # noqa: A002  the field's name for it
    version: str | None = None,
    ignore: Collection[str] = (),
    target_: Target = ...,
) -> Tag:
    """What a cache shall do with the function's nodes; without a cache it says nothing.

    Args:
        behavior: ``default``, ``recompute`` (never read what is stored), ``disable`` (as if there were no cache), or
            ``ignore`` (what reads this node is found again whatever this node's value was).
        format: how values are stored: ``pickle``, ``parquet``, ``json`` …
        version: pins the version of the code: edits count only when it changes.
        ignore: parameters whose values do not count.
        target_: which of the function's nodes are meant; by default all.

    Raises:
        FlowError: the behaviour is unknown.
    """
    if behavior is not None and behavior not in _BEHAVIORS:
        raise FlowError(f"@cache has no behavior '{behavior}'; there are {', '.join(map(repr, _BEHAVIORS))}")
    names = (ignore,) if isinstance(ignore, str) else tuple(ignore)
    wishes = {"behavior": behavior, "format": format, "version": version, "ignore": names or None}
    said = {key: wish for key, wish in wishes.items() if wish is not None} or {"behavior": "default"}
    return CacheWish({f"cache.{key}": wish for key, wish in said.items()}, target_)


@dataclass(frozen=True, slots=True)
class CacheWish(Tag):
    """Tags for a cache, so that they may differ from node to node of one function."""

    @property
    def word(self) -> str:
        """What it is called in messages."""
        return "cache"

    def check(self, function: Callable[..., Any]) -> None:
        """Checks that what is to be ignored is a parameter."""
        self.check_parameters(function, self.tags.get("cache.ignore", ()))


def check_tags(tags: Mapping[str, Any], word: str, *, reserved: bool) -> None:
    for key in tags:
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            raise FlowError(f"{word}: {key!r} is no key for a tag; keys are names, or names parted by dots")
        if reserved and key.startswith(_RESERVED):
            raise FlowError(f"{word}: the key '{key}' is reserved, for it begins with '{_RESERVED}'; choose another")
