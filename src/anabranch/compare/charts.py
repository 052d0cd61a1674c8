"""A comparison as charts: how long, how much quicker with more workers, where worker time went, how much memory.

All text that comes from outside is escaped here; colours are classes of the page's style sheet.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from anabranch.compare.figures import Comparison, Figures
from anabranch.draw.svg import escaped
from anabranch.words import bytes_of, duration, share

__all__ = ["colour_of", "curves", "memory", "parts", "walls"]

LEFT, WIDE, BAR, GAP = 150.0, 900.0, 18.0, 8.0
PARTS = (("p-work", "work"), ("p-slowed", "slowed"), ("p-outside", "outside of functions"))


def colour_of(comparison: Comparison, one: Figures) -> str:
    """The class of an executor's colour."""
    names = list(dict.fromkeys(each.setting.executor for each in comparison.all))
    return f"t{names.index(one.setting.executor) % 10}"


def walls(comparison: Comparison) -> str:
    """Wall time, with a line from the shortest round to the longest."""
    longest = max(one.spread[1] for one in comparison.measured)
    bars = []
    for row, one in enumerate(comparison.measured):
        low, high = (_x(value, longest) for value in one.spread)
        middle = _y(row) + BAR / 2
        bars += _bar(row, one, _x(one.wall, longest), colour_of(comparison, one), duration(one.wall))
        ends = f"M{low:.1f} {middle - 4:g}v8M{high:.1f} {middle - 4:g}v8"
        bars.append(f'<path class="whisker" d="M{low:.1f} {middle:g}H{high:.1f}{ends}"/>')
    return _rows(comparison.measured, bars, "Wall time, lower is better")


def memory(comparison: Comparison) -> str:
    """Memory at the worst moment; empty where it is not known."""
    known = [one for one in comparison.measured if one.peak]
    if not known:
        return ""
    most = max(one.peak or 0 for one in known)
    bars: list[str] = []
    for row, one in enumerate(known):
        bars += _bar(row, one, _x(one.peak or 0, most), colour_of(comparison, one), bytes_of(one.peak or 0))
    return _rows(known, bars, "Memory at the worst moment")


def parts(comparison: Comparison) -> str:
    """Where worker time went: wall time × workers, all of it."""
    most = max(sum(comparison.parts(one)) for one in comparison.measured)
    bars = []
    for row, one in enumerate(comparison.measured):
        at = LEFT
        whole = sum(comparison.parts(one))
        for (kind, name), seconds in zip(PARTS, comparison.parts(one), strict=True):
            wide = (WIDE - LEFT - 90) * seconds / most if most else 0.0
            said = f"{one.setting.label}: {name} {duration(seconds)} ({share(seconds, whole)})"
            place = f'x="{at:.1f}" y="{_y(row):g}" width="{wide:.1f}" height="{BAR:g}"'
            bars.append(f'<rect class="{kind}" {place}><title>{escaped(said)}</title></rect>')
            at += wide
        bars.append(_text(at + 6, row, duration(whole)))
    return _rows(comparison.measured, bars, "Worker time: work, slowed, outside of functions")


def curves(comparison: Comparison) -> str:
    """Speed-up over workers, one line an executor; empty where nothing has several workers."""
    measured = comparison.measured
    most = max(one.setting.workers for one in measured)
    if most < 2:
        return ""
    high, wide = 240.0, 420.0
    top = max(most / comparison.base.setting.workers, *(comparison.speed_up(one) for one in measured))

    def place(workers: float, gain: float) -> tuple[float, float]:
        return 40 + (wide - 60) * workers / most, high - (high - 20) * gain / top

    x, y = place(most, most / comparison.base.setting.workers)
    body = [f'<path class="ideal" d="M40 {high:g}L{x:.1f} {y:.1f}"/>', f'<path class="tick" d="M40 10V{high:g}H{wide:g}"/>']
    for workers in sorted({one.setting.workers for one in measured}):
        x, _ = place(workers, 0)
        body.append(f'<text class="small" x="{x:.1f}" y="{high + 16:g}" text-anchor="middle">{workers}</text>')
    for step in range(1, int(top) + 1, max(1, int(top) // 6)):
        _, y = place(0, step)
        body.append(f'<text class="small" x="32" y="{y + 4:.1f}" text-anchor="end">{step}×</text>')
    for executor in dict.fromkeys(one.setting.executor for one in measured):
        found = sorted((one for one in measured if one.setting.executor == executor), key=lambda one: one.setting.workers)
        points = [place(one.setting.workers, comparison.speed_up(one)) for one in found]
        start = [] if found[0].setting == comparison.base.setting else [place(comparison.base.setting.workers, 1.0)]
        colour = colour_of(comparison, found[0])
        body.append(f'<polyline class="curve {colour}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in [*start, *points])}"/>')
        for one, (x, y) in zip(found, points, strict=True):
            said = escaped(f"{one.setting.label}: {comparison.speed_up(one):.2g}×")
            body.append(f'<circle class="{colour}" cx="{x:.1f}" cy="{y:.1f}" r="4.5"><title>{said}</title></circle>')
    label = escaped("Speed-up over workers; the broken line is what no overhead would give")
    head = f'viewBox="0 0 {wide + 20:g} {high + 24:g}" class="curves" role="img" aria-label="{label}"'
    return f"<svg {head}>{''.join(body)}</svg>"


def _bar(row: int, one: Figures, end: float, colour: str, text: str) -> list[str]:
    said = escaped(f"{one.setting.label}: {text}")
    place = f'x="{LEFT:g}" y="{_y(row):g}" width="{max(end - LEFT, 1):.1f}" height="{BAR:g}"'
    return [f'<rect class="{colour}" {place}><title>{said}</title></rect>', _text(WIDE - 4, row, text, anchor="end")]


def _text(x: float, row: int, text: str, anchor: str = "start") -> str:
    return f'<text class="small" x="{x:.1f}" y="{_y(row) + 13:g}" text-anchor="{anchor}">{escaped(text)}</text>'


def _rows(found: Sequence[Figures], body: Iterable[str], label: str) -> str:
    names = [_text(LEFT - 8, row, one.setting.label, anchor="end") for row, one in enumerate(found)]
    high = _y(len(found)) + 4
    head = f'viewBox="0 0 {WIDE:g} {high:g}" class="chart" role="img" aria-label="{escaped(label)}"'
    return f"<svg {head}>{''.join([*names, *body])}</svg>"


def _x(value: float, most: float) -> float:
    return LEFT + (WIDE - LEFT - 90) * value / most if most else LEFT


def _y(row: int) -> float:
    return 4 + row * (BAR + GAP)
