"""What a journal says: facts in the past tense, one for each change of state. Data only, and nothing but plain data in it.

Values are not in a journal; it says where they are: a reference is a text that means something to the store they were put in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final, TypeAlias

__all__ = ["Began", "Done", "Ended", "Failed", "Given", "Listed", "Noted", "Record", "Resumed", "decoded", "encoded"]

Where: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Given:
    """A value from outside: its version, and a reference to it; empty where there is none."""

    version: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Began:
    """A run began.

    Attributes:
        flow: what it takes to find the functions again: files and modules.
        code: the version of each node's code, and what that is made of, as `anabranch.versions` says it.
        at: seconds since 1970.
    """

    run_id: str
    flow: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    inputs: Mapping[str, Given] = field(default_factory=dict)
    overrides: Mapping[str, Given] = field(default_factory=dict)
    config: Mapping[str, Given] = field(default_factory=dict)
    code: Mapping[str, Any] = field(default_factory=dict)
    executor: str = ""
    process: int = 0
    host: str = ""
    at: float = 0.0
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resumed:
    """Another driver took the run over."""

    executor: str = ""
    process: int = 0
    host: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Listed:
    """An expander gave items [lo, lo + count) of the fan-out at `where`; `last` if there are no more."""

    axis: str
    where: Where
    lo: int
    count: int
    items: str = ""
    last: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """A task was done for items [lo, hi) at `where`; one outside a loop of its own is done for [0, 1)."""

    task: str
    where: Where
    lo: int
    hi: int
    values: tuple[str, ...] = ()
    holes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """A function raised for an item."""

    node: str
    where: Where
    error: str
    text: str = ""
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Noted:
    """Something else that happened, for whoever looks on; nothing follows from it."""

    what: str
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ended:
    """The driver ended the run: "finished", "failed" or "stopped" (to be resumed)."""

    state: str
    text: str = ""
    at: float = 0.0


Record: TypeAlias = Began | Resumed | Listed | Done | Failed | Noted | Ended

_KINDS: Final[dict[str, type[Any]]] = {
    kind.__name__.lower(): kind for kind in (Began, Resumed, Listed, Done, Failed, Noted, Ended)
}
_TUPLES: Final = {"flow", "outputs", "where", "values", "holes"}
_GIVEN: Final = {"inputs", "overrides", "config"}


def encoded(record: Record) -> bytes:
    """A record as one line of JSON: its kind, and what differs from the defaults."""
    if type(record) is Done:  # the only kind of which there are many
        said: dict[str, Any] = {"done": [record.task, record.where, record.lo, record.hi, record.values]}
        if record.holes:
            said["holes"] = record.holes
    else:
        said = {"is": type(record).__name__.lower(), **asdict(record)}
    return json.dumps(said, separators=(",", ":")).encode()


def decoded(line: bytes) -> Record | None:
    """The record that a line is; None for a kind that a later version wrote.

    Raises:
        ValueError: the line is no record.
    """
    said = json.loads(line)
    if "done" in said:
        task, where, lo, hi, values = said["done"]
        return Done(task, tuple(where), lo, hi, tuple(values), tuple(said.get("holes", ())))
    kind = _KINDS.get(said.pop("is", ""))
    if kind is None:
        return None
    known = {one.name for one in fields(kind)}
    given = {name: _restored(name, value) for name, value in said.items() if name in known}
    record: Record = kind(**given)
    return record


def _restored(name: str, value: Any) -> Any:
    if name in _TUPLES:
        return tuple(value)
    return {key: Given(**one) for key, one in value.items()} if name in _GIVEN else value
