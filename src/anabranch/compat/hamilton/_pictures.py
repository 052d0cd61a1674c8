"""The pictures that Hamilton's driver draws, with its arguments, drawn by anabranch: no Graphviz is needed.

A `Digraph` is anabranch's picture, which answers as Graphviz' object of that name would: `source`, `body`, `render`, `pipe`.
Of what is said to Graphviz (`render_kwargs`, `graphviz_kwargs`) the format and the direction count.
Where what pictures need is not installed, that is logged and nothing is drawn, as Hamilton's users know it of Graphviz.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anabranch.draw import LookOptions, Picture, Style
from anabranch.draw.chart import Box
from anabranch.errors import InputError

if TYPE_CHECKING:
    from anabranch.driver import Driver as AnabranchDriver

__all__ = ["Digraph", "Pictures", "drawn", "look_of", "place_of"]

Place = str | os.PathLike[str] | None


class Digraph(Picture):
    """A picture that can be asked for what one of Graphviz' can be asked for."""

    @property
    def source(self) -> str:
        """Its text for Graphviz."""
        return self.dot

    @property
    def body(self) -> list[str]:
        """The lines of that text, without the first and the last."""
        return self.dot.strip().splitlines(keepends=True)[1:-1]

    def render(self, filename: str | os.PathLike[str], *, format: str = "png", **options: Any) -> str:  # noqa: A002
        """Writes it to a file, to whose name the format is added, and returns that path.

        Raises:
            ValueError: the format is none that anabranch draws.
        """
        path = Path(f"{os.fspath(filename)}.{format}")
        return str(self.save(path))

    def pipe(self, format: str = "png", **options: Any) -> bytes:  # noqa: A002
        """What `render` would write.

        Raises:
            ValueError: the format is none that anabranch draws.
        """
        with tempfile.TemporaryDirectory() as folder:
            return Path(self.render(Path(folder) / "drawn", format=format)).read_bytes()


class Pictures:
    """The part of a driver that draws."""

    _driver: AnabranchDriver
    _create_final_vars: Callable[[Sequence[Any]], list[str]]

    graph: Any

    def _look(self, options: Mapping[str, Any]) -> LookOptions:
        return look_of(options, self.graph.nodes)

    def display_all_functions(
        self, output_file_path: Place = None, render_kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Digraph | None:
        """A picture of the whole dataflow, saved if there is a path."""
        place = place_of(output_file_path, render_kwargs)
        return drawn(lambda: self._driver.display_all_functions(place, **self._look(options)))

    def visualize_execution(  # noqa: PLR0917  Hamilton's order
        self,
        final_vars: Sequence[Any],
        output_file_path: Place = None,
        render_kwargs: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        graphviz_kwargs: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Digraph | None:
        """A picture of what would run for these outputs."""
        names, place = self._create_final_vars(final_vars), place_of(output_file_path, render_kwargs)
        look = self._look({**options, "graphviz_kwargs": graphviz_kwargs})
        return drawn(lambda: self._driver.visualize_execution(names, place, inputs, overrides, **look))

    def visualize_materialization(
        self,
        *materializers: Any,
        output_file_path: Place = None,
        render_kwargs: Mapping[str, Any] | None = None,
        additional_vars: Sequence[Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Digraph | None:
        """A picture of what would run to save these."""
        names, place = self._create_final_vars(additional_vars or ()), place_of(output_file_path, render_kwargs)
        given: dict[str, Any] = {"additional_vars": names, "inputs": inputs, "overrides": overrides, **self._look(options)}
        return drawn(lambda: self._driver.visualize_materialization(*materializers, path=place, **given))

    def visualize_path_between(
        self,
        upstream_node_name: str,
        downstream_node_name: str,
        output_file_path: Place = None,
        render_kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Digraph | None:
        """A picture of every way from one to the other."""
        place = place_of(output_file_path, render_kwargs)
        ends = upstream_node_name, downstream_node_name
        return drawn(lambda: self._driver.visualize_path_between(*ends, place, **self._look(options)))

    def display_upstream_of(
        self,
        *node_names: str,
        output_file_path: Place = None,
        render_kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Digraph | None:
        """A picture of the named ones and of all that they are made of."""
        place = place_of(output_file_path, render_kwargs)
        return drawn(lambda: self._driver.display_upstream_of(*node_names, path=place, **self._look(options)))

    def display_downstream_of(
        self,
        *node_names: str,
        output_file_path: Place = None,
        render_kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Digraph | None:
        """A picture of the named ones and of all that is made of them."""
        place = place_of(output_file_path, render_kwargs)
        return drawn(lambda: self._driver.display_downstream_of(*node_names, path=place, **self._look(options)))

    def _show(self, names: Sequence[str], inputs: Any, overrides: Any) -> None:
        picture = self._driver.visualize_execution(list(names), None, inputs, overrides)
        try:
            shown: Any = import_module("IPython.display")
        except ImportError:
            return
        shown.display(picture)


def drawn(draw: Callable[[], Picture]) -> Digraph | None:
    """The picture; None if what it needs is not installed, which is logged."""
    try:
        picture = draw()
        return Digraph(picture.chart, picture.look)
    except InputError as error:
        if "pip install" not in str(error):
            raise
        logging.getLogger("anabranch").warning("nothing is drawn: %s", error)
        return None


def place_of(path: Place, render: Mapping[str, Any] | None) -> Path | None:
    """The file to write; its format is that of its name, or of what was said to Graphviz, or PNG."""
    if path is None:
        return None
    place, said = Path(path), dict(render or {}).get("format")
    known = {".svg", ".png", ".html", ".mmd", ".dot"}
    if place.suffix.lower() in known and not said:
        return place
    return place.with_suffix(f".{said or 'png'}") if place.suffix.lower() in known or not place.suffix else place


def look_of(options: Mapping[str, Any], nodes: Mapping[str, Any]) -> LookOptions:
    """The options of a picture that are meant by those of Hamilton's; nodes by name are for a function that styles them."""
    look: LookOptions = {}
    orient = options.get("orient") or dict(dict(options.get("graphviz_kwargs") or {}).get("graph_attr") or {}).get("rankdir")
    if orient in {"LR", "RL"}:
        look["direction"] = "right"
    if options.get("show_legend") is False:
        look["legend"] = False
    styles = options.get("custom_style_function")
    if styles is not None:
        look["style"] = lambda box: _style(box, styles, nodes)
    return look


def _style(box: Box, styles: Callable[..., Any], nodes: Mapping[str, Any]) -> Style | None:
    """What a function that styles Hamilton's nodes says of a box, in Graphviz' words."""
    if box.name not in nodes:
        return None
    found, _, legend = styles(node=nodes[box.name], node_class=box.kind.value)
    fill = found.get("fillcolor") or found.get("fill_color")
    return Style(fill, found.get("color"), legend=legend or "") if fill or found.get("color") else None
