"""A laid out chart as SVG: one self-contained file that follows the reader's light or dark theme.

Theory: colours are classes, and one style sheet says what they mean, so that the theme can change without a new picture.
There are no ids, markers or references: several pictures can stand in one page. Every text comes from a user and is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape

from anabranch.draw.arrow import way_of
from anabranch.draw.chart import Arrow, Box, BoxKind, Chart, Cluster, Way
from anabranch.draw.layout import HEADER, PADDING, SIGN, SMALL, SMALL_LINE, TITLE, TITLE_LINE, Layout, Lines, Placed, Point
from anabranch.draw.look import LIGHT, Look, Style
from anabranch.draw.measure import width
from anabranch.draw.sheet import style_sheet

__all__ = ["escaped", "svg_of", "tip_of"]

FONTS = "system-ui, 'Segoe UI', 'Helvetica Neue', Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
MARGIN = 16.0
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def escaped(text: str) -> str:
    """The text fit to stand anywhere in XML or HTML; what XML has no place for becomes a question mark."""
    return escape(_NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text))


def tip_of(box: Box) -> str:
    """All there is to say about a box, as lines of plain text."""
    head = f"{box.name}: {box.type}" if box.type else box.name
    what = [box.kind.value] if box.kind is not BoxKind.FUNCTION else []
    what += ["expands"] if box.expands else []
    what += sorted("streams" if way is Way.STREAM else "collects" for way in box.closes)
    lines = [head + (f" ({', '.join(what)})" if what else "")]
    lines += [f"for each {' × '.join(box.axes)}"] if box.axes else []
    lines += [f"reads {', '.join(box.listed)}"] if box.listed else []
    lines += ["", box.doc] if box.doc else []
    lines += ["", *(f"{name}: {_said(value)}" for name, value in box.tags.items())] if box.tags else []
    lines += ["", *box.lines] if box.lines else []
    lines += ["", box.origin] if box.origin else []
    return "\n".join(lines)


def _said(value: object) -> str:
    return value if isinstance(value, str) else repr(value)


def svg_of(chart: Chart, layout: Layout, look: Look, styles: Mapping[str, Style]) -> str:
    """The picture as the text of an SVG file."""
    legend, legend_width, legend_height = _legend(chart, styles, max(layout.width, 480)) if look.legend else ([], 0.0, 0.0)
    wide = max(layout.width, legend_width) + 2 * MARGIN
    high = layout.height + 2 * MARGIN + (legend_height + MARGIN if legend else 0)
    sized = f'viewBox="0 0 {wide:.0f} {high:.0f}" width="{wide:.0f}" height="{high:.0f}"'
    named = f'role="img" aria-label="{escaped(chart.title or "dataflow")}"'
    body = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="ab-picture" {sized} {named} font-family="{FONTS}">',
        f"<style>{style_sheet(look)}</style>",
        f'<rect class="ab-paper" width="{wide:.0f}" height="{high:.0f}"/>',
        f'<g class="ab-flow" transform="translate({MARGIN:g} {MARGIN:g})">',
        *(_cluster(cluster, layout.clusters[cluster.key], _depth(cluster, chart)) for cluster in chart.clusters),
        *(_arrow(arrow, points) for arrow, points in zip(chart.arrows, layout.arrows, strict=True)),
        *(_box(box, layout.boxes[box.name], layout.texts[box.name], styles.get(box.name)) for box in chart.boxes),
        *(_title(cluster, layout.clusters[cluster.key], _depth(cluster, chart)) for cluster in chart.clusters),
        "</g>",
    ]
    if legend:
        down = layout.height + 2 * MARGIN
        body += [f'<g class="ab-legend" transform="translate({MARGIN:g} {down:.1f})">', *legend, "</g>"]
    return "\n".join([*body, "</svg>", ""])


def size_of_svg(svg: str) -> tuple[float, float]:
    """The width and height that an SVG made here says it has."""
    found = re.search(r'viewBox="0 0 (\d+) (\d+)"', svg)
    assert found is not None
    return float(found[1]), float(found[2])


# -- clusters ----------------------------------------------------------------------------------------------------------


def _depth(cluster: Cluster, chart: Chart) -> int:
    parents = {one.key: one.parent for one in chart.clusters}
    depth, key = 0, cluster.parent
    while key is not None:
        depth, key = depth + 1, parents[key]
    return depth % len(LIGHT.clusters)


def _cluster(cluster: Cluster, at: Placed, depth: int) -> str:
    shape = f'x="{at.x:.1f}" y="{at.y:.1f}" width="{at.width:.1f}" height="{at.height:.1f}" rx="8"'
    return f'<rect class="ab-cluster ab-depth{depth}" {shape}><title>{escaped(cluster.title)}</title></rect>'


def _title(cluster: Cluster, at: Placed, depth: int) -> str:
    return _text(f"ab-loop ab-on{depth}", at.x + 10, at.y + HEADER - 8, cluster.title)


def _text(classes: str, x: float, y: float, text: str) -> str:
    return f'<text class="{classes}" x="{x:.1f}" y="{y:.1f}">{escaped(text)}</text>'


# -- arrows -----------------------------------------------------------------------------------------------------------


def _arrow(arrow: Arrow, points: Sequence[Point]) -> str:
    title = f"{arrow.source} → {arrow.target}: {arrow.way.value}"
    title += f", closes {' × '.join(arrow.closes)}" if arrow.closes else ""
    return (
        f'<g class="ab-arrow" data-from="{escaped(arrow.source)}" data-to="{escaped(arrow.target)}">'
        f"<title>{escaped(title)}</title>{way_of(arrow.way, points)}</g>"
    )


# -- boxes -------------------------------------------------------------------------------------------------------------


def _box(box: Box, at: Placed, lines: Lines, style: Style | None) -> str:
    classes = "ab-box" if box.kind is BoxKind.FUNCTION else f"ab-{box.kind.value}"
    radius = 4 if box.kind in (BoxKind.FUNCTION, BoxKind.OVERRIDE) else at.height / 2
    frame = f'x="{at.x:.1f}" y="{at.y:.1f}" width="{at.width:.1f}" height="{at.height:.1f}" rx="{min(radius, 14):g}"'
    parts = [
        f'<g class="ab-node" data-name="{escaped(box.name)}">',
        f"<title>{escaped(tip_of(box))}</title>",
        f'<rect class="{classes}{" ab-output" if box.is_output else ""}" {frame}{_inline(style)}/>',
    ]
    if box.heat is not None:
        parts.append(f'<rect class="ab-heat" {frame} opacity="{0.05 + 0.35 * box.heat:.2f}" pointer-events="none"/>')
    parts += _signs(box, at)
    parts += _lines(box, at, lines, style)
    return "".join([*parts, "</g>"])


def _inline(style: Style | None) -> str:
    if style is None:
        return ""
    rules = [f"fill:{style.fill}"] if style.fill else []
    rules += [f"stroke:{style.border}"] if style.border else []
    return f' style="{escaped(";".join(rules))}"' if rules else ""


def _lines(box: Box, at: Placed, lines: Lines, style: Style | None) -> Iterator[str]:
    middle = at.x + (at.width + SIGN * (bool(box.closes) - box.expands)) / 2
    suited = _suited(style.fill) if style is not None and style.fill else ""
    y = at.y + PADDING / 2 + TITLE
    anchor = 'text-anchor="middle"'
    yield f'<text class="ab-name{suited}" x="{middle:.1f}" y="{y:.1f}" {anchor}>{escaped(lines.title)}</text>'
    y += TITLE_LINE - 2
    for line in lines.small:
        yield f'<text class="ab-small{suited}" x="{middle:.1f}" y="{y:.1f}" {anchor}>{escaped(line)}</text>'
        y += SMALL_LINE


def _suited(fill: str) -> str:
    """The class of text that can be read on that colour; nothing where the colour cannot be told."""
    found = re.fullmatch(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})", fill)
    if found is None:
        return ""
    red, green, blue = (int(part, 16) / 255 for part in found.groups())
    return " ab-dark-text" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.55 else " ab-light-text"


def _signs(box: Box, at: Placed) -> Iterator[str]:
    """A fan that closes on the left of what collects or streams, one that opens on the right of what expands."""
    middle = at.y + at.height / 2
    if box.closes:
        way = Way.STREAM if box.closes == {Way.STREAM} else Way.COLLECT
        yield _fan(at.x + 5, middle, f"ab-{way.name.lower()}", opens=False)
    if box.expands:
        yield _fan(at.x + at.width - 5 - 14, middle, "ab-expand", opens=True)


def _fan(x: float, y: float, classes: str, *, opens: bool) -> str:
    wide, narrow = (x + 12, x + 1) if opens else (x + 2, x + 13)
    rays = "".join(f"M{narrow:.1f} {y:.1f}L{wide:.1f} {y + up:.1f}" for up in (-7, 0, 7))
    dots = "".join(f'<circle class="{classes}-head" cx="{wide:.1f}" cy="{y + up:.1f}" r="1.6"/>' for up in (-7, 0, 7))
    return f'<path class="{classes} ab-sign" d="{rays}"/>{dots}'


# -- the legend --------------------------------------------------------------------------------------------------------

_WAYS: Mapping[Way, str] = {
    Way.PLAIN: "one value",
    Way.EXPAND: "one item each (expand)",
    Way.COLLECT: "all items as a list (collect)",
    Way.STREAM: "all items as they come (stream)",
}


def _legend(chart: Chart, styles: Mapping[str, Style], room: float) -> tuple[list[str], float, float]:
    """The signs that this picture has, in rows; and the legend's width and height."""
    entries: list[tuple[str, str]] = []
    ways = {arrow.way for arrow in chart.arrows}
    entries += [(way_of(way, ((0, 10), (34, 10))), _WAYS[way]) for way in Way if way in ways and len(ways) > 1]
    kinds = {box.kind for box in chart.boxes} - {BoxKind.FUNCTION}
    for kind in BoxKind:
        if kind in kinds:
            radius = 3 if kind is BoxKind.OVERRIDE else 8
            shape = f'<rect class="ab-{kind.value}" x="0" y="2" width="34" height="16" rx="{radius}"/>'
            entries.append((shape, kind.value))
    if any(box.is_output for box in chart.boxes) and not all(box.is_output for box in chart.boxes):
        entries.append(('<rect class="ab-box ab-output" x="1" y="2" width="32" height="16" rx="3"/>', "output"))
    if chart.clusters:
        loop = '<rect class="ab-cluster ab-depth0" x="0" y="2" width="34" height="16" rx="4"/>'
        entries.append((loop, "happens once for each item"))
    seen = {style.legend: style for style in styles.values() if style.legend}
    for text, style in seen.items():
        entries.append((f'<rect class="ab-box" x="0" y="2" width="34" height="16" rx="3"{_inline(style)}/>', text))
    return _rows(entries, room)


def _rows(entries: Sequence[tuple[str, str]], room: float) -> tuple[list[str], float, float]:
    """As many columns as there is room for, at least one and at most four."""
    for columns in range(min(len(entries), 4) or 1, 0, -1):
        across = [40 + 24 + max((width(text, SMALL) for _, text in entries[n::columns]), default=0.0) for n in range(columns)]
        if sum(across) <= room:
            break
    starts = [sum(across[:n]) for n in range(columns)]
    found = []
    for number, (shape, text) in enumerate(entries):
        row, column = divmod(number, columns)
        found.append(f'<g transform="translate({starts[column]:.1f} {row * 22})">{shape}{_text("ab-small", 40, 14, text)}</g>')
    rows = -(-len(entries) // columns)
    return found, sum(across), 22.0 * rows

