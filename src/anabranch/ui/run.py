"""One run: how it stands and how far it is, where its time went, what failed, what went in and what came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from anabranch.history.store import RUNNING, Store
from anabranch.see.report import charts
from anabranch.see.report.durations import Durations, durations_of
from anabranch.see.report.lanes import Kind, Lane, lanes_of
from anabranch.ui.replayed import record_of
from anabranch.ui.words import facts_of, figure, flow_name, short
from anabranch.words import amount, duration, moment, share

__all__ = ["live_part", "run_page", "value_of"]

SHOWN = 50
"""So many failures are shown one by one."""

FIGURES = ("min", "mean", "max", "spread", "missing")


def run_page(store: Store, run_id: str) -> dict[str, Any]:
    """What the page of a run says.

    Raises:
        InputError: there is no such run.
    """
    run = store.run(run_id)
    values = store.values(run["run_id"])
    return {
        **live_part(store, run_id),
        "name": flow_name(run),
        "outputs": run["outputs"],
        "inputs": [value_of(value) for value in values if value["role"] != "output"],
        "results": [value_of(value) for value in values if value["role"] == "output"],
        "nodes": [node for node in store.nodes(run["run_id"]) if node["used"]],
        "surroundings": run["surroundings"],
        "code": run["code"],
    }


def live_part(store: Store, run_id: str) -> dict[str, Any]:
    """What changes while a run goes on.

    Raises:
        InputError: there is no such run.
    """
    run = store.run(run_id)
    record = record_of(store.lines(run["run_id"]), run["seconds"])
    durations = durations_of(record)
    order = [one.task for one in durations]
    lanes = lanes_of(record)
    failures = store.failures(run["run_id"], SHOWN)
    progress = run["progress"]
    return {
        "run_id": run["run_id"],
        "short": short(run["run_id"]),
        "state": run["state"],
        "is_live": run["state"] == RUNNING,
        "started": moment(run["started"]),
        "ended": moment(run["ended"]),
        "error": run["error"],
        "executor": run["executor"],
        "slots": run["slots"],
        "tiles": _tiles(run, durations),
        "fans": [_fan(fan) for fan in progress["fans"]],
        "legend": [(charts.colour_of(name, order), name) for name in order[: charts.COLOURS]],
        "timeline": charts.timeline(record, lanes, order) if len(record) else "",
        "busy": charts.busy_chart(record, lanes) if len(record) else "",
        "parts": _parts(lanes) if len(record) else [],
        "hidden_lanes": max(len(lanes) - charts.MOST_LANES, 0),
        "durations": [_durations(one, order) for one in durations],
        "failures": failures,
        "more_failures": max(progress["failed"] - len(failures), 0),
        "deaths": [{"after": duration(at), "worker": death.worker, "reason": death.reason} for at, death in record.deaths],
        "left_out": run["left_out"],
    }


def _tiles(run: Mapping[str, Any], durations: Sequence[Durations]) -> list[tuple[str, str]]:
    progress = run["progress"]
    tiles = [
        ("wall time", duration(run["seconds"])),
        ("in functions", duration(sum(one.seconds for one in durations))),
        ("workers", f"{progress['workers']} of {progress['slots']}"),
        ("calls", amount(progress["calls"])),
        ("failures", amount(progress["failed"])),
    ]
    tiles += [("retries", amount(progress["retried"]))] if progress["retried"] else []
    return tiles + ([("workers died", amount(progress["died"]))] if progress["died"] else [])


def _parts(lanes: Sequence[Lane]) -> list[dict[str, str]]:
    """Where the workers' time went."""
    whole = sum(lane.seconds for lane in lanes)
    found = []
    for kind in Kind:
        seconds = sum(lane.parts.get(kind, 0.0) for lane in lanes)
        if seconds > 0:
            name, what = kind.value
            said = {"name": name, "what": what, "time": duration(seconds), "share": share(seconds, whole)}
            found.append({"kind": f"k-{kind.name.lower()}", **said})
    return found


def _fan(fan: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": fan["name"],
        "depth": fan["depth"],
        "done": fan["done"],
        "known": max(fan["known"], 1),
        "said": f"{amount(fan['done'])} of {amount(fan['known'])}{'+' if fan['is_open'] else ''}",
        "failed": fan["failed"],
        "rate": f"{amount(fan['rate'])}/s" if fan["rate"] else "",
        "left": f"{duration(fan['left'])} left" if fan["left"] is not None and fan["left"] >= 1 else "",
    }


def _durations(one: Durations, order: Sequence[str]) -> dict[str, Any]:
    colour = charts.colour_of(one.task, order)
    quantiles = [(duration(one.quantiles.get(q, 0.0)), one.quantiles.get(q, 0.0)) for q in (0.5, 0.99)]
    return {
        "task": one.task,
        "colour": colour,
        "calls": (amount(one.calls), one.calls),
        "count": (amount(one.items), one.items),
        "seconds": (duration(one.seconds), one.seconds),
        "quantiles": quantiles,
        "longest": (duration(one.longest), one.longest),
        "histogram": charts.histogram(one, colour),
    }


def value_of(value: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of a value, ready to be shown."""
    summary = value["summary"]
    columns = summary.get("columns", [])
    rows = summary.get("preview", [])
    return {
        "name": value["name"],
        "role": value["role"],
        "version": (value["version"] or "")[:12],
        "facts": facts_of(summary),
        "text": summary.get("text", ""),
        "elements": ", ".join(f"{amount(count)} × {kind}" for kind, count in summary.get("elements", {}).items()),
        "figures": [(name, figure(number)) for name, number in summary.get("figures", {}).items()],
        "columns": [_column(column) for column in columns],
        "head": [column["name"] for column in columns],
        "rows": rows if columns else [],
        "parts": [] if columns else rows,
        "looked_at": _part(summary),
        "trouble": summary.get("trouble", ""),
    }


def _part(summary: Mapping[str, Any]) -> str:
    """How many rows or elements the figures are of, if that is not all."""
    looked, whole = summary.get("looked_at", 0), prod(summary.get("shape", [0])[: 1 if summary.get("columns") else None])
    return amount(looked) if 0 < looked < whole else ""


def _column(column: Mapping[str, Any]) -> dict[str, Any]:
    figures = [figure(column[name]) if column.get(name) is not None else "" for name in FIGURES]
    return {"name": column["name"], "dtype": column["dtype"], "figures": figures}
