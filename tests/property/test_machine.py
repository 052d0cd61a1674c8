"""The run's state machine under everything that can happen to it, in any order: a stateful test.

Drawn flows are run on imagined workers that die of all causes, answer late or twice, or lose what does not travel, with time
limits, delayed attempts, cancellations and slow readers; what must hold is checked after each step, and the answer in the end.

Some thousand steps; for 50,000 and more::

    ANABRANCH_EXAMPLES="machine=1200" python -m pytest tests/property/test_machine.py --timeout 0
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from anabranch.driver import kinds_of, slots_of
from anabranch.engine import perform_here
from anabranch.errors import AnabranchError, ExecutorError, InputError, RunCancelled, TransferError
from anabranch.executor import Call, CallFailed, CallLost, Message, Reference, fetched
from anabranch.failure import Failure, ItemsFailed
from anabranch.graph import Graph, Role
from anabranch.plan import make_plan
from anabranch.policies import POLICIES, Faults, Policy, Retries, Retry
from anabranch.run.board import Purpose
from anabranch.run.commands import Stopped
from anabranch.testing.flows import Flow, answer, flows
from anabranch.testing.invariants import WatchedRun, check
from anabranch.testing.oracle import Oracle
from anabranch.testing.stepped import Stepped
from anabranch.work import Outcome

pytestmark = pytest.mark.timeout(900)  # shrinking takes its time

STEPS = 50
DURATIONS = st.sampled_from([1e-6, 1e-4, 1e-2, 1.0])
WHICH = st.integers(0, 30)
FAULTS = st.builds(
    Faults,
    on_error=st.sampled_from(POLICIES),
    deaths=st.integers(1, 3),
    max_failures=st.sampled_from([None, None, None, 2, 0.5]),
)


KNOWN = [
    """
def n0(x: int) -> Parallelizable[int]:
    return expand("list", x, 30)

def n1(n0: int) -> int:
    return fail_some(mix(3, n0))

@associative
def n2(n1: Collect[int | Failed]) -> int:
    return last(numbers(n1))

def n3(n0: int, n2: int) -> int:
    return mix(5, n0, n2)
""",
    """
def n0(x: int) -> Parallelizable[int]:
    yield from expand("generator", x, -4)

def n1(n0: int) -> Parallelizable[int]:
    return expand("range", n0, 30)

def n2(n1: int, n0: int) -> int:
    return skip_some(mix(4, n1, n0))

@associative
def n3(n2: Collect[int | Failed], n0: int) -> int:
    return first(numbers(n2)) or n0
""",
    """
def n0(x: int) -> Parallelizable[int]:
    yield from expand("bag", x, 30)

def n1(n0: int) -> int:
    return mix(3, n0)

def n2(n1: Stream[int | Failed]) -> int:
    return mix(4, take(n1, None))

def n3(n1: Collect[int | Failed], n2: int) -> int:
    return fail_some(mix(5, n1, n2))
""",
]
"""Flows whose fans are wide: they have many spans, merges, and readers that lag."""


@st.composite
def wide_flows(draw: st.DrawFn) -> Flow:
    return Flow(draw(st.sampled_from(KNOWN)), ["n3", "n2"], {"x": draw(st.integers(20, 40))})


def examples() -> int:
    """How many machines are run."""
    text = os.environ.get("ANABRANCH_EXAMPLES", "")
    return int(text) if text.isdigit() else int(dict(one.split("=", 1) for one in text.split()).get("machine", 40))


class Far(Reference):
    """A value that lives elsewhere."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def fetch(self) -> Any:
        return self.value


def patient(exception: BaseException, attempt: int, cause: str) -> Retry | None:
    """Once more after the first time limit, later."""
    return Retry(1.0) if cause == "timeout" and attempt < 2 else None


class Machine(RuleBasedStateMachine):
    """Runs of drawn flows, one after the other, with whatever may happen."""

    seen: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.engine: Stepped | None = None

    def is_idle(self) -> bool:
        return self.engine is None or self.run.stopped

    def is_busy(self) -> bool:
        return self.engine is not None and bool(self.engine.out)

    @precondition(is_idle)
    @rule(flow=st.one_of(flows(failures=True, largest=8), wide_flows()), draw=st.data())
    def a_run_begins(self, flow: Flow, draw: Any) -> None:
        self.finish()
        slots, ahead = draw.draw(st.integers(1, 3)), draw.draw(st.integers(0, 3))
        self.flow, self.faults, self.far = flow, draw.draw(FAULTS), draw.draw(st.booleans())
        self.graph = self.limited(flow.graph, draw)
        try:
            plan = make_plan(self.graph, tuple(flow.outputs), (*self.graph.config, *flow.inputs), *kinds_of(flow.overrides))
            given = slots_of(self.graph, plan, flow.inputs, flow.overrides)
        except InputError:
            assume(False)
        options = {"slots": slots, "credit": slots + ahead, "faults": self.faults, "policies": plan.policies}
        self.run = WatchedRun(plan.root, given, **options)
        self.engine = Stepped(plan, self.run)
        self.said: list[Message] = []
        self.lost: list[tuple[frozenset[str], Failure]] = []
        self.is_blurred = False
        self.engine.fill()

    def limited(self, graph: Graph, draw: Any) -> Graph:
        """Some functions have time limits, and may be tried again; all of a flow may be pure."""
        nodes = dict(graph.nodes)
        if draw.draw(st.booleans()):
            nodes = {name: node._replace(policy=replace(node.policy or Policy(), pure=True)) for name, node in nodes.items()}
        for name, node in nodes.items():
            streams = any(parameter.role is Role.STREAM for parameter in node.parameters)
            if not node.expands and not streams and draw.draw(st.integers(0, 3)) == 3:
                retries = Retries(decide=patient) if draw.draw(st.booleans()) else None
                nodes[name] = node._replace(policy=replace(nodes[name].policy or Policy(), timeout=100.0, retries=retries))
        return replace(graph, nodes=nodes)

    # -- what may happen -------------------------------------------------------------------------------------------

    def pick(self, which: int) -> Call:
        calls = list(self.engine.out.values())
        return calls[which % len(calls)]

    @precondition(is_busy)
    @rule(which=WHICH, seconds=DURATIONS)
    def a_call_comes_back(self, which: int, seconds: float) -> None:
        self.answer(self.performed(self.pick(which), seconds))

    @precondition(is_busy)
    @rule(which=WHICH, seconds=DURATIONS)
    def another_comes_back(self, which: int, seconds: float) -> None:
        self.a_call_comes_back(which, seconds)

    @precondition(is_busy)
    @rule(which=WHICH, charged=st.booleans())
    def a_worker_dies(self, which: int, charged: bool) -> None:
        self.answer(CallLost(self.pick(which).id, "drawn", "w", charged=charged))

    @precondition(is_busy)
    @rule(which=WHICH, at=WHICH, kept=WHICH, known=st.booleans(), slow=st.booleans())
    def a_worker_dies_in_the_middle(self, which: int, at: int, kept: int, known: bool, slow: bool) -> None:
        call = self.pick(which)
        if call.id in self.run.board.recalled:
            self.answer(CallLost(call.id, "recalled", "w"))
            return
        outcome = self.performed(call, 0.0)
        limited = [name for name, policy in call.code.policies.items() if policy.timeout is not None]
        where, finished = call.layout.where, None
        if call.code.loops:
            length = len(self.items_of(call))
            at %= length
            where = (*where, call.layout.start + at)
            kept %= at + 1
            if kept and outcome.outputs and not outcome.failures and not call.code.partials:
                finished = replace(outcome, outputs=tuple(fetched(values)[:kept] for values in outcome.outputs))
        if slow and limited:
            self.answer(CallLost(call.id, "drawn", "w", "timeout", limited[kept % len(limited)], where, finished))
        else:
            self.answer(CallLost(call.id, "drawn", "w", where=where if known else None, finished=finished))

    @precondition(is_busy)
    @rule(which=WHICH)
    def a_call_does_not_travel(self, which: int) -> None:
        self.answer(CallFailed(self.pick(which).id, TransferError("drawn")))

    @precondition(lambda self: self.engine is not None and self.engine.delayed)
    @rule(which=WHICH)
    def a_delay_is_over(self, which: int) -> None:
        self.engine.wake(which % len(self.engine.delayed))

    @precondition(lambda self: self.engine is not None and self.run.doubles is not None and self.run.doubles.alarms)
    @rule()
    def a_span_takes_too_long(self) -> None:
        alarms = self.run.doubles.alarms
        for number in [n for n, due in enumerate(self.engine.delayed) if due.alarm in alarms][:1]:
            self.engine.wake(number)

    @precondition(lambda self: self.engine is not None and self.engine.readers)
    @rule(which=WHICH)
    def a_reader_goes_on(self, which: int) -> None:
        readers = list(self.engine.readers)
        self.engine.read(readers[which % len(readers)])

    @precondition(lambda self: self.engine is not None and self.said)
    @rule(which=WHICH)
    def an_answer_comes_again(self, which: int) -> None:
        before = self.story()
        self.engine.tell(self.said[which % len(self.said)])
        assert self.story() == before, "what comes late or twice changes nothing"

    @precondition(lambda self: self.engine is not None and not self.run.stopped)
    @rule(often=st.integers(0, 9))
    def somebody_cancels(self, often: int) -> None:
        if often == 9:
            self.engine.tell(Stopped(RunCancelled("drawn")))
            assert self.run.stopped

    @precondition(is_busy)
    @rule(which=WHICH, often=st.integers(0, 9))
    def the_executor_breaks(self, which: int, often: int) -> None:
        if often == 9:
            call = self.pick(which).id
            is_heard = not self.run.stopped and call not in self.run.board.recalled
            self.engine.tell(CallFailed(call, ExecutorError("drawn")))
            assert self.run.stopped or not is_heard

    # -- what must hold --------------------------------------------------------------------------------------------

    @invariant()
    def look(self) -> None:
        if self.engine is not None:
            self.seen["steps"] += 1
            check(self.engine, self.run)

    def teardown(self) -> None:
        self.finish()

    def finish(self) -> None:
        """What is out comes back, until the run is over."""
        if self.engine is None:
            return
        while not self.run.stopped:
            if self.engine.out:
                self.a_call_comes_back(0, 1e-4)
            elif self.engine.delayed:
                self.engine.wake(0)
            else:
                assert self.engine.read_on() or self.engine.out or self.engine.delayed or self.run.stopped, "it is stuck"
            self.look()
        self.check_answer()

    def check_answer(self) -> None:
        """The answer is that of the oracle, for which the items that were lost are lost as well."""
        run, flow = self.run, self.flow
        if run.error is not None and not isinstance(run.error, InputError):
            assert isinstance(run.error, (RunCancelled, ExecutorError, TransferError)), repr(run.error)
            return
        if run.fatal is not None or run.exceeded or self.is_blurred:
            assert run.failures
            return
        found = answer(self.outcome)
        wanted = answer(self.expected)
        if isinstance(wanted, frozenset) and "Stream" in flow.source:
            assert flow.is_lazy or (isinstance(found, frozenset) and found and found <= wanted)
        elif isinstance(wanted, type):
            is_failed = isinstance(found, (type, frozenset))  # which of two errors ends a run is not defined
            assert is_failed or flow.is_lazy, f"{found} instead of {wanted}"
        else:
            assert found == wanted, f"{found} instead of {wanted}"

    def outcome(self) -> Any:
        self.engine._raise_failure()
        return {name: self.engine._result(value) for name, value in self.engine.plan.outputs.items()}

    def expected(self) -> Any:
        return LossyOracle(self).answer()

    # -- calls -----------------------------------------------------------------------------------------------------

    def performed(self, call: Call, seconds: float) -> Outcome:
        outcome = replace(perform_here(call), seconds=seconds, started=0.0, worker="w")
        if self.far and outcome.outputs:
            outputs = (self.moved(value, hole) for value, hole in zip(outcome.outputs, outcome.holes, strict=True))
            outcome = replace(outcome, outputs=tuple(outputs))
        return outcome

    def moved(self, value: Any, hole: Any) -> Any:
        return Far(value) if hole is None or isinstance(value, list) else value

    def items_of(self, call: Call) -> range:
        errand = self.run.trips[call.id].errand
        return range(errand.lo, errand.hi)

    def answer(self, message: Message) -> None:
        """An answer comes, and is kept; items that fail by it are lost for the oracle too."""
        call, before = self.engine.out[message.call], len(self.run.failures)
        purpose = self.run.trips[message.call].errand.purpose if message.call in self.run.trips else None
        self.said.append(message)
        self.seen[f"{type(message).__name__} of {purpose.name if purpose else 'nobody'}"] += 1
        if self.run.doubles is not None and {message.call} & {*self.run.doubles.copies, *self.run.doubles.copies.values()}:
            self.seen[f"{type(message).__name__} of one of two"] += 1
        self.engine.tell(message)
        if not isinstance(message, Outcome):
            given = (failure for failure in self.run.failures[before:] if isinstance(failure.exception, AnabranchError))
            for failure in given:  # others are of calls that have been made in the driver since
                self.lost.append((frozenset(call.code.origins), failure))
                # an export is lost for those who read it from outside of its frame; and what is given for the items of an
                # expander that has none there is not defined
                self.is_blurred |= purpose is Purpose.EXPORT or any(kinds_of(self.flow.overrides)[1])

    def story(self) -> Any:
        run = self.run
        return run.done, run.fatal, run.error, list(run.failures), set(self.engine.out), list(self.engine.delayed)


class LossyOracle(Oracle):
    """The reference semantics, where some items of some functions are lost."""

    caller = ""

    def __init__(self, machine: Machine) -> None:
        flow = machine.flow
        self.flow, self.lost, self.was = flow, machine.lost, machine.run.failures
        super().__init__(machine.graph, flow.outputs, flow.inputs, flow.overrides, machine.faults.on_error)

    def answer(self) -> Mapping[str, Any]:
        for name in filter(self.needed.__contains__, self.graph.nodes):
            self.check_lengths(name, self.graph.axes[name])
            for index in self.indices(self.graph.axes[name], {}):
                self.value(name, index)
        if any(failure.policy == "finish" for failure in (*self.failures, *(failure for _, failure in self.lost))):
            raise ItemsFailed.of([*self.failures, *(failure for _, failure in self.lost)])
        return {name: self.gather(name, self.graph.value_axes(name), {}) for name in self.flow.outputs}

    def value(self, name: str, index: Any) -> Any:
        return self.lost_at(name, index) or super().value(name, index)

    def _call(self, name: str, index: Any) -> Any:
        caller, self.caller = self.caller, name
        try:
            return super()._call(name, index)
        finally:
            self.caller = caller

    def gather(self, name: str, axes: Sequence[str], index: Any) -> Any:
        """A list along inner axes is lost as a whole with the outer item that it belongs to; and where a collector was run
        with the items that it collects, it goes without those that were lost.
        """
        return self.lost_at(name, index) or self.lost_at(name, index, self.caller) or super().gather(name, axes, index)

    def lost_at(self, name: str, index: Any, collector: str = "") -> Failure | None:
        """The failure that stands for a function's values there, if they were lost, or those that a collector reads."""
        item = tuple(index[axis] for axis in self.graph.value_axes(name) if axis in index)
        for names, failure in self.lost:
            within = len(item) >= len(failure.item) and item[: len(failure.item)] == failure.item
            pushed = collector in names and len(self.graph.axes[collector]) < len(failure.item)
            if within and (pushed or (name in names and not collector)):
                return failure
        return None


def test_whatever_happens(figures):
    Machine.seen.clear()
    started = perf_counter()
    every = list(HealthCheck)
    run_state_machine_as_test(
        Machine, settings=settings(max_examples=examples(), stateful_step_count=STEPS, suppress_health_check=every)
    )
    steps = Machine.seen.pop("steps")
    figures["state machine, steps"] = steps, perf_counter() - started
    if steps > 20_000:
        rare = {f"{kind} of {purpose.name}" for kind in ("Outcome", "CallLost", "CallFailed") for purpose in Purpose}
        rare.add("Outcome of one of two")
        assert rare <= set(Machine.seen), f"never seen: {rare - set(Machine.seen)}"
