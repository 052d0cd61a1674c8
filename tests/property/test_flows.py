"""Random dataflows against the oracle: in random orders of completion, and on every executor.

Ten thousand of them, and hundreds on what is slow::

    ANABRANCH_EXAMPLES="sequential=10000 threads=10000 seeded=10000 processes=500 ray=300 dask=300" \\
        python -m pytest tests/property --timeout 0
"""

from __future__ import annotations

import os
import re
import threading
from collections import Counter
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from anabranch.events import FanFinished, SpanFinished, SpanSubmitted
from anabranch.graph import Role
from anabranch.registry import make_executor
from anabranch.run.commands import Submit
from anabranch.testing import execute_seeded
from anabranch.testing.flows import Flow, answer, flows, mix

pytestmark = pytest.mark.timeout(900)  # shrinking a flow that fails takes its time

SLOTS = (1, 2, 3, 7)
SEEDS = st.integers(0, 2**32)

EXAMPLES = {"seeded": 600, "dying": 400, "sequential": 300, "threads": 200, "processes": 60, "ray": 25, "dask": 25}
"""How many flows are run unless `ANABRANCH_EXAMPLES` says otherwise; see `tests/conftest.py`."""

OPTIONS: dict[str, dict[str, Any]] = {
    "sequential": {},
    "threads": {"workers": 3},
    "processes": {"workers": 2},
    "ray": {"workers": 2},
    "dask": {"workers": 2},
}
NEEDS = {"ray": "ray", "dask": "distributed"}


def examples(name: str, default: int | None = None) -> int:
    """How many flows a test runs."""
    text = os.environ.get("ANABRANCH_EXAMPLES", "")
    if text.isdigit():
        return int(text)
    return int(dict(one.split("=", 1) for one in text.split()).get(name, default or EXAMPLES[name]))


def is_mended(flow: Flow) -> bool:
    """Whether the flow has nothing to do with a defect that is known and not yet mended: see `test_found`."""
    return not ("skip_some" in flow.source and re.search(r"@associative\ndef n\d+\(.*,.*\)", flow.source))


@contextmanager
def counted(figures: dict[str, tuple[int, float]], name: str):
    """Notes how many flows were run in which time."""
    count, started = [0], perf_counter()
    try:
        yield count
    finally:
        figures[name] = count[0], perf_counter() - started


def run_on(executor: Any, flow: Flow) -> Any:
    """The flow's answer from a driver."""
    driver = flow.driver(executor)
    return answer(lambda: driver.execute(flow.outputs, flow.inputs, flow.overrides))


def run_seeded(flow: Flow, **options: Any) -> Any:
    """The flow's answer in an order of completion that a seed decides."""
    driver = flow.driver()
    return answer(lambda: execute_seeded(driver, flow.outputs, flow.inputs, flow.overrides, **options))


@pytest.mark.parametrize("slots", SLOTS)
def test_every_order_of_completion_gives_the_oracles_answer(slots, figures):
    with counted(figures, f"seeded, {slots} slots") as count:

        @settings(max_examples=max(1, examples("seeded") // len(SLOTS)))
        @given(flows(failures=True), SEEDS)
        def check(flow, seed):
            assume(is_mended(flow))
            count[0] += 1
            found = run_seeded(flow, seed=seed, slots=slots)
            assert flow.agrees(found), f"{found} instead of {flow.expected()}"

        check()


@pytest.mark.parametrize("slots", SLOTS)
def test_workers_that_die_change_no_answer(slots, figures):
    with counted(figures, f"dying, {slots} slots") as count:

        @settings(max_examples=max(1, examples("dying") // len(SLOTS)))
        @given(flows(failures=True), SEEDS)
        def check(flow, seed):
            assume(is_mended(flow))
            count[0] += 1
            found = run_seeded(flow, seed=seed, slots=slots, losses=0.3)
            assert flow.agrees(found), f"{found} instead of {flow.expected()}"

        check()


@pytest.mark.filterwarnings("ignore::ResourceWarning:ray", "ignore:.*accelerator visible devices.*:FutureWarning")
@pytest.mark.parametrize("name", [*OPTIONS])
def test_every_executor_gives_the_oracles_answer(name, figures):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    executor = make_executor(name, OPTIONS[name])
    with counted(figures, name) as count:

        @settings(max_examples=examples(name))
        @given(flows(failures=True))
        def check(flow):
            assume(is_mended(flow))
            count[0] += 1
            found = run_on(executor, flow)
            assert flow.agrees(found), f"{found} instead of {flow.expected()}"

        try:
            check()
        finally:
            executor.close()


@settings(max_examples=examples("twice", 100))
@given(flows(), SEEDS, st.sampled_from(SLOTS))
def test_the_same_seed_gives_the_same_commands_and_events(flow, seed, slots):
    assume(is_mended(flow) and not may_have_reader_threads(flow))
    runs = []
    for _ in range(2):
        events: list[Any] = []
        commands: list[Any] = []
        run_seeded(flow, seed=seed, slots=slots, observe=events.append, log=commands)
        runs.append((list(map(_without_identity, events)), list(map(_without_identity, commands))))
    assert runs[0] == runs[1]


def stream_readers(flow: Flow) -> list[str]:
    """The functions that read a stream."""
    edges = flow.graph.edges
    return [name for name in edges if any(edge.parameter.role is Role.STREAM for edge in edges[name])]


def may_have_reader_threads(flow: Flow) -> bool:
    """Whether two stream readers may read at the same time: the second gets a thread, whose pace no seed decides."""
    readers = stream_readers(flow)
    return len(readers) > 1 or any(flow.graph.axes[name] for name in readers)


def _without_identity(fact: Any) -> Any:
    """What a command or an event says, without the objects that are new in each run."""
    if isinstance(fact, Submit):
        return "Submit", fact.call.code.name, fact.call.code.source, fact.call.layout, len(fact.call.values)
    found = {}
    for name in type(fact).__slots__:
        value = getattr(fact, name)
        if name == "call":
            value = value.code.name, value.code.source, value.layout
        elif name == "values":
            value = len(value)
        elif name == "failure":
            value = value.node, value.item
        elif name in ("seconds", "started"):  # what runs in the driver itself is timed by the clock
            continue
        found[name] = value
    return type(fact).__name__, found


@pytest.fixture(scope="module")
def threads():
    executor = make_executor("threads", {"workers": 3})
    yield executor
    executor.close()


@settings(max_examples=examples("twice", 100))
@given(flow=flows(failures=True))
def test_a_driver_gives_the_same_again(threads, flow):
    assume(is_mended(flow))
    for executor in ("sequential", threads):
        driver = flow.driver(executor)
        for _ in range(3):
            found = answer(lambda driver=driver: driver.execute(flow.outputs, flow.inputs, flow.overrides))
            assert flow.agrees(found), f"{found} instead of {flow.expected()}"


def calls_of(flow: Flow, compute: Any) -> Counter[Any]:
    """How often each function was called with which arguments."""
    assert flow.overrides is not None  # to find their shape takes calls of its own
    found: Counter[Any] = Counter()
    lock = threading.Lock()

    def noting(seed: int, *arguments: Any) -> int:
        with lock:
            found[seed, repr(arguments)] += 1
        return mix(seed, *arguments)

    functions = [value for name, value in vars(flow.module).items() if name.startswith("n") and callable(value)]
    scope = functions[0].__globals__
    scope["mix"] = noting
    try:
        compute()
    finally:
        scope["mix"] = mix
    return found


@settings(max_examples=examples("calls", 150))
@given(flow=flows(), seed=SEEDS, slots=st.sampled_from(SLOTS))
def test_each_function_is_called_once_for_each_item(threads, flow, seed, slots):
    assume(is_mended(flow))
    wanted = calls_of(flow, flow.expected)
    if isinstance(flow.expected(), type):
        return  # what was called before the error is left open
    # a reader has begun before it can be known that what it reads is absent; what it returns then is dropped
    readers = {int(name[1:]) + 2 for name in stream_readers(flow)}
    computed = [
        lambda: run_seeded(flow, seed=seed, slots=slots),
        lambda: run_on("sequential", flow),
        lambda: run_on(threads, flow),
    ]
    for compute in computed:
        found = calls_of(flow, compute)
        found -= Counter({call: times for call, times in found.items() if call[0] in readers and call not in wanted})
        if flow.is_lazy:
            assert found <= wanted, f"called too often: {found - wanted}"
        else:
            assert found == wanted, f"called too often: {found - wanted}; not called: {wanted - found}"


@settings(max_examples=examples("events", 100))
@given(flows(), SEEDS, st.sampled_from(SLOTS))
def test_spans_come_back_as_they_went_out_and_no_item_is_in_two(flow, seed, slots):
    """A task's name may stand for several passes along one axis, so an item is in at most as many spans as there are."""
    assume(is_mended(flow))
    events: list[Any] = []
    run_seeded(flow, seed=seed, slots=slots, observe=events.append)
    out, back = (
        Counter((e.task, e.axis, e.where, e.lo, e.hi) for e in events if isinstance(e, kind))
        for kind in (SpanSubmitted, SpanFinished)
    )
    assert flow.is_lazy or isinstance(flow.expected(), type) or out == back
    assert back <= out
    passes = Counter((e.task, e.axis, e.where) for e in events if isinstance(e, FanFinished))
    covered = Counter((fan, item) for *fan_, lo, hi in back.elements() for fan in [tuple(fan_)] for item in range(lo, hi))
    assert all(times <= max(1, passes[fan]) for (fan, _), times in covered.items())
