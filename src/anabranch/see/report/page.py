"""The page of a run: one file, no network, nothing to install for who reads it.

Theory: everything is worked out before the template sees it; the template escapes whatever is not marked as markup, and only
charts and pictures, which escape for themselves, are. The page's content security policy lets no script run but its own.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import Any

from anabranch.draw import Look, Picture
from anabranch.draw.page import policy, rendered, resource
from anabranch.events import Event, RunFinished, RunStarted, WorkerDied
from anabranch.see.files import RunFile
from anabranch.see.report import charts
from anabranch.see.report.durations import Durations, durations_of, slowest
from anabranch.see.report.lanes import Kind, Lane, lanes_of
from anabranch.see.report.loads import Load
from anabranch.see.report.path import Step, critical_path, stretches
from anabranch.see.report.picture import chart_of_run
from anabranch.see.report.record import CallRow, Record
from anabranch.see.report.surroundings import surroundings
from anabranch.see.runs import EachRun
from anabranch.words import amount, bytes_of, duration, share

__all__ = ["RunReport", "page_of_run"]

PACKAGE = "anabranch.see.report"
MOST_LANES = 60
MOST_STRETCHES = 40


class RunReport(EachRun):
    """An observer that writes a page about each run when it is over, failed runs included.

    Args:
        path: the page's file; ``{run_id}`` in it gives each run a file of its own.

    Raises:
        InputError: the file cannot be there, or a library that the page is made with is not installed.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        file = RunFile(path, "the report")
        _check_libraries()
        super().__init__(lambda started: _Reporter(started, file))


def _check_libraries() -> None:
    from importlib.util import find_spec

    from anabranch.errors import InputError

    missing = [name for name in ("jinja2", "graphlay") if find_spec(name) is None]
    if missing:
        raise InputError(f"reports are made with {' and '.join(missing)}: pip install 'anabranch[see]'")


class _Reporter:
    """Records one run, and writes its page at the end."""

    def __init__(self, started: RunStarted, file: RunFile) -> None:
        self.file = file
        self.record = Record(started)

    def __call__(self, event: Event) -> None:
        self.record(event)
        if type(event) is RunFinished:
            page = page_of_run(self.record)
            with self.file.open(self.record.started.run_id) as out:
                out.write(page)


def page_of_run(record: Record) -> str:
    """The page.

    Raises:
        InputError: jinja2 is not installed.
    """
    lanes, durations, path = lanes_of(record), durations_of(record), critical_path(record)
    order = [one.task for one in durations]
    script = resource("report.js", PACKAGE)
    return rendered(
        "report.html",
        PACKAGE,
        title=f"Run of {', '.join(record.started.outputs)}",
        policy=policy(script),
        sheet=resource("report.css", PACKAGE),
        script=script,
        about=_about(record, lanes, durations),
        parts=_parts(lanes),
        lanes=_lanes(record, lanes),
        loads=_loads(record, order),
        more_lanes=max(len(lanes) - MOST_LANES, 0),
        legend=[(charts.colour_of(name, order), name) for name in order[: charts.COLOURS]],
        others=len(order) > charts.COLOURS,
        busy=charts.busy_chart(record, lanes),
        timeline=charts.timeline(record, lanes, order),
        hidden_lanes=max(len(lanes) - charts.MOST_LANES, 0),
        path_chart=charts.path_chart(record, path, order),
        **_path(record, path, order),
        durations=[_durations(one, order) for one in durations],
        slowest=[_slow(row) for row in slowest(record)],
        failures=record.failures.groups,
        deaths=[_death(at, death) for at, death in record.deaths],
        more_deaths=record.died - len(record.deaths),
        picture=_picture(record, durations),
        surroundings=surroundings(),
    )


def _about(record: Record, lanes: Sequence[Lane], durations: Sequence[Durations]) -> dict[str, Any]:
    busy, whole = sum(lane.busy for lane in lanes), sum(lane.seconds for lane in lanes)
    widths = ", ".join(f"{amount(width)} {name}" for name, width in record.widths.items())
    tiles = [
        ("wall time", duration(record.seconds)),
        ("in functions", duration(sum(one.seconds for one in durations))),
        ("workers busy", share(busy, whole)),
        ("workers", str(len(lanes))),
        ("calls", amount(len(record))),
        ("failures", amount(record.failures.count)),
    ]
    tiles += [("found in the cache", amount(record.cached))] if record.cached else []
    tiles += [("memory of a worker", bytes_of(record.loads.peak))] if record.loads.peak else []
    tiles += [("memory of the driver", bytes_of(record.loads.driver))] if record.loads.driver else []
    tiles += [("retries", amount(record.retries))] if record.retries else []
    tiles += [("workers died", amount(record.died))] if record.died else []
    return {
        "state": "failed" if record.failed else "done",
        "when": record.time.strftime("%Y-%m-%d %H:%M:%S UTC"),
        "run_id": record.started.run_id,
        "executor": record.started.executor,
        "slots": record.slots,
        "widths": widths,
        "tiles": tiles,
    }


def _parts(lanes: Sequence[Lane]) -> list[dict[str, str]]:
    """Where the time of all workers went, kind by kind; those of which there was nothing, not."""
    whole = sum(lane.seconds for lane in lanes)
    found = []
    for kind in Kind:
        seconds = sum(lane.parts.get(kind, 0.0) for lane in lanes)
        if seconds <= 0:
            continue
        name, what = kind.value
        width = f"{100 * seconds / whole if whole else 0:.2f}"
        about = {"kind": _class(kind), "name": name, "what": what, "width": width}
        found.append({**about, "time": duration(seconds), "share": share(seconds, whole)})
    return found


def _lanes(record: Record, lanes: Sequence[Lane]) -> list[dict[str, Any]]:
    """The workers' table; only kinds that some worker has are columns."""
    kinds = [kind for kind in Kind if any(lane.parts.get(kind, 0.0) > 0 for lane in lanes)]
    found = []
    for lane in lanes[:MOST_LANES]:
        parts = [(kind, lane.parts.get(kind, 0.0)) for kind in kinds]
        load = record.loads.workers.get(record.workers[record.lanes[lane.calls[-1]]] if lane.calls else "", Load())
        found.append(
            {
                "worker": lane.worker,
                "calls": len(lane.calls),
                "widths": [(_class(kind), f"{100 * part / lane.seconds if lane.seconds else 0:.2f}") for kind, part in parts],
                "times": [(duration(part), part) for _, part in parts],
                "bytes": [_bytes(load.given), _bytes(load.brought), _bytes(load.held), _bytes(load.peak)],
            }
        )
    return found


def _class(kind: Kind) -> str:
    """The class of a kind's colour."""
    return f"k-{kind.name.lower()}"


def _bytes(number: int) -> tuple[str, int]:
    return (bytes_of(number) if number else "–"), number


def _loads(record: Record, order: Sequence[str]) -> list[dict[str, Any]]:
    """What each task's calls weighed; nothing where no call has travelled."""
    found = [(name, record.loads.tasks[name]) for name in order if name in record.loads.tasks]
    return [
        {
            "task": name,
            "colour": charts.colour_of(name, order),
            "bytes": [_bytes(load.given), _bytes(load.brought), _bytes(load.held), _bytes(load.peak)],
            "cached": (amount(load.cached) if load.cached else "–", load.cached),
        }
        for name, load in found
        if load.given or load.brought or load.held or load.cached
    ]


def _path(record: Record, path: Sequence[Step], order: Sequence[str]) -> dict[str, Any]:
    """The critical path's table: the longest stretches, in order, and what is left over."""
    found = stretches(record, list(path))
    kept = sorted(sorted(found, key=lambda one: -(one.seconds + one.gaps))[:MOST_STRETCHES], key=lambda one: one.begin)
    words = {"value": "for its values", "worker": "for a worker", "start": "for the run's start"}
    rows = [
        {
            "task": one.task,
            "colour": charts.colour_of(one.task, order),
            "calls": amount(one.calls),
            "begin": (duration(one.begin), one.begin),
            "seconds": (duration(one.seconds), one.seconds),
            "gaps": (duration(one.gaps), one.gaps),
            "why": words[one.why],
        }
        for one in kept
    ]
    inside, gaps = sum(one.seconds for one in found), sum(one.gaps for one in found)
    tail = max(record.seconds - inside - gaps, 0.0)
    return {
        "path": rows,
        "path_inside": f"{duration(inside)} ({share(inside, record.seconds)})",
        "path_gaps": f"{duration(gaps)} ({share(gaps, record.seconds)})",
        "path_tail": f"{duration(tail)} ({share(tail, record.seconds)})",
        "path_left": len(found) - len(kept),
    }


def _durations(one: Durations, order: Sequence[str]) -> dict[str, Any]:
    colour = charts.colour_of(one.task, order)
    return {
        "task": one.task,
        "colour": colour,
        "calls": (amount(one.calls), one.calls),
        "count": (amount(one.items), one.items),
        "seconds": (duration(one.seconds), one.seconds),
        "quantiles": [(duration(one.quantiles.get(q, 0.0)), one.quantiles.get(q, 0.0)) for q in (0.5, 0.9, 0.99)],
        "longest": (duration(one.longest), one.longest),
        "histogram": charts.histogram(one, colour),
    }


def _slow(row: CallRow) -> dict[str, Any]:
    where = " × ".join(map(str, row.where))
    items = "" if not row.hi else str(row.lo) if row.hi == row.lo + 1 else f"{row.lo} to {row.hi - 1}"
    return {
        "task": row.task,
        "which": f"{items} of {where}" if items and where else items or where,
        "each": (duration(row.seconds / row.items), row.seconds / row.items),
        "seconds": (duration(row.seconds), row.seconds),
        "begin": (duration(row.begin), row.begin),
        "waited": (duration(row.begin - row.handed), row.begin - row.handed),
        "worker": row.worker,
    }


def _death(at: float, death: WorkerDied) -> dict[str, str]:
    where = " × ".join(map(str, death.where))
    items = "" if not death.hi else f"{death.lo} to {death.hi - 1}" if death.hi > death.lo + 1 else str(death.lo)
    which = f"{items} of {where}" if items and where else items or where
    return {"at": duration(at), "worker": death.worker, "task": death.task, "which": which, "reason": death.reason}


def _picture(record: Record, durations: Sequence[Durations]) -> str:
    """The dataflow; without it the page is worth having still."""
    try:
        chart = chart_of_run(record, {one.task: one for one in durations})
        return Picture(chart, Look()).svg if chart is not None else ""
    except Exception:
        logging.getLogger("anabranch").exception("the dataflow of a report could not be drawn")
        return ""
