"""The list of runs: filtered, searched, by pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anabranch.history.store import STATES, Filter, Store
from anabranch.ui.words import flow_name, short
from anabranch.words import amount, duration, moment

__all__ = ["PAGE", "runs_page"]

PAGE = 50
"""So many runs stand on a page."""


def runs_page(store: Store, asked: Mapping[str, str]) -> dict[str, Any]:
    """What the page says; `asked` are ``state``, ``text`` and ``page``."""
    state = asked.get("state", "")
    state = state if state in STATES else ""
    text = asked.get("text", "")[:200]
    page = int(asked["page"]) if asked.get("page", "").isdecimal() and len(asked["page"]) < 8 else 1
    found = store.runs(Filter(state, text, PAGE + 1, (max(page, 1) - 1) * PAGE))
    return {
        "states": STATES,
        "state": state,
        "text": text,
        "page": max(page, 1),
        "has_more": len(found) > PAGE,
        "rows": [_row(run) for run in found[:PAGE]],
        "is_live": any(run["state"] == "running" for run in found),
        "where": store.where,
    }


def _row(run: Mapping[str, Any]) -> dict[str, Any]:
    fans = run["progress"]["fans"]
    known = sum(fan["known"] for fan in fans if not fan["depth"])
    done = sum(fan["done"] for fan in fans if not fan["depth"])
    return {
        "run_id": run["run_id"],
        "short": short(run["run_id"]),
        "name": flow_name(run),
        "outputs": ", ".join(run["outputs"]),
        "state": run["state"],
        "started": (moment(run["started"]), run["started"]),
        "seconds": (duration(run["seconds"]), run["seconds"]),
        "executor": f"{run['executor'].removesuffix('Executor').lower()} × {run['slots']}",
        "count": (f"{amount(done)} of {amount(known)}" if done != known else amount(done), done),
        "failed": (amount(run["progress"]["failed"]), run["progress"]["failed"]),
        "code": run["code"][:8],
    }
