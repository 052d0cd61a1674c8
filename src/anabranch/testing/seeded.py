"""A run whose calls come back in an order that a seed decides: every interleaving can be had, and had again.

The seed also decides how long each call is said to have taken, so that spans of every size are made. Nothing is left to
chance or to the clock: the same seed gives the same commands and the same events.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from anabranch.driver import Driver, kinds_of, slots_of
from anabranch.engine import Engine, Observer, perform_here
from anabranch.executor import Call, CallLost, Message, Reply
from anabranch.plan import check_kept, make_plan
from anabranch.run import Capacity, Run
from anabranch.run.commands import Command, News, Pull, Pulled
from anabranch.work import Outcome

__all__ = ["execute_seeded"]

DURATIONS = (1e-6, 1e-4, 1e-2, 1.0)


class SeededLease:
    """Holds the calls that were submitted until one is drawn."""

    def __init__(self, seed: int, losses: float = 0.0) -> None:
        self.random = random.Random(seed)
        self.losses = losses
        self.pending: list[Call] = []
        self.late: list[Message] = []

    def submit(self, call: Call, reply: Reply) -> None:
        """Keeps the call; nobody replies, the engine below draws."""
        self.pending.append(call)

    def forget(self, keys: list[int]) -> None:
        """Nothing is kept."""

    def draw(self) -> Message:
        """Runs one of the calls, any one, or loses it; or says again what was said before."""
        if self.late and self.random.random() < self.losses:
            return self.random.choice(self.late)
        call = self.pending.pop(self.random.randrange(len(self.pending)))
        message = self._lose(call) if self.random.random() < self.losses else self._run(call)
        if self.losses:
            self.late.append(message)
        return message

    def _run(self, call: Call) -> Outcome:
        return replace(perform_here(call), seconds=self.random.choice(DURATIONS), started=0.0)

    def _lose(self, call: Call) -> CallLost:
        """The worker dies: it may be known at which item, what it had finished may have been saved, nobody may be to blame."""
        draw, code, layout = self.random, call.code, call.layout
        if not code.loops or code.partials or draw.random() < 0.3:
            return CallLost(call.id, "drawn", charged=draw.random() < 0.7)
        outcome = self._run(call)
        if outcome.failures or not outcome.outputs:
            return CallLost(call.id, "drawn")
        length = len(outcome.outputs[0])
        at = draw.randrange(length)
        kept = draw.randrange(at + 1)
        finished = replace(outcome, outputs=tuple(values[:kept] for values in outcome.outputs)) if kept else None
        where = (*layout.where, layout.start + at) if draw.random() < 0.7 else None
        return CallLost(call.id, "drawn", where=where, finished=finished)


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
    elsewhere: Mapping[str, Capacity] = MappingProxyType({}),
    tokens: Mapping[str, float] | None = None,
    losses: float = 0.0,
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
        elsewhere: how many there seem to be at further places.
        tokens: what there seems to be for functions that need something.
        losses: the share of calls whose worker dies, and of answers that come late or twice.
        observe: is called with every event.
        log: takes every command that the run gives to the engine.
    """
    inputs, overrides = inputs or {}, overrides or {}
    constant, per_item = kinds_of(overrides)
    supplied = (*driver.graph.config, *inputs)
    plan = make_plan(driver.graph, tuple(outputs), supplied, constant, per_item, fuse=slots == 1)
    check_kept(plan.selection, driver.faults.on_error)
    faults = replace(driver.faults, deaths=10**9) if losses else driver.faults
    given = slots_of(driver.graph, plan, inputs, overrides)
    run = Run(
        plan.root,
        given,
        slots=slots,
        credit=2 * slots,
        places=elsewhere,
        tokens=tokens,
        faults=faults,
        policies=plan.policies,
        limits=plan.limits,
    )
    engine = SeededEngine(plan, run, SeededLease(seed, losses), observe)
    engine.log = log
    return engine.finish()
