"""A chronicle read back from an event file: the inverse of what `anabranch.see.log` writes.

Theory: a line names its kind, and its fields are the event's. Kinds and fields of later versions are passed over. A file that
is still being written, or whose writer was killed, is read as far as it goes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from anabranch import events
from anabranch.errors import InputError
from anabranch.explain.chronicle import Beginning, Chronicle, Mishap
from anabranch.explain.outline import NodeOutline, TaskOutline
from anabranch.journey import Journey

__all__ = ["chronicle_of", "event_of", "told"]


def chronicle_of(path: str | os.PathLike[str]) -> Chronicle:
    """Reads an event file.

    Raises:
        InputError: it cannot be read, or is no event file.
    """
    file = Path(path)
    try:
        with file.open(encoding="utf-8") as opened:
            found = told(opened)
    except OSError as error:
        raise InputError(f"'{file}' cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"'{file}' is no event file: it is not text") from error
    if found is None:
        raise InputError(f"'{file}' is no event file; 'anabranch run … --events {file.name}' writes one")
    return found


def told(lines: Iterable[str]) -> Chronicle | None:
    """The chronicle that lines tell; None if they do not begin as an event file does."""
    chronicle: Chronicle | None = None
    for line in lines:
        try:
            said = json.loads(line)
            kind, at = said["event"], float(said["at"])
        except (ValueError, KeyError, TypeError):
            if chronicle is None:
                return None
            continue  # the last line may be torn
        if kind == "RunStarted":
            chronicle = chronicle or Chronicle()
            chronicle.began(_beginning(said))
        elif chronicle is None:
            return None
        elif kind == "ItemFailed":
            chronicle.mishap(_mishap(said["failure"]))
        elif (event := event_of(kind, said)) is not None:
            chronicle.observe(event, at)
    return chronicle


def _beginning(said: Mapping[str, Any]) -> Beginning:
    nodes = tuple(_made(NodeOutline, one) for one in said.get("graph") or ())
    tasks = tuple(_made(TaskOutline, one) for one in said.get("plan") or ())
    return Beginning(said.get("run_id", ""), tuple(said.get("outputs", ())), nodes, tasks)


def _mishap(said: Mapping[str, Any]) -> Mishap:
    place = (said["node"], tuple(said["item"]), said["error"], said["message"])
    return Mishap(*place, said.get("worker", ""), said.get("attempts", 1), said.get("policy", ""))


def event_of(kind: str, said: Mapping[str, Any]) -> Any:
    """The event that a line of this kind tells; None for a kind that is not known here."""
    known = getattr(events, kind, None)
    if known is None or kind not in events.__all__:
        return None
    journey = {name: value for name, value in (said.get("journey") or {}).items() if name in Journey._fields}
    return _made(known, {**said, "journey": Journey(**journey)})


def _made(kind: Any, said: Mapping[str, Any]) -> Any:
    names = {one.name for one in fields(kind)}
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in said.items() if name in names})
