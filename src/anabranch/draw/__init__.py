"""Pictures of dataflows, from wheels alone: SVG, PNG, an HTML page, and Mermaid or DOT as text.

::

    Graph, Plan ──▶ Chart ──▶ Layout ──▶ SVG ──▶ PNG, page
                      └─────────────────────▶ Mermaid, DOT

| module | knows |
| --- | --- |
| `chart` | what a picture says: boxes, loops, arrows |
| `look` | what its reader may choose, and the colours |
| `measure`, `layout` | how large things are, and where they stand |
| `svg`, `raster`, `page`, `text` | one format each |
| `picture` | what a user holds |
| `views` | the pictures that a driver offers |
"""

from anabranch.draw.chart import Arrow, Box, BoxKind, Chart, Cluster, Way, chart_of, chart_of_all
from anabranch.draw.look import Look, LookOptions, Style, StyleFunction
from anabranch.draw.picture import Picture

__all__ = [
    "Arrow",
    "Box",
    "BoxKind",
    "Chart",
    "Cluster",
    "Look",
    "LookOptions",
    "Picture",
    "Style",
    "StyleFunction",
    "Way",
    "chart_of",
    "chart_of_all",
]
