"""How many failures a run puts up with.

A budget is a count, or a share of the items of a fan-out. A share is of each fan-out by itself, failures of inner items among
all inner items. How many those are may not be known while a source is open, so a share is then taken of at least `FEW` items;
when the run is over it is taken of what there were.

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
        self.failed: Counter[tuple[str, str]] = Counter()
        self.widths: Counter[str] = Counter()

    def widen(self, axis: str, items: int) -> None:
        """There are so many more items along an axis."""
        self.widths[axis] += items

    def spend(self, failure: Failure) -> str:
        """Takes a failure into account; says what was exceeded, if anything was."""
        if not self.limits:
            return ""
        axis = failure.axes[-1] if failure.axes else ""
        self.failed["", axis] += 1
        self.failed[failure.node, axis] += 1
        return self._exceeded("", FEW) or self._exceeded(failure.node, FEW)

    def settle(self) -> str:
        """The run is over, and all widths are known; says what was exceeded, if anything was."""
        return next(filter(None, (self._exceeded(name, 0) for name in self.limits)), "")

    def _exceeded(self, name: str, few: int) -> str:
        limit = self.limits.get(name)
        if limit is None:
            return ""
        failed = {axis: times for (known, axis), times in self.failed.items() if known == name}
        shares = (times > limit * max(self.widths[axis], few) for axis, times in failed.items() if axis)
        too_many = any(shares) if isinstance(limit, float) else sum(failed.values()) > limit
        whose = f" of '{name}'" if name else ""
        return f"; more than max_failures={limit}{whose} allows, so the run was stopped" if too_many else ""
