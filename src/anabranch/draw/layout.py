"""Where everything of a chart stands: a layered layout, with loops as nested rectangles and arrows that go round boxes.

Theory: the layers, the order in them and the ways of the arrows are found by graphlay, which keeps what belongs to a
loop together and lets nothing else in. Here boxes get their sizes from their text, and what comes back is moved so that it
begins at the origin.

This module never knows colours or file formats.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from anabranch.draw.chart import Box, Chart, Cluster, Way
from anabranch.draw.look import Look, Style
from anabranch.draw.measure import shortened, width
from anabranch.errors import InputError

if TYPE_CHECKING:
    import graphlay

__all__ = ["Layout", "Lines", "Placed", "Point", "lay_out", "lines_of"]

TITLE, SMALL = 13.0, 11.0
"""Font sizes."""

TITLE_LINE, SMALL_LINE = 18.0, 15.0
"""From one line of text to the next."""

PADDING = 10.0
SIGN = 22.0
"""The width of the sign of an expander or a collector on its side."""

LONGEST = 32
"""The most letters on one line."""

TYPED = 80
"""Up to so many functions, types are written unless the reader says otherwise."""

BOLD = 1.15
"""How much wider bold letters are."""

HEADER = 24.0
"""The height of a loop's title."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Placed:
    """A rectangle: its upper left corner and its size."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Lines:
    """The text of a box: its name, and smaller lines; those from `notes` on were chosen by the reader's style or a report."""

    title: str
    small: tuple[str, ...]
    notes: int


@dataclass(frozen=True)
class Layout:
    """The places of boxes and clusters, by name and key, and the points of each arrow, in the chart's order."""

    width: float
    height: float
    boxes: Mapping[str, Placed]
    texts: Mapping[str, Lines]
    clusters: Mapping[int, Placed]
    arrows: tuple[tuple[Point, ...], ...]


def lines_of(box: Box, style: Style | None, *, types: bool) -> Lines:
    """What is written in a box."""
    small = [shortened(box.type, LONGEST)] if types and box.type else []
    small += [shortened(f"reads {', '.join(box.listed)}", LONGEST)] if box.listed else []
    notes = [*box.lines, *([style.note] if style is not None and style.note else [])]
    return Lines(shortened(box.name, LONGEST), (*small, *(shortened(note, LONGEST) for note in notes)), len(small))


def lay_out(chart: Chart, look: Look, styles: Mapping[str, Style]) -> Layout:
    """Finds a place for everything.

    Raises:
        InputError: graphlay is not installed.
    """
    types = chart.functions <= TYPED if look.types is None else look.types
    texts = {box.name: lines_of(box, styles.get(box.name), types=types) for box in chart.boxes}
    if not chart.boxes:
        return Layout(0, 0, {}, texts, {}, ())
    asked, places, loops = _question(chart, texts)
    answer = _engine().layout(asked, options=_options(look))
    left, top = answer.bounds["min"]["x"], answer.bounds["min"]["y"]
    rectangles = [_rectangle(node, left, top) for node in answer.nodes]
    arrows = tuple(tuple((p["x"] - left, p["y"] - top) for p in edge["points"]) for edge in answer.edges)
    whole = answer.bounds["max"]
    return Layout(
        whole["x"] - left,
        whole["y"] - top,
        {name: rectangles[number] for name, number in places.items()},
        texts,
        {key: rectangles[number] for key, number in loops.items()},
        arrows,
    )


def size_of(box: Box, lines: Lines) -> tuple[float, float]:
    """The width and height of a box with that text."""
    text = max([width(lines.title, TITLE), *(width(line, SMALL) for line in lines.small)])
    signs = SIGN * (bool(box.closes) + box.expands)
    return round(text + 2 * PADDING + signs), PADDING + TITLE_LINE + SMALL_LINE * len(lines.small)


def _question(chart: Chart, texts: Mapping[str, Lines]) -> tuple[graphlay.Graph, dict[str, int], dict[int, int]]:
    """The graph to be laid out, and the number in it of each box and cluster."""
    graph = _engine().Graph()
    loops: dict[int, int] = {}
    for cluster in chart.clusters:
        around = _inside(cluster.parent, loops)
        loops[cluster.key] = graph.node(("loop", cluster.key), width=_least(cluster), height=1, **around)
    places: dict[str, int] = {}
    for box in chart.boxes:
        wide, high = size_of(box, texts[box.name])
        places[box.name] = graph.node(("box", box.name), width=wide, height=high, **_inside(box.cluster, loops))
    weights = {Way.PLAIN: 1.0, Way.EXPAND: 2.0, Way.COLLECT: 2.0, Way.STREAM: 2.0}
    for arrow in chart.arrows:
        graph.edge(places[arrow.source], places[arrow.target], weight=weights[arrow.way])
    return graph, places, loops


def _least(cluster: Cluster) -> float:
    return BOLD * width(cluster.title, SMALL) + 2 * PADDING


def _inside(key: int | None, loops: Mapping[int, int]) -> dict[str, Any]:
    return {} if key is None else {"parent": loops[key]}


def _options(look: Look) -> dict[str, Any]:
    return {
        "direction": "topbottom" if look.direction == "down" else "leftright",
        "spacing": {
            "layer_gap": 26.0 if look.direction == "down" else 44.0,
            "node_gap": 22.0,
            "dummy_gap": 16.0,
            "port_gap": 12.0,
            "port_stroke_clear": 8.0,
            "stub": 10.0,
            "isolated_gap": 22.0,
            "compound_padding": 14.0,
            "compound_header": HEADER,
        },
    }


def _rectangle(node: Mapping[str, Any], left: float, top: float) -> Placed:
    wide, high = node["size"]["width"], node["size"]["height"]
    return Placed(node["center"]["x"] - wide / 2 - left, node["center"]["y"] - high / 2 - top, wide, high)


def _engine() -> Any:
    try:
        import graphlay
    except ImportError as error:
        raise InputError(
            "pictures are laid out with graphlay: pip install 'anabranch[see]' (Mermaid and DOT text need nothing)"
        ) from error
    return graphlay
