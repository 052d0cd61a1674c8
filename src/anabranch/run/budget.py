"""How many failures a run puts up with.

A budget is a count, or a share of the items of a fan-out. How many those are may not be known while the source is open, so a
share is then taken of at least `FEW` items; when the run is over it is taken of what there were.

This module never knows what a failure is about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from anabranch.failure import Failure
from anabranch.policies import Faults, Policy

__all__ = ["Budget"]

FEW = 1000


class Budget:
    """The failures so far, of the run and of each function, and how many there may be."""

    def __init__(self, faults: Faults, policies: Mapping[str, Policy]) -> None:
        self.limits: dict[str, float] = {n: p.max_failures for n, p in policies.items() if p.max_failures is not None}
        if faults.max_failures is not None:
            self.limits[""] = faults.max_failures
        self.failed: Counter[str] = Counter()
        self.widths: Counter[str] = Counter()
        self.closed: set[str] = set()
        self.axes: dict[str, str] = {}

    def widen(self, axis: str, items: int) -> None:
        """There are so many more items along an axis."""
        self.widths[axis] += items

    def spend(self, failure: Failure) -> str:
        """Takes a failure into account; says what was exceeded, if anything was."""
        if not self.limits:
            return ""
        for name in ("", failure.node):
            self.failed[name] += 1
            if failure.axes:
                self.axes[name] = failure.axes[-1]
        return self._exceeded(("", failure.node), FEW)

    def settle(self) -> str:
        """The run is over, and all widths are known; says what was exceeded, if anything was."""
        return self._exceeded(tuple(self.failed), 0)

    def _exceeded(self, names: tuple[str, ...], few: int) -> str:
        for name in names:
            limit = self.limits.get(name)
            if limit is None:
                continue
            of = max(self.widths[self.axes.get(name, "")], few)
            if self.failed[name] > (limit * of if isinstance(limit, float) else limit):
                whose = f" of '{name}'" if name else ""
                return f"; more than max_failures={limit}{whose} allows, so the run was stopped"
        return ""
