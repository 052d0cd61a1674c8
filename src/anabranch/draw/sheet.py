"""What the classes of a picture mean, in light and dark: its style sheet.

Class names begin with ``ab-``, because a style sheet inside an SVG holds for the whole page that it is put into.
"""

from __future__ import annotations

from anabranch.draw.layout import SMALL, TITLE
from anabranch.draw.look import DARK, LIGHT, Look, Palette

__all__ = ["style_sheet"]


def style_sheet(look: Look) -> str:
    """What the classes mean; in the theme ``auto`` the reader's system chooses between light and dark."""
    if look.theme == "dark":
        return _rules(DARK)
    if look.theme == "light":
        return _rules(LIGHT)
    return f"{_rules(LIGHT)}@media (prefers-color-scheme:dark){{{_rules(DARK)}}}"


def _rules(p: Palette) -> str:
    """The rules of one theme. They are plain enough for renderers that know no variables."""
    rules = {
        ".ab-paper": f"fill:{p.paper}",
        ".ab-box": f"fill:{p.box};stroke:{p.line};stroke-width:1.2",
        ".ab-input": f"fill:{p.given};stroke:{p.line};stroke-width:1.2;stroke-dasharray:4 3",
        ".ab-config": f"fill:{p.config};stroke:{p.line};stroke-width:1.2;stroke-dasharray:4 3",
        ".ab-override": f"fill:{p.override};stroke:{p.line};stroke-width:1.2;stroke-dasharray:4 3",
        ".ab-output": f"stroke:{p.output};stroke-width:2.6",
        ".ab-name": f"fill:{p.text};font-size:{TITLE:g}px",
        ".ab-small": f"fill:{p.faint};font-size:{SMALL:g}px",
        ".ab-loop": f"fill:{p.faint};font-size:{SMALL:g}px;font-weight:600;stroke-width:5px;paint-order:stroke",
        ".ab-cluster": f"stroke:{p.cluster_line};stroke-width:1",
        **{f".ab-depth{n}": f"fill:{colour}" for n, colour in enumerate(p.clusters)},
        **{f".ab-on{n}": f"stroke:{colour}" for n, colour in enumerate(p.clusters)},
        ".ab-plain": f"stroke:{p.line};fill:none;stroke-width:1.2",
        ".ab-plain-head": f"fill:{p.line};stroke:{p.line}",
        ".ab-expand": f"stroke:{p.expand};fill:none;stroke-width:1.8",
        ".ab-expand-head": f"fill:{p.expand};stroke:{p.expand}",
        ".ab-collect": f"stroke:{p.collect};fill:none;stroke-width:1.8",
        ".ab-collect-head": f"fill:{p.collect};stroke:{p.collect}",
        ".ab-stream": f"stroke:{p.stream};fill:none;stroke-width:1.8;stroke-dasharray:7 3",
        ".ab-stream-head": f"fill:{p.stream};stroke:{p.stream}",
        ".ab-sign": "fill:none;stroke-width:1.6;stroke-linecap:round",
        ".ab-dark-text": "fill:#14181d",
        ".ab-light-text": "fill:#ffffff",
        ".ab-heat": f"fill:{p.heat}",
    }
    return "".join(f"{selector}{{{rule}}}" for selector, rule in rules.items())
