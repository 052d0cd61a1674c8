"""Two runs beside each other: versions of code, inputs, durations, results; what differs stands out."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import unified_diff
from typing import Any

from anabranch.history.store import Store
from anabranch.see.report.durations import durations_of
from anabranch.ui.replayed import record_of
from anabranch.ui.run import value_of
from anabranch.ui.words import flow_name, short
from anabranch.versions import CodeVersion, changes
from anabranch.words import duration, moment

__all__ = ["compared_page", "difference"]


def compared_page(store: Store, first: str, second: str) -> dict[str, Any]:
    """What the page says.

    Raises:
        InputError: one of the runs is not there.
    """
    runs = [store.run(first), store.run(second)]
    ids = [run["run_id"] for run in runs]
    values = [{(one["role"], one["name"]): one for one in store.values(run_id)} for run_id in ids]
    return {
        "runs": [_head(run) for run in runs],
        "facts": _facts(runs),
        "code": _code(store, ids),
        "inputs": _values(values, inputs=True),
        "results": _values(values, inputs=False),
        "durations": _durations(store, runs),
    }


def difference(before: str, after: str) -> list[tuple[str, str]]:
    """Two texts as lines of a difference, each with what it is: ``same``, ``new``, ``gone`` or ``place``."""
    kinds = {"+": "new", "-": "gone", "@": "place", " ": "same"}
    lines = unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=3)
    return [(kinds.get(line[:1], "same"), line) for line in lines if not line.startswith(("---", "+++"))]


def _head(run: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "run_id": run["run_id"],
        "short": short(run["run_id"]),
        "name": flow_name(run),
        "state": run["state"],
        "started": moment(run["started"]),
    }


def _facts(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows: list[tuple[str, list[str]]] = [
        ("wall time", [duration(run["seconds"]) for run in runs]),
        ("outputs", [", ".join(run["outputs"]) for run in runs]),
        ("executor", [f"{run['executor']} × {run['slots']}" for run in runs]),
        ("failures", [str(run["progress"]["failed"]) for run in runs]),
        ("calls", [str(run["progress"]["calls"]) for run in runs]),
    ]
    names = dict.fromkeys(name for run in runs for name in run["surroundings"])
    rows += [(name, [run["surroundings"].get(name, "–") for run in runs]) for name in names]
    return [{"name": name, "cells": cells, "differs": cells[0] != cells[1]} for name, cells in rows]


def _code(store: Store, ids: list[str]) -> list[dict[str, Any]]:
    """The functions whose code differs, and those that only one of the runs had."""
    before, after = ({node["name"]: node["code"] for node in store.nodes(run_id) if node["used"]} for run_id in ids)
    differing = [name for name in {**before, **after} if before.get(name, "") != after.get(name, "")]
    codes = store.codes([code for name in differing for code in (before.get(name), after.get(name)) if code])
    found = []
    for name in differing:
        old, new = (codes.get(one.get(name, ""), {"source": "", "parts": ""}) for one in (before, after))
        said = "only in the first" if name not in after else "only in the second" if name not in before else ""
        said = said or "; ".join(_changes(old["parts"], new["parts"]))
        found.append({"name": name, "said": said, "lines": difference(old["source"], new["source"])})
    return found


def _changes(before: str, after: str) -> list[str]:
    try:
        return changes(CodeVersion.of_text(before), CodeVersion.of_text(after))
    except ValueError:
        return ["its version differs"]


def _values(values: list[dict[tuple[str, str], dict[str, Any]]], *, inputs: bool) -> list[dict[str, Any]]:
    keys = [key for key in {**values[0], **values[1]} if (key[0] != "output") == inputs]
    found = []
    for role, name in keys:
        both = [one.get((role, name)) for one in values]
        cells = [_cell(one) for one in both]
        known = [one["version"] for one in both if one is not None]
        differs = known[0] != known[1] if len(known) == 2 and all(known) else cells[0] != cells[1]
        found.append({"name": name, "role": role, "cells": cells, "differs": differs})
    return found


def _cell(value: dict[str, Any] | None) -> dict[str, Any]:
    if value is None:
        return {"facts": "–", "text": "", "figures": [], "version": ""}
    shown = value_of(value)
    figures = shown["figures"] or [
        (f"{column['name']}: mean", column["figures"][1]) for column in shown["columns"] if column["figures"][1]
    ]
    return {"facts": shown["facts"], "text": shown["text"], "figures": figures, "version": shown["version"]}


def _durations(store: Store, runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    both = [{one.task: one for one in durations_of(record_of(store.lines(run["run_id"]), run["seconds"]))} for run in runs]
    found = []
    for task in {**both[0], **both[1]}:
        seconds = [one[task].seconds if task in one else None for one in both]
        eachs = [one[task].seconds / max(one[task].items, 1) if task in one else None for one in both]
        ratio = eachs[1] / eachs[0] if eachs[0] and eachs[1] is not None else None
        found.append(
            {
                "task": task,
                "count": [f"{one[task].items:,}" if task in one else "–" for one in both],
                "seconds": ["–" if one is None else duration(one) for one in seconds],
                "each": ["–" if one is None else duration(one) for one in eachs],
                "ratio": "" if ratio is None else f"{ratio:.3g}×",
                "differs": ratio is not None and not 0.8 < ratio < 1.25,
            }
        )
    return found
