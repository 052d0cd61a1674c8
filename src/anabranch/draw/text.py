"""A chart as text for other programs: Mermaid, and DOT for Graphviz. No layout, no library.

Theory: both languages have names and labels; names are made here (``n0``, ``c0``), so that no user's text can be
anything but a label, and labels are escaped by each language's own rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from anabranch.draw.chart import Box, BoxKind, Chart, Cluster, Way
from anabranch.draw.look import LIGHT, Look, Style

__all__ = ["dot_of", "mermaid_of"]

_COLOURS: Final[Mapping[Way, str]] = {
    Way.PLAIN: LIGHT.line,
    Way.EXPAND: LIGHT.expand,
    Way.COLLECT: LIGHT.collect,
    Way.STREAM: LIGHT.stream,
}
_MERMAID: Final[Mapping[Way, str]] = {
    Way.PLAIN: "-->",
    Way.EXPAND: "==>|each|",
    Way.COLLECT: "==>|collect|",
    Way.STREAM: "-.->|stream|",
}
_HEADS: Final[Mapping[Way, str]] = {
    Way.PLAIN: "normal",
    Way.EXPAND: "normalnormal",
    Way.COLLECT: "normaltee",
    Way.STREAM: "normaltee",
}
_FILLS: Final[Mapping[BoxKind, str]] = {
    BoxKind.FUNCTION: LIGHT.box,
    BoxKind.INPUT: LIGHT.given,
    BoxKind.CONFIG: LIGHT.config,
    BoxKind.OVERRIDE: LIGHT.override,
}


def mermaid_of(chart: Chart, look: Look, styles: Mapping[str, Style]) -> str:
    """The chart as a Mermaid flowchart."""
    names = {box.name: f"n{number}" for number, box in enumerate(chart.boxes)}
    lines = [f"flowchart {'TD' if look.direction == 'down' else 'LR'}"]
    for depth, what in _nested(chart):
        indent = "    " * (depth + 1)
        if isinstance(what, Box):
            lines.append(indent + names[what.name] + _mermaid_shape(what, _label(what, look, styles.get(what.name))))
        elif isinstance(what, Cluster):
            lines.append(f'{indent}subgraph c{what.key}["{_mermaid_text(what.title)}"]')
        else:
            lines.append(f"{indent}end")
    for arrow in chart.arrows:
        lines.append(f"    {names[arrow.source]} {_MERMAID[arrow.way]} {names[arrow.target]}")
    for number, arrow in enumerate(chart.arrows):
        if arrow.way is not Way.PLAIN:
            lines.append(f"    linkStyle {number} stroke:{_COLOURS[arrow.way]}")
    for box in chart.boxes:
        rules = _mermaid_rules(box, styles.get(box.name))
        if rules:
            lines.append(f"    style {names[box.name]} {','.join(rules)}")
    return "\n".join([*lines, ""])


def _nested(chart: Chart, key: int | None = None, depth: int = 0) -> Iterator[tuple[int, Box | Cluster | None]]:
    """Boxes and clusters as brackets: a cluster, what is in it one deeper, and None where it ends."""
    for box in chart.boxes:
        if box.cluster == key:
            yield depth, box
    for cluster in chart.clusters:
        if cluster.parent == key:
            yield depth, cluster
            yield from _nested(chart, cluster.key, depth + 1)
            yield depth, None


def _label(box: Box, look: Look, style: Style | None) -> list[str]:
    lines = [box.name]
    lines += [box.type] if look.types is not False and box.type else []
    lines += [f"reads {', '.join(box.listed)}"] if box.listed else []
    return [*lines, *box.lines, *([style.note] if style is not None and style.note else [])]


def _mermaid_shape(box: Box, label: list[str]) -> str:
    text = '"' + "<br/>".join(map(_mermaid_text, label)) + '"'
    if box.kind in (BoxKind.INPUT, BoxKind.CONFIG):
        return f"([{text}])"
    return f"[/{text}\\]" if box.expands else f"[\\{text}/]" if box.closes else f"[{text}]"


def _mermaid_text(text: str) -> str:
    """Everything but letters, digits and what is harmless as a numbered entity."""
    line = " ".join(text.split())
    return "".join(letter if letter.isalnum() or letter in " _.,:()" else f"#{ord(letter)};" for letter in line)


def _mermaid_rules(box: Box, style: Style | None) -> list[str]:
    rules = []
    fill = style.fill if style is not None else None
    if fill or box.kind is not BoxKind.FUNCTION:
        rules.append(f"fill:{_plain(fill or _FILLS[box.kind])},color:{LIGHT.text}")
    if style is not None and style.border:
        rules.append(f"stroke:{_plain(style.border)}")
    if box.is_output:
        rules.append("stroke-width:3px")
    return rules


def _plain(colour: str) -> str:
    """A colour as far as it is letters, digits and a hash."""
    return "".join(letter for letter in colour if letter.isalnum() or letter == "#")


def dot_of(chart: Chart, look: Look, styles: Mapping[str, Style]) -> str:
    """The chart as a DOT digraph."""
    names = {box.name: f"n{number}" for number, box in enumerate(chart.boxes)}
    lines = [
        "digraph dataflow {",
        f"    rankdir={'TB' if look.direction == 'down' else 'LR'};",
        '    node [shape=box, style="filled,rounded", fontname="Helvetica", fontsize=11];',
        '    edge [fontname="Helvetica", fontsize=9];',
    ]
    for depth, what in _nested(chart):
        indent = "    " * (depth + 1)
        if isinstance(what, Box):
            lines.append(f"{indent}{names[what.name]} [{_dot_box(what, look, styles.get(what.name))}];")
        elif isinstance(what, Cluster):
            lines.append(f"{indent}subgraph cluster_{what.key} {{")
            lines.append(f'{indent}    label={_dot_text(what.title)}; style=filled; fillcolor="{LIGHT.clusters[0]}";')
        else:
            lines.append(f"{indent}}}")
    for arrow in chart.arrows:
        dashed = ", style=dashed" if arrow.way is Way.STREAM else ""
        drawn = f'color="{_COLOURS[arrow.way]}", arrowhead={_HEADS[arrow.way]}{dashed}'
        lines.append(f"    {names[arrow.source]} -> {names[arrow.target]} [{drawn}];")
    return "\n".join([*lines, "}", ""])


def _dot_box(box: Box, look: Look, style: Style | None) -> str:
    attributes = {
        "label": _dot_text(*_label(box, look, style)),
        "fillcolor": _dot_text(style.fill if style is not None and style.fill else _FILLS[box.kind]),
        "tooltip": _dot_text(*(box.doc or box.name).splitlines()),
    }
    if style is not None and style.border:
        attributes["color"] = _dot_text(style.border)
    if box.expands or box.closes:
        attributes["shape"] = "trapezium" if box.expands else "invtrapezium"
    if box.kind is not BoxKind.FUNCTION:
        attributes["style"] = '"filled,rounded,dashed"'
    if box.is_output:
        attributes["penwidth"] = "3"
    return ", ".join(f"{name}={value}" for name, value in attributes.items())


def _dot_text(*lines: str) -> str:
    """A quoted string; a backslash would begin one of DOT's escapes, so it is doubled."""
    return '"' + "\\n".join(line.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") for line in lines) + '"'
