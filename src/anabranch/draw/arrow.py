"""The line of an arrow: round corners, and a head that tells its way apart from others without colour."""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot

from anabranch.draw.chart import Way
from anabranch.draw.layout import Point

__all__ = ["way_of"]

ROUND = 6.0
"""The radius of corners."""

HEAD = 7.0
"""The length of an arrow's head."""


def way_of(way: Way, points: Sequence[Point]) -> str:
    """The line with the head that its way has."""
    name = f"ab-{way.name.lower()}"
    (x0, y0), (x1, y1) = points[-2], points[-1]
    length = hypot(x1 - x0, y1 - y0) or 1.0
    ahead = ((x1 - x0) / length, (y1 - y0) / length)
    shortened = [*points[:-1], (x1 - ahead[0] * HEAD * 0.8, y1 - ahead[1] * HEAD * 0.8)]
    heads = [_head(points[-1], ahead)]
    if way is Way.EXPAND:
        heads.append(_head((x1 - ahead[0] * HEAD, y1 - ahead[1] * HEAD), ahead))
    if way in (Way.COLLECT, Way.STREAM):
        heads.append(_bar((x1 - ahead[0] * (HEAD + 3), y1 - ahead[1] * (HEAD + 3)), ahead))
    return f'<path class="{name}" d="{_rounded(shortened)}"/><path class="{name}-head" d="{" ".join(heads)}"/>'


def _head(tip: Point, ahead: Point) -> str:
    (x, y), (dx, dy) = tip, ahead
    back, side = HEAD, HEAD * 0.45
    left = (x - dx * back - dy * side, y - dy * back + dx * side)
    right = (x - dx * back + dy * side, y - dy * back - dx * side)
    return f"M{x:.1f} {y:.1f}L{left[0]:.1f} {left[1]:.1f}L{right[0]:.1f} {right[1]:.1f}Z"


def _bar(at: Point, ahead: Point) -> str:
    (x, y), (dx, dy) = at, ahead
    side, thick = HEAD * 0.7, 1.0
    corners = [(-side, -thick), (side, -thick), (side, thick), (-side, thick)]
    placed = [(x + dy * across + dx * along, y - dx * across + dy * along) for across, along in corners]
    return "M" + "L".join(f"{px:.1f} {py:.1f}" for px, py in placed) + "Z"


def _rounded(points: Sequence[Point]) -> str:
    """A way through the points that goes round its corners."""
    path = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        room = min(ROUND, _between(before, corner) / 2, _between(corner, after) / 2)
        start, end = _towards(corner, before, room), _towards(corner, after, room)
        path.append(f"L{start[0]:.1f} {start[1]:.1f}Q{corner[0]:.1f} {corner[1]:.1f} {end[0]:.1f} {end[1]:.1f}")
    return "".join([*path, f"L{points[-1][0]:.1f} {points[-1][1]:.1f}"])


def _between(one: Point, other: Point) -> float:
    return hypot(one[0] - other[0], one[1] - other[1])


def _towards(start: Point, goal: Point, distance: float) -> Point:
    length = _between(start, goal) or 1.0
    return (start[0] + (goal[0] - start[0]) * distance / length, start[1] + (goal[1] - start[1]) * distance / length)
