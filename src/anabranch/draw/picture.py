"""A picture of a dataflow, as a user holds it: shows itself in notebooks, saves itself in the format of a file's ending.

Theory: what is in it is settled when it is made; layout and drawing happen when somebody looks, once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from anabranch.draw.chart import Chart
from anabranch.draw.layout import Layout, lay_out
from anabranch.draw.look import Look, Style
from anabranch.draw.svg import svg_of
from anabranch.draw.text import dot_of, mermaid_of
from anabranch.errors import InputError

__all__ = ["Picture"]


class Picture:
    """A picture of a dataflow.

    In a notebook it shows itself; `save` writes it to a file; `svg`, `html`, `mermaid` and `dot` are its texts, `png` bytes.
    """

    def __init__(self, chart: Chart, look: Look | None = None) -> None:
        self.chart = chart
        self.look = look or Look()

    def __repr__(self) -> str:
        count = self.chart.functions
        return f"<Picture of {count} function{'s' if count != 1 else ''}{f': {self.chart.title}' if self.chart.title else ''}>"

    @cached_property
    def styles(self) -> Mapping[str, Style]:
        """What the reader's style function says of each box that it says something of.

        Raises:
            InputError: it gave something other than a `Style`.
        """
        if self.look.style is None:
            return {}
        found = {}
        for box in self.chart.boxes:
            style = self.look.style(box)
            if style is not None and not isinstance(style, Style):
                raise InputError(f"a style function gives a Style or None, not {type(style).__name__} (for '{box.name}')")
            if style is not None:
                found[box.name] = style
        return found

    @cached_property
    def layout(self) -> Layout:
        """Where everything stands.

        Raises:
            InputError: graphlay is not installed.
        """
        return lay_out(self.chart, self.look, self.styles)

    @cached_property
    def svg(self) -> str:
        """The picture as the text of an SVG file."""
        return svg_of(self.chart, self.layout, self.look, self.styles)

    @cached_property
    def html(self) -> str:
        """The picture as a page of its own: to be moved, zoomed and searched, with all that is known of each function."""
        from anabranch.draw.page import page_of

        return page_of(self.chart, self.svg)

    @cached_property
    def mermaid(self) -> str:
        """The picture as a Mermaid flowchart, which Markdown renderers draw."""
        return mermaid_of(self.chart, self.look, self.styles)

    @cached_property
    def dot(self) -> str:
        """The picture as text for Graphviz."""
        return dot_of(self.chart, self.look, self.styles)

    def png(self, scale: float = 2.0) -> bytes:
        """The picture as a PNG file, in the light theme unless the dark one is asked for.

        Raises:
            InputError: resvg is not installed, or this machine has no font.
        """
        from dataclasses import replace

        from anabranch.draw.raster import png_of
        from anabranch.draw.svg import size_of_svg

        look = replace(self.look, theme="dark" if self.look.theme == "dark" else "light")
        svg = svg_of(self.chart, self.layout, look, self.styles)
        return png_of(svg, size_of_svg(svg), scale)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes the picture to a file: ``.svg``, ``.png``, ``.html``, ``.mmd`` (Mermaid) or ``.dot``.

        Raises:
            InputError: the ending is another, the file cannot be written, or a library is missing.
        """
        path = Path(path)
        make = _FORMATS.get(path.suffix.lower())
        if make is None:
            endings = ", ".join(_FORMATS)
            raise InputError(f"a picture is saved as {endings}; '{path.name}' ends in {path.suffix or 'nothing'}")
        content = make(self)
        try:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        except OSError as error:
            raise InputError(f"the picture cannot be written to '{path}': {error.strerror}") from error
        return path

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_html_(self) -> str:
        return f'<div style="overflow:auto;max-height:80vh">{self.svg}</div>'

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return {"text/plain": repr(self), "image/svg+xml": self.svg, "text/html": self._repr_html_()}


_FORMATS: Final[Mapping[str, Callable[[Picture], str | bytes]]] = {
    ".svg": lambda picture: picture.svg,
    ".png": lambda picture: picture.png(),
    ".html": lambda picture: picture.html,
    ".mmd": lambda picture: picture.mermaid,
    ".dot": lambda picture: picture.dot,
}
