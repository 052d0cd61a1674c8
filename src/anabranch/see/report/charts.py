"""A run's figures as SVG. Colours are classes, so that the page's theme decides; every name is escaped.

Theory: a chart has as many marks as it has pixels to show them, whatever the run's length: a lane of many calls is cut into
columns, each in the colour of what was there longest and as strong as the worker was busy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from anabranch.draw.svg import escaped
from anabranch.see.report.durations import Durations, bin_start
from anabranch.see.report.lanes import Lane
from anabranch.see.report.path import Step
from anabranch.see.report.record import Record
from anabranch.words import amount, duration

__all__ = ["COLOURS", "busy_chart", "colour_of", "histogram", "path_chart", "timeline"]

COLOURS = 10
"""How many tasks have a colour of their own; the others share one."""

WIDE, LEFT = 1000.0, 130.0
LANE, GAP = 16.0, 4.0
COLUMNS = 435
"""The columns of a lane that has more calls than that."""

MOST_LANES = 40


def colour_of(task: str, order: Sequence[str]) -> str:
    """The class of a task's colour, by its place among the tasks that took longest."""
    place = order.index(task) if task in order else COLOURS
    return f"t{min(place, COLOURS)}"


def timeline(record: Record, lanes: Sequence[Lane], order: Sequence[str]) -> str:
    """A track for each worker."""
    shown = lanes[:MOST_LANES]
    high = len(shown) * (LANE + GAP) + 22
    tracks = []
    for number, lane in enumerate(shown):
        y = number * (LANE + GAP)
        busy = f"in functions for {duration(lane.busy)} of {duration(lane.seconds)}"
        said = escaped(f"{lane.worker}: {amount(len(lane.calls))} calls, {busy}")
        marks = _marks(record, lane, order, y)
        rail = f'<rect class="rail" x="{LEFT:g}" y="{y:g}" width="{WIDE - LEFT:g}" height="{LANE:g}"/>'
        name = f'<text class="small" x="{LEFT - 8:g}" y="{y + 12:g}" text-anchor="end">{escaped(_short(lane.worker))}</text>'
        tracks.append(f'<g tabindex="0" role="img" aria-label="{said}"><title>{said}</title>{rail}{name}{marks}</g>')
    return _svg(high, [*tracks, *_axis(record.seconds, high - 22)], "What each worker did, over time")


def _marks(record: Record, lane: Lane, order: Sequence[str], y: float) -> str:
    if not lane.calls:
        return ""
    if len(lane.calls) <= COLUMNS:
        return "".join(_call_mark(record, number, order, y) for number in lane.calls)
    return "".join(_column_marks(record, lane, order, y))


def _call_mark(record: Record, number: int, order: Sequence[str], y: float) -> str:
    row = record.row(number)
    where = " ".join(map(str, row.where))
    items = f", items {row.lo} to {row.hi - 1}" if row.hi > row.lo + 1 else f", item {row.lo}" if row.hi else ""
    said = f"{row.task}{items}{f' of {where}' if where else ''}: {duration(row.seconds)}, from {duration(row.begin)} on"
    wide = max(_x(row.end, record.seconds) - _x(row.begin, record.seconds), 0.6)
    place = f'x="{_x(row.begin, record.seconds):.1f}" y="{y:g}" width="{wide:.1f}" height="{LANE:g}"'
    return f'<rect class="{colour_of(row.task, order)}" {place}><title>{escaped(said)}</title></rect>'


def _column_marks(record: Record, lane: Lane, order: Sequence[str], y: float) -> Iterable[str]:
    """Runs of columns that look the same, one mark each."""
    whole = record.seconds / COLUMNS
    shares: list[dict[int, float]] = [{} for _ in range(COLUMNS)]
    for number in lane.calls:
        begin, task = record.begins[number], record.tasks[number]
        end = min(begin + record.lengths[number], record.seconds)
        first, last = min(int(begin / whole), COLUMNS - 1), min(int(end / whole), COLUMNS - 1)
        for column in range(first, last + 1):
            part = min(end, (column + 1) * whole) - max(begin, column * whole)
            shares[column][task] = shares[column].get(task, 0.0) + max(part, 0.0)
    looks = [_look(share, whole) for share in shares]
    step = (WIDE - LEFT) / COLUMNS
    at = 0
    for look, run in groupby(looks):
        length = len(list(run))
        if look is not None:
            task, strength = look
            place = f'x="{LEFT + at * step:.1f}" y="{y:g}" width="{length * step:.1f}" height="{LANE:g}"'
            yield f'<rect class="{colour_of(record.names[task], order)}" opacity="{strength / 4:g}" {place}/>'
        at += length


def _look(share: dict[int, float], whole: float) -> tuple[int, int] | None:
    """What was there longest, and how busy the worker was, in quarters."""
    busy = sum(share.values())
    if busy <= 0:
        return None
    return max(share, key=share.__getitem__), max(1, min(4, round(4 * busy / whole)))


def busy_chart(record: Record, lanes: Sequence[Lane]) -> str:
    """How many workers were in a function, over time."""
    columns = 240
    whole = record.seconds / columns if record.seconds else 1.0
    sums = [0.0] * columns
    for lane in lanes:
        for number in lane.calls:
            begin = record.begins[number]
            end = min(begin + record.lengths[number], record.seconds)
            for column in range(min(int(begin / whole), columns - 1), min(int(end / whole), columns - 1) + 1):
                sums[column] += max(min(end, (column + 1) * whole) - max(begin, column * whole), 0.0)
    high, step, most = 60.0, (WIDE - LEFT) / columns, max(len(lanes), 1)
    points = [f"{LEFT:g},{high:g}"]
    for column, busy in enumerate(sums):
        level = high - high * min(busy / whole / most, 1.0)
        points += [f"{LEFT + column * step:.1f},{level:.1f}", f"{LEFT + (column + 1) * step:.1f},{level:.1f}"]
    points.append(f"{WIDE:g},{high:g}")
    body = [
        f'<rect class="rail" x="{LEFT:g}" y="0" width="{WIDE - LEFT:g}" height="{high:g}"/>',
        f'<polygon class="area" points="{" ".join(points)}"/>',
        f'<text class="small" x="{LEFT - 8:g}" y="12" text-anchor="end">{most} busy</text>',
        f'<text class="small" x="{LEFT - 8:g}" y="{high:g}" text-anchor="end">0</text>',
        *_axis(record.seconds, high),
    ]
    return _svg(high + 22, body, "How many workers were busy, over time")


def path_chart(record: Record, path: Sequence[Step], order: Sequence[str]) -> str:
    """The critical path on one track."""
    lane = Lane("critical path", [step.call for step in path])
    rail = f'<rect class="rail" x="{LEFT:g}" y="0" width="{WIDE - LEFT:g}" height="{LANE:g}"/>'
    name = f'<text class="small" x="{LEFT - 8:g}" y="12" text-anchor="end">critical path</text>'
    marks = _marks(record, lane, order, 0.0)
    return _svg(LANE + 22, [rail, name, marks, *_axis(record.seconds, LANE)], "The critical path, over time")


def histogram(one: Durations, colour: str) -> str:
    """How many items took how long, by thirds of a power of ten."""
    if not one.bins:
        return ""
    low, high = min(one.bins), max(one.bins)
    count = high - low + 1
    step = min(300.0 / count, 30.0)
    most = max(one.bins.values())
    bars = []
    for number in range(low, high + 1):
        items = one.bins.get(number, 0)
        tall = max(56.0 * items / most, 1.5) if items else 0.0
        said = f"{amount(items)} items took {duration(bin_start(number))} to {duration(bin_start(number + 1))}"
        place = f'x="{(number - low) * step + 1:.1f}" y="{60 - tall:.1f}" width="{step - 2:.1f}" height="{tall:.1f}"'
        bars.append(f'<rect class="{colour}" {place}><title>{escaped(said)}</title></rect>')
    ends = (
        f'<text class="small" x="0" y="76">{escaped(duration(bin_start(low)))}</text>'
        f'<text class="small" x="300" y="76" text-anchor="end">{escaped(duration(bin_start(high + 1)))}</text>'
    )
    if step * count < 200:
        both = escaped(f"{duration(bin_start(low))} to {duration(bin_start(high + 1))}")
        ends = f'<text class="small" x="0" y="76">{both}</text>'
    label = f'role="img" aria-label="{escaped(f"How long items of {one.task} took")}"'
    return f'<svg viewBox="0 0 300 80" class="histogram" {label}>{"".join(bars)}{ends}</svg>'


def _axis(seconds: float, y: float) -> list[str]:
    """The time below a chart."""
    found = []
    for tick in _ticks(seconds):
        x = _x(tick, seconds)
        anchor = "end" if x > WIDE - 30 else "middle" if x > LEFT + 20 else "start"
        found.append(f'<path class="tick" d="M{x:.1f} 0V{y + 4:g}"/>')
        label = duration(tick) if tick else "0"
        found.append(f'<text class="small" x="{x:.1f}" y="{y + 17:g}" text-anchor="{anchor}">{escaped(label)}</text>')
    return found


def _ticks(seconds: float) -> list[float]:
    """Round times, five to ten of them."""
    if seconds <= 0:
        return [0.0]
    unit = 10.0 ** len(str(int(seconds))) if seconds >= 1 else 1.0
    steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400]
    if seconds < 5:
        while seconds / unit < 5:
            unit /= 10
        step = next(unit * factor for factor in (1, 2, 5, 10) if seconds / (unit * factor) <= 10)
    else:
        step = next((step for step in steps if seconds / step <= 10), seconds / 8)
    return [number * step for number in range(int(seconds / step + 1e-9) + 1)]


def _x(time: float, seconds: float) -> float:
    return LEFT + (WIDE - LEFT) * min(max(time, 0.0) / seconds, 1.0) if seconds else LEFT


def _short(name: str) -> str:
    return name if len(name) <= 18 else f"{name[:8]}…{name[-9:]}"


def _svg(high: float, body: Iterable[str], label: str) -> str:
    head = f'viewBox="0 0 {WIDE:g} {high:g}" class="chart" role="group" aria-label="{escaped(label)}"'
    return f"<svg {head}>{''.join(body)}</svg>"
