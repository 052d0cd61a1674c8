"""Figures of plotly in files, by Hamilton's names."""

from anabranch.io.formats.plots import (
    PlotlyHtmlSaver as PlotlyInteractiveWriter,
)
from anabranch.io.formats.plots import (
    PlotlyStaticSaver as PlotlyStaticWriter,
)

__all__ = [
    "PlotlyInteractiveWriter",
    "PlotlyStaticWriter",
]
