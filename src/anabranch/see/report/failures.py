"""Which failures are one and the same: those of one function that raised one kind of error on one line."""

from __future__ import annotations

import traceback
from collections import Counter
from dataclasses import dataclass, field

from anabranch.failure import Failure, in_words

__all__ = ["FailureGroup", "Failures"]

SHOWN = 8
"""So many items of a group are named."""

LONGEST = 20_000
"""Letters of a traceback that are kept."""

MOST = 100
"""So many groups are told apart."""


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


class Failures:
    """The failures of a run, in groups. Keeps texts and no values."""

    def __init__(self) -> None:
        self.count = 0
        self.by_node: Counter[str] = Counter()
        self._groups: dict[tuple[str, str, object], FailureGroup] = {}

    def add(self, failure: Failure) -> None:
        """Takes one failure into account."""
        self.count += 1
        self.by_node[failure.node] += 1
        frames = [frame for frame in failure.trace.frames if not frame.is_internal]
        kind = type(failure.trace.exception).__qualname__
        key = (failure.node, kind, (frames[-1].file, frames[-1].line) if frames else None)
        group = self._groups.get(key)
        if group is None:
            if len(self._groups) >= MOST:
                return
            group = self._groups[key] = _group(failure, kind)
        group.count += 1
        if len(group.items) < SHOWN:
            group.items.append(in_words(failure.axes, failure.item).removeprefix(", item "))

    @property
    def groups(self) -> list[FailureGroup]:
        """The groups, the largest first."""
        return sorted(self._groups.values(), key=lambda group: -group.count)


def _group(failure: Failure, kind: str) -> FailureGroup:
    exception = failure.exception
    try:
        message = str(exception)
    except Exception:  # its __str__ is the user's
        message = "(its text cannot be made)"
    text = "".join(traceback.format_exception(exception))
    return FailureGroup(failure.node, failure.origin, kind, message[:LONGEST], text[:LONGEST])
