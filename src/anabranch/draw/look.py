"""How a picture looks, as far as its reader may choose, and the colours of light and dark.

Theory: colour never tells anything alone: the ways of values differ in their lines' ends and dashes too, and boxes that
expand or collect have a sign on their side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, Self, TypedDict

from anabranch.draw.chart import Box
from anabranch.errors import InputError, nearest_or_all

__all__ = ["DARK", "LIGHT", "Look", "LookOptions", "Palette", "Style", "StyleFunction"]


@dataclass(frozen=True, slots=True)
class Style:
    """How one box differs from others.

    Attributes:
        fill: its colour, in any form that CSS knows; the text on it is made dark or light to suit if the colour is ``#rrggbb``.
        border: its outline's colour.
        note: a line of text under its type.
        legend: what the legend says of boxes like this one.
    """

    fill: str | None = None
    border: str | None = None
    note: str = ""
    legend: str = ""


StyleFunction = Callable[[Box], Style | None]
"""Chooses the style of a box; None for the usual one."""


class LookOptions(TypedDict, total=False):
    """The options of a picture; see `Look`."""

    direction: Literal["down", "right"]
    types: bool | None
    legend: bool
    theme: Literal["auto", "light", "dark"]
    style: StyleFunction | None


@dataclass(frozen=True, slots=True)
class Look:
    """The options of a picture.

    Attributes:
        direction: where values flow: ``down`` or ``right``.
        types: whether types are written in the boxes; None: if there are not too many.
        legend: whether signs and colours are explained.
        theme: ``light``, ``dark``, or ``auto``: as the reader's system wishes, where the format lets it choose.
        style: gives boxes colours and notes of their own.
    """

    direction: Literal["down", "right"] = "down"
    types: bool | None = None
    legend: bool = True
    theme: Literal["auto", "light", "dark"] = "auto"
    style: StyleFunction | None = None

    def __post_init__(self) -> None:
        for name, known in (("direction", ("down", "right")), ("theme", ("auto", "light", "dark"))):
            given = getattr(self, name)
            if given not in known:
                raise InputError(f"a picture's {name} is one of {', '.join(known)}, not {given!r}")
        if self.style is not None and not callable(self.style):
            raise InputError(f"a picture's style is a function from a box to a Style, not {type(self.style).__name__}")

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """The look that these options describe.

        Raises:
            InputError: an option is unknown or its value is.
        """
        known = [field.name for field in fields(cls)]
        for name in options:
            if name not in known:
                raise InputError(f"unknown option '{name}' of a picture{nearest_or_all(name, known)}")
        return cls(**options)


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one theme. `clusters` are used in turn, from the outermost loop inwards."""

    paper: str
    text: str
    faint: str
    line: str
    box: str
    given: str
    config: str
    override: str
    expand: str
    collect: str
    stream: str
    output: str
    clusters: tuple[str, ...]
    cluster_line: str
    heat: str


LIGHT: Final = Palette(
    paper="#ffffff",
    text="#1a2027",
    faint="#56616d",
    line="#6b7682",
    box="#ffffff",
    given="#e8eef6",
    config="#f6efd9",
    override="#f3e3f5",
    expand="#0b7a75",
    collect="#b4500b",
    stream="#6d3fc4",
    output="#1a2027",
    clusters=("#f2f5f8", "#e7ecf2", "#dbe3eb"),
    cluster_line="#b3bfcb",
    heat="#e5484d",
)

DARK: Final = Palette(
    paper="#12161b",
    text="#e7ecf1",
    faint="#a3afbb",
    line="#8a96a3",
    box="#20272f",
    given="#22344a",
    config="#423a1c",
    override="#432b49",
    expand="#3fd0c3",
    collect="#f4a152",
    stream="#b497f7",
    output="#e7ecf1",
    clusters=("#181e25", "#1f2730", "#27313c"),
    cluster_line="#475462",
    heat="#ff6369",
)
