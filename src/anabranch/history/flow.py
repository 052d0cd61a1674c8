"""The functions of a run's dataflow: what they read, the version of their code, and its text."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from anabranch.history.summaries import brief
from anabranch.lineage import Lineage, Variable
from anabranch.versions import Unversionable, Versions

__all__ = ["Flow", "flow_of"]


@dataclass(frozen=True, slots=True)
class Flow:
    """Rows of a run's nodes, texts of code by version, and the version of all that the run used."""

    nodes: list[dict[str, Any]]
    codes: dict[str, dict[str, str]]
    code: str


def flow_of(lineage: Lineage, used: Collection[str], known: dict[int, tuple[Any, str, str]]) -> Flow:
    """The rows of a dataflow of which a run uses these nodes.

    Args:
        lineage: all there is.
        used: names of nodes that run.
        known: versions by function, kept by who asks again for the same functions; changed.
    """
    versions, nodes, codes = Versions(), [], dict[str, dict[str, str]]()
    whole = blake2b(digest_size=20)
    for position, variable in enumerate(lineage):
        code, parts = _version(variable, versions, known)
        is_used = variable.name in used
        if code:
            codes[code] = {"parts": parts, "source": variable.source}
            if is_used:
                whole.update(f"{variable.name} {code}\n".encode())
        about = json.dumps(_about(variable), separators=(",", ":"), ensure_ascii=False)
        nodes.append({"name": variable.name, "position": position, "code": code, "used": is_used, "about": about})
    return Flow(nodes, codes, whole.hexdigest())


def _version(variable: Variable, versions: Versions, known: dict[int, tuple[Any, str, str]]) -> tuple[str, str]:
    """The version of a node's code, as text, and what that is made of; empty where there is none."""
    function = variable.function
    if function is None:
        return "", ""
    found = known.get(id(function))
    if found is None or found[0] is not function:
        try:
            made = versions.of_code(function)
            found = (function, made.digest.hex(), made.as_text())
        except (Unversionable, RecursionError):
            found = (function, "", "")
        known[id(function)] = found
    return found[1], found[2]


def _about(variable: Variable) -> dict[str, Any]:
    return {
        "type": variable.type_name,
        "is_input": variable.is_input,
        "axes": list(variable.axes),
        "expands": variable.expands,
        "doc": variable.doc,
        "tags": {str(name): brief(value) for name, value in variable.tags.items()},
        "origin": variable.origin,
        "reads": [[reading.name, reading.how, reading.depth] for reading in variable.reads],
    }
