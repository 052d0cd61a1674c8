"""A run whose calls come back in an order that a seed decides: every interleaving can be had, and had again."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from anabranch.driver import Driver, kinds_of
from anabranch.engine import Engine, perform_here
from anabranch.executor import Call, Reply
from anabranch.plan import make_plan
from anabranch.run import Run
from anabranch.run.commands import News

__all__ = ["execute_seeded"]


class SeededLease:
    """Holds the calls that were submitted until one is drawn."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.pending: list[Call] = []

    def submit(self, call: Call, reply: Reply) -> None:  # noqa: ARG002  the engine below draws, nobody replies
        """Keeps the call."""
        self.pending.append(call)

    def forget(self, keys: list[int]) -> None:
        """Nothing is kept."""

    def draw(self) -> News:
        """Runs one of the calls, any one."""
        return perform_here(self.pending.pop(self.random.randrange(len(self.pending))))


class _SeededEngine(Engine):
    """Draws instead of waiting."""

    def wait(self) -> News:
        lease = self.lease
        assert isinstance(lease, SeededLease)
        return lease.draw() if lease.pending and self.inbox.empty() else super().wait()


def execute_seeded(
    driver: Driver,
    outputs: Sequence[str],
    inputs: Mapping[str, Any] | None = None,
    overrides: Mapping[str, Any] | None = None,
    *,
    seed: int,
    slots: int = 3,
) -> dict[str, Any]:
    """`driver.execute` with `slots` imagined workers in this thread, whose order of completion the seed decides."""
    inputs, overrides = inputs or {}, overrides or {}
    constant, per_item = kinds_of(overrides)
    supplied = (*driver.graph.config, *inputs)
    plan = make_plan(driver.graph, tuple(outputs), supplied, constant, per_item, fuse=slots == 1)
    run = Run(plan.root, driver.slots_of(plan, inputs, overrides), slots=slots, credit=2 * slots)
    return _SeededEngine(plan, run, SeededLease(seed)).finish()
