"""Figures of matplotlib and plotly."""

from __future__ import annotations

from typing import Any

from anabranch.io.file import FileSaver
from anabranch.libraries import library

__all__ = ["ADAPTERS"]


class MatplotlibSaver(FileSaver):
    """Writes a figure of matplotlib, in the format of the path's suffix. Options are those of `Figure.savefig`."""

    keys = ("plt",)
    by_suffix = True
    kinds = ("matplotlib.figure.Figure",)
    own = {
        **FileSaver.own,
        **dict.fromkeys(("dpi", "format", "metadata", "bbox_inches", "pad_inches", "facecolor", "edgecolor"), "Any"),
        **dict.fromkeys(("backend", "orientation", "papertype", "transparent", "bbox_extra_artists", "pil_kwargs"), "Any"),
    }

    def write(self, data: Any, draft: str) -> None:
        data.savefig(draft, **self.options)


class PlotlyStaticSaver(FileSaver):
    """Writes a figure of plotly as an image, in the format of the path's suffix; needs kaleido and a browser.

    Options are those of `Figure.write_image`.
    """

    keys = ("plotly",)
    by_suffix = True
    kinds = ("plotly.graph_objects.Figure", "plotly.graph_objects.FigureWidget")
    own = {**FileSaver.own, **dict.fromkeys(("format", "width", "height", "scale", "validate", "engine"), "Any")}

    def write(self, data: Any, draft: str) -> None:
        library("kaleido", "'plotly'")
        data.write_image(draft, **self.options)


class PlotlyHtmlSaver(FileSaver):
    """Writes a figure of plotly as a page. Options are those of `Figure.write_html`."""

    keys = ("html",)
    kinds = ("plotly.graph_objects.Figure", "plotly.graph_objects.FigureWidget")
    takes = ("plotly.io.write_html",)
    refuses = {"file": "path says where the file is"}

    def write(self, data: Any, draft: str) -> None:
        data.write_html(draft, **self.options)


ADAPTERS = (MatplotlibSaver, PlotlyStaticSaver, PlotlyHtmlSaver)
