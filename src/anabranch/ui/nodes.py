"""The catalogue: every function that was ever run, what it reads and what reads it, and its code in every version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from anabranch.errors import InputError, nearest_or_all
from anabranch.history.store import Store
from anabranch.ui.compared import difference
from anabranch.ui.words import short
from anabranch.words import moment

__all__ = ["node_page", "nodes_page"]

WORDS = {"plain": "", "collect": "collects", "stream": "streams"}


def nodes_page(store: Store, asked: Mapping[str, str]) -> dict[str, Any]:
    """What the list says; `asked` may have a ``text`` to search for."""
    text = asked.get("text", "")[:200]
    rows = [
        {
            "name": node["name"],
            "type": f"{node['type']} each" if node["expands"] else node["type"],
            "axes": " × ".join(node["axes"][:-1] if node["expands"] else node["axes"]),
            "doc": node["doc"].partition("\n")[0],
            "runs": node["runs"],
            "codes": node["codes"],
            "last": moment(node["started"]),
            "tags": node["tags"],
        }
        for node in store.catalogue(text)
    ]
    return {"text": text, "rows": rows}


def node_page(store: Store, name: str) -> dict[str, Any]:
    """What the page of a function says.

    Raises:
        InputError: no run had a function of this name.
    """
    versions = store.versions_of(name)
    if not versions:
        known = [node["name"] for node in store.catalogue()]
        raise InputError(f"no run had a function '{name}'{nearest_or_all(name, known)}")
    newest = versions[0]
    around = {node["name"]: node for node in store.nodes(newest["runs"][0]["run_id"])}
    return {
        "name": name,
        "node": newest,
        "reads": [{"name": read, "how": WORDS.get(how, how)} for read, how, _ in newest["reads"]],
        "readers": [one["name"] for one in around.values() if any(read == name for read, _, _ in one["reads"])],
        "upstream": _reached(name, {one: [read for read, _, _ in node["reads"]] for one, node in around.items()}),
        "downstream": _reached(name, _readers(around)),
        "versions": [_version(version, older) for version, older in zip(versions, [*versions[1:], None], strict=True)],
    }


def _readers(nodes: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, node in nodes.items():
        for read, _, _ in node["reads"]:
            found.setdefault(read, []).append(name)
    return found


def _reached(name: str, step: Mapping[str, Sequence[str]]) -> list[str]:
    """All that is reached from a name, nearest first; without the name."""
    found, waiting = dict.fromkeys([name]), [name]
    while waiting:
        for other in step.get(waiting.pop(0), ()):
            if other not in found:
                found[other] = None
                waiting.append(other)
    return list(found)[1:]


def _run(run: Mapping[str, Any]) -> dict[str, str]:
    return {"run_id": run["run_id"], "short": short(run["run_id"]), "when": moment(run["started"])}


def _version(version: Mapping[str, Any], older: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "code": version["code"][:12] or "none",
        "source": version["source"],
        "origin": version["origin"],
        "lines": difference(older["source"], version["source"]) if older is not None else [],
        "runs": [_run(run) for run in version["runs"][:20]],
        "count": len(version["runs"]),
    }
