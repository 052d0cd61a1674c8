"""A run whose calls come back in an order that a seed decides: every interleaving can be had, and had again.

The seed also decides how long each call is said to have taken, so that spans of every size are made. Nothing is left to
chance or to the clock: the same seed gives the same commands and the same events.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from anabranch.driver import Driver, kinds_of
from anabranch.engine import Engine, Observer, perform_here
from anabranch.executor import Call, Reply
from anabranch.plan import make_plan
from anabranch.run import Run
from anabranch.run.commands import Command, News, Pull, Pulled
from anabranch.work import Outcome

__all__ = ["execute_seeded"]

DURATIONS = (1e-6, 1e-4, 1e-2, 1.0)


class SeededLease:
    """Holds the calls that were submitted until one is drawn."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.pending: list[Call] = []

    def submit(self, call: Call, reply: Reply) -> None:
        """Keeps the call; nobody replies, the engine below draws."""
        self.pending.append(call)

    def forget(self, keys: list[int]) -> None:
        """Nothing is kept."""

    def draw(self) -> Outcome:
        """Runs one of the calls, any one."""
        outcome = perform_here(self.pending.pop(self.random.randrange(len(self.pending))))
        return replace(outcome, seconds=self.random.choice(DURATIONS), started=0.0)


class SeededEngine(Engine):
    """Draws instead of waiting, and tells what it is asked to do."""

    lease: SeededLease
    log: list[Command] | None = None

    def wait(self) -> News:
        """Any one of the calls that are out, unless something else has arrived."""
        return self.lease.draw() if self.lease.pending and self.inbox.empty() else super().wait()

    def _do(self, command: Command) -> None:
        if self.log is not None:
            self.log.append(command)
        super()._do(command)

    def _pull(self, command: Pull) -> Pulled:
        return replace(super()._pull(command), seconds=self.lease.random.choice(DURATIONS))


def execute_seeded(
    driver: Driver,
    outputs: Sequence[str],
    inputs: Mapping[str, Any] | None = None,
    overrides: Mapping[str, Any] | None = None,
    *,
    seed: int,
    slots: int = 3,
    observe: Observer | None = None,
    log: list[Command] | None = None,
) -> dict[str, Any]:
    """`driver.execute` with `slots` imagined workers in this thread, whose order of completion the seed decides.

    Args:
        driver: whose flow to run; its executor is not used.
        outputs: as for `execute`.
        inputs: as for `execute`.
        overrides: as for `execute`.
        seed: decides orders and durations.
        slots: how many workers there seem to be.
        observe: is called with every event.
        log: takes every command that the run gives to the engine.
    """
    inputs, overrides = inputs or {}, overrides or {}
    constant, per_item = kinds_of(overrides)
    supplied = (*driver.graph.config, *inputs)
    plan = make_plan(driver.graph, tuple(outputs), supplied, constant, per_item, fuse=slots == 1)
    run = Run(plan.root, driver.slots_of(plan, inputs, overrides), slots=slots, credit=2 * slots)
    engine = SeededEngine(plan, run, SeededLease(seed), observe)
    engine.log = log
    return engine.finish()
