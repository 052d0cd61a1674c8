"""Which failures are one and the same: those of one function that raised one kind of error on one line."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field

from anabranch.failure import Failure, in_words

__all__ = ["FailureGroup", "grouped"]

SHOWN = 8
"""So many items of a group are named."""

LONGEST = 20_000
"""Letters of a traceback that are kept."""


@dataclass(slots=True)
class FailureGroup:
    """Failures of one kind: the function, the error, one traceback for all, and the first items."""

    node: str
    origin: str
    error: str
    message: str
    traceback: str
    count: int = 0
    items: list[str] = field(default_factory=list)
    workers: set[str] = field(default_factory=set)


def grouped(failures: Sequence[Failure]) -> list[FailureGroup]:
    """The groups, the largest first."""
    groups: dict[tuple[str, str, object], FailureGroup] = {}
    for failure in failures:
        frames = [frame for frame in failure.trace.frames if not frame.is_internal]
        last = (frames[-1].file, frames[-1].line) if frames else None
        kind = type(failure.trace.exception).__qualname__
        group = groups.get((failure.node, kind, last))
        if group is None:
            group = groups[failure.node, kind, last] = _group(failure, kind)
        group.count += 1
        group.workers.add(failure.worker)
        if len(group.items) < SHOWN:
            group.items.append(in_words(failure.axes, failure.item).removeprefix(", item "))
    return sorted(groups.values(), key=lambda group: -group.count)


def _group(failure: Failure, kind: str) -> FailureGroup:
    exception = failure.exception
    try:
        message = str(exception)
    except Exception:  # its __str__ is the user's
        message = "(its text cannot be made)"
    text = "".join(traceback.format_exception(exception))
    return FailureGroup(failure.node, failure.origin, kind, message[:LONGEST], text[:LONGEST])
