"""The dataflow's picture with a run's figures on it.

Theory: a task's time is known, and what runs in a loop is one task; so a loop's figures stand in its title, and only what is
called outside of loops has figures of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from anabranch.draw import Box, Chart, Cluster, chart_of
from anabranch.see.report.durations import Durations
from anabranch.see.report.record import Record
from anabranch.words import amount, duration

__all__ = ["chart_of_run"]


def chart_of_run(record: Record, durations: Mapping[str, Durations]) -> Chart | None:
    """The chart; None if the run did not say what it was a run of."""
    graph, plan = record.started.graph, record.started.plan
    if graph is None or plan is None:
        return None
    chart = chart_of(graph, plan.selection, plan.body)
    failed = record.failures.by_node
    calls = {task.nodes[-1]: task.name for task in record.outline if task.kind == "call" and task.nodes}
    longest = max((one.seconds for name, one in durations.items() if name in calls.values()), default=0.0)
    boxes = []
    for box in chart.boxes:
        known = durations.get(calls.get(box.name, ""))
        lines = _lines(box, record, known, failed[box.name])
        heat = known.seconds / longest if known is not None and longest > 0 else None
        boxes.append(replace(box, lines=lines, heat=1.0 if failed[box.name] else heat))
    clusters = tuple(replace(cluster, note=_note(cluster, record, durations)) for cluster in chart.clusters)
    return replace(chart, boxes=tuple(boxes), clusters=clusters)


def _lines(box: Box, record: Record, known: Durations | None, failed: int) -> tuple[str, ...]:
    lines = []
    if box.expands and box.name in record.widths:
        lines.append(f"{amount(record.widths[box.name])} items")
    if known is not None:
        count = f"{amount(known.calls)} × " if known.calls > 1 else ""
        lines.append(f"{count}{duration(known.seconds / known.calls)}")
    if failed:
        lines.append(f"{amount(failed)} failed")
    return tuple(lines)


def _note(cluster: Cluster, record: Record, durations: Mapping[str, Durations]) -> str:
    known = durations.get(cluster.fan)
    parts = []
    if cluster.fan in record.widths:
        parts.append(f"{amount(record.widths[cluster.fan])} items")
    if known is not None:
        parts.append(duration(known.seconds))
    return ", ".join(parts)
