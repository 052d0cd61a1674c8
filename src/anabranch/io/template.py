"""Paths with parts that are filled in for each item: ``out/{item}.json``, ``{root}/{page[name]}.csv``.

Theory: in braces stands the name of a node or input, followed by ``[field]`` or ``.attribute`` as often as need be, and a
format behind a colon; ``item`` stands for the item's own indices. The author of the flow writes the template, but what is
filled in is data: so every character of it that means something in a path is written as ``%XX``, and no text can lead to
another folder, hide a file or be the same as another text. The exception is a value that is the same for all items, at the
very beginning: it is the folder where all of them are, and is taken as it is.

Braces that are meant as such are doubled.
"""

from __future__ import annotations

import datetime as dt
import os
import string
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any

from anabranch.errors import FlowError, InputError

__all__ = ["ITEM", "Template"]

ITEM = "item"
"""The name that stands for the indices of the item."""

RESERVED = set('/\\:*?"<>|%')
SIMPLE = (str, int, float, Decimal, dt.date, dt.time, uuid.UUID, os.PathLike)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of text, and what follows it: a reference to `name` with the way to a `field` of it, or nothing."""

    text: str
    name: str = ""
    field: str = ""
    spec: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """A path with parts to be filled in."""

    source: str
    parts: tuple[Part, ...]

    @classmethod
    def parse(cls, source: str) -> Template:
        """Reads a template.

        Raises:
            FlowError: its braces do not match, or have no name in them.
        """
        try:
            found = list(string.Formatter().parse(source))
        except ValueError as error:
            raise FlowError(f"the path '{source}' is no template ({error}); double the braces that are meant as such") from None
        parts = []
        for text, field, spec, conversion in found:
            if field is None:
                parts.append(Part(text))
                continue
            name, way = _split(field)
            if conversion or "{" in (spec or "") or not name.replace(".", "_").isidentifier():
                raise FlowError(
                    f"the path '{source}' has '{{{field}}}' in it, which names no node, input or 'item'; "
                    f"double the braces that are meant as such"
                )
            parts.append(Part(text, name, way, spec or ""))
        return cls(source, tuple(parts))

    @property
    def names(self) -> tuple[str, ...]:
        """The nodes and inputs whose values are needed."""
        return tuple(dict.fromkeys(part.name for part in self.parts if part.name not in {"", ITEM}))

    @property
    def uses_item(self) -> bool:
        """Whether the item's own indices are filled in."""
        return any(part.name == ITEM for part in self.parts)

    @property
    def whole_item(self) -> bool:
        """Whether all of the item's indices are filled in at once."""
        return any(part.name == ITEM and not part.field for part in self.parts)

    @property
    def positions(self) -> frozenset[int]:
        """Which of the item's indices are filled in one by one."""
        fields = (part.field[1:-1] for part in self.parts if part.name == ITEM and part.field)
        return frozenset(int(field) for field in fields if field.isdecimal())

    def resolved(self, known: Callable[[str], bool]) -> Template:
        """The template whose names are those of nodes and inputs: what follows the longest known one is a way to a field."""
        return Template(self.source, tuple(_resolved(part, known) for part in self.parts))

    def fill(self, values: Mapping[str, Any], item: tuple[int, ...], free: frozenset[str] = frozenset()) -> str:
        """The path for one item.

        Args:
            values: by name.
            item: the item's indices.
            free: names whose values are taken as they are where they stand at the beginning.

        Raises:
            InputError: a field is not there, or its value is nothing that a name could be made of.
        """
        texts = []
        for number, part in enumerate(self.parts):
            texts.append(part.text)
            if part.name == ITEM:
                texts.append(self._item(part, item))
            elif part.name:
                text = self._text(part, values)
                at_start = not number and not part.text and part.name in free
                texts.append(text if at_start else _safe(text, whole=self._stands_alone(number)))
        return "".join(texts)

    def _stands_alone(self, number: int) -> bool:
        """Whether a part begins a folder's or file's name, so that a dot there would mean something."""
        before = self.parts[number].text
        return before.endswith("/") or not before

    def _item(self, part: Part, item: tuple[int, ...]) -> str:
        if not part.field:
            return "-".join(format(index, part.spec) for index in item)
        try:
            return format(item[int(part.field.strip("[]"))], part.spec)
        except (ValueError, IndexError):
            axes = f"{len(item)} " + ("index" if len(item) == 1 else "indices")
            raise InputError(f"the path '{self.source}' has 'item{part.field}', but the item has {axes}") from None

    def _text(self, part: Part, values: Mapping[str, Any]) -> str:
        label = f"{part.name}{part.field}"
        try:
            value, _ = _Fields().get_field(f"it{part.field}", (), {"it": values[part.name]})
        except (KeyError, IndexError, AttributeError, TypeError, ValueError) as error:
            kind = type(error).__name__
            raise InputError(f"the path '{self.source}' has '{{{label}}}', which is not there ({kind}: {error})") from error
        value = value.value if isinstance(value, Enum) else value.item() if hasattr(value, "dtype") else value
        if not isinstance(value, SIMPLE) or value == "":
            told = "empty" if isinstance(value, str) else f"a value of type {type(value).__name__}"
            raise InputError(
                f"the path '{self.source}' has '{{{label}}}', which is {told}; name a field that is a text or number"
            )
        return format(os.fspath(value) if isinstance(value, os.PathLike) else value, part.spec)


class _Fields(string.Formatter):
    """Looks a field up by ``[key]`` and ``.attribute``."""

    def get_value(self, key: Any, args: Any, kwargs: Any) -> Any:
        return kwargs[key]


def _resolved(part: Part, known: Callable[[str], bool]) -> Part:
    words = part.name.split(".")
    prefixes = [".".join(words[:count]) for count in range(len(words), 0, -1)]
    name = next((prefix for prefix in prefixes if known(prefix)), words[0])
    return Part(part.text, name, part.name[len(name) :] + part.field, part.spec)


def _split(field: str) -> tuple[str, str]:
    """The name, with its dots, and the way to a field behind the first bracket."""
    name, bracket, rest = field.partition("[")
    return name, bracket + rest


def _safe(text: str, *, whole: bool) -> str:
    """A text as a part of one name: no folder in it, nothing hidden, and different texts stay different."""
    made = "".join(f"%{ord(c):02X}" if c in RESERVED or ord(c) < 32 or ord(c) == 127 else c for c in text)
    return f"%2E{made[1:]}" if whole and made.startswith(".") else made
