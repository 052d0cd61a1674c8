"""The pictures that Hamilton's driver draws, with its arguments, drawn by anabranch: no Graphviz is needed.

What is said of Graphviz (`render_kwargs`, `graphviz_kwargs`, `keep_dot`) is accepted; of it the format and the direction count.
Where what pictures need is not installed, that is logged and nothing is drawn, as Hamilton's users know it of Graphviz.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anabranch.draw import LookOptions, Picture
from anabranch.errors import InputError

if TYPE_CHECKING:
    from anabranch.driver import Driver as AnabranchDriver

__all__ = ["Pictures"]

Place = str | os.PathLike[str] | None


class Pictures:
    """The part of a driver that draws."""

    _driver: AnabranchDriver
    _create_final_vars: Callable[[Sequence[Any]], list[str]]

    def display_all_functions(
        self, output_file_path: Place = None, render_kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Picture | None:
        """A picture of the whole dataflow, saved if there is a path."""
        return _drawn(lambda: self._driver.display_all_functions(_place(output_file_path, render_kwargs), **_look(options)))

    def visualize_execution(  # noqa: PLR0917  Hamilton's order
        self,
        final_vars: Sequence[Any],
        output_file_path: Place = None,
        render_kwargs: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        graphviz_kwargs: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Picture | None:
        """A picture of what would run for these outputs."""
        names, place = self._create_final_vars(final_vars), _place(output_file_path, render_kwargs)
        look = _look({**options, "graphviz_kwargs": graphviz_kwargs})
        return _drawn(lambda: self._driver.visualize_execution(names, place, inputs, overrides, **look))

    def visualize_materialization(
        self,
        *materializers: Any,
        output_file_path: Place = None,
        render_kwargs: Mapping[str, Any] | None = None,
        additional_vars: Sequence[Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Picture | None:
        """A picture of what would run to save these."""
        names, place = self._create_final_vars(additional_vars or ()), _place(output_file_path, render_kwargs)
        given: dict[str, Any] = {"additional_vars": names, "inputs": inputs, "overrides": overrides, **_look(options)}
        return _drawn(lambda: self._driver.visualize_materialization(*materializers, path=place, **given))

    def visualize_path_between(
        self,
        upstream_node_name: str,
        downstream_node_name: str,
        output_file_path: Place = None,
        render_kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Picture | None:
        """A picture of every way from one to the other."""
        place = _place(output_file_path, render_kwargs)
        ends = upstream_node_name, downstream_node_name
        return _drawn(lambda: self._driver.visualize_path_between(*ends, place, **_look(options)))

    def display_upstream_of(
        self,
        *node_names: str,
        output_file_path: Place = None,
        render_kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Picture | None:
        """A picture of the named ones and of all that they are made of."""
        place = _place(output_file_path, render_kwargs)
        return _drawn(lambda: self._driver.display_upstream_of(*node_names, path=place, **_look(options)))

    def display_downstream_of(
        self,
        *node_names: str,
        output_file_path: Place = None,
        render_kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Picture | None:
        """A picture of the named ones and of all that is made of them."""
        place = _place(output_file_path, render_kwargs)
        return _drawn(lambda: self._driver.display_downstream_of(*node_names, path=place, **_look(options)))

    def _show(self, names: Sequence[str], inputs: Any, overrides: Any) -> None:
        picture = self._driver.visualize_execution(list(names), None, inputs, overrides)
        try:
            shown: Any = import_module("IPython.display")
        except ImportError:
            return
        shown.display(picture)


def _drawn(draw: Callable[[], Picture]) -> Picture | None:
    """The picture; None if what it needs is not installed, which is logged."""
    try:
        return draw()
    except InputError as error:
        if "pip install" not in str(error):
            raise
        logging.getLogger("anabranch").warning("nothing is drawn: %s", error)
        return None


def _place(path: Place, render: Mapping[str, Any] | None) -> Path | None:
    """The file to write; its format is that of its name, or of what was said to Graphviz, or PNG."""
    if path is None:
        return None
    place, said = Path(path), dict(render or {}).get("format")
    known = {".svg", ".png", ".html", ".mmd", ".dot"}
    if place.suffix.lower() in known and not said:
        return place
    return place.with_suffix(f".{said or 'png'}") if place.suffix.lower() in known or not place.suffix else place


def _look(options: Mapping[str, Any]) -> LookOptions:
    """The options of a picture that are meant by those of Hamilton's."""
    look: LookOptions = {}
    orient = options.get("orient") or dict(dict(options.get("graphviz_kwargs") or {}).get("graph_attr") or {}).get("rankdir")
    if orient in {"LR", "RL"}:
        look["direction"] = "right"
    if options.get("show_legend") is False:
        look["legend"] = False
    return look
