"""Random dataflows with a cache, and in runs that are stopped and resumed, against the oracle.

More of them::

    ANABRANCH_EXAMPLES="cached=2000 resumed=2000 resumed-processes=200" python -m pytest tests/property/test_kept.py --timeout 0
"""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_flows import counted, examples, is_mended

from anabranch import Driver
from anabranch.errors import RunCancelled
from anabranch.registry import make_executor
from anabranch.testing.flows import Flow, answer, flows

pytestmark = pytest.mark.timeout(900)

_numbers = count()


@pytest.fixture(scope="module", params=["sequential", "threads", "processes"])
def executor(request):
    options = {} if request.param == "sequential" else {"workers": 2}
    made = make_executor(request.param, options)
    yield request.param, made
    made.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("kept")


def asked(driver: Driver, flow: Flow, **options: Any) -> Any:
    return answer(lambda: driver.execute(flow.outputs, flow.inputs, flow.overrides, **options))


def test_a_cache_changes_no_answer(executor, folder, figures):
    """Flows share one cache, as those of a user do: each finds what it computed before, and nobody else's."""
    name, made = executor
    with counted(figures, f"cached, {name}") as done:

        @settings(max_examples=examples("cached", 40 if name == "processes" else 120))
        @given(flows(failures=True))
        def check(flow):
            assume(is_mended(flow))
            done[0] += 1
            driver = flow.builder().with_cache(folder / "cache").with_executor(made).build()
            for time in ("first", "second"):
                found = asked(driver, flow)
                assert flow.agrees(found), f"{time}: {found} instead of {flow.expected()}"

        check()


class Stopping:
    """An observer that stops the run that it looks at, after so many events; or else lets it be."""

    def __init__(self, events: int) -> None:
        self.left = events
        self.cancel: Callable[[], None] | None = None

    def __call__(self, event: object) -> None:
        self.left -= 1
        if not self.left and self.cancel is not None:
            self.cancel()


def test_a_run_that_was_stopped_goes_on(executor, folder, figures):
    name, made = executor
    default = 40 if name == "processes" else 100
    with counted(figures, f"resumed, {name}") as done:

        @settings(max_examples=examples("resumed-processes" if name == "processes" else "resumed", default))
        @given(flows(failures=True), st.lists(st.integers(3, 60), max_size=3))
        def check(flow, stops):
            assume(is_mended(flow))
            done[0] += 1
            run_id = f"run-{os.getpid()}-{next(_numbers)}"
            again = False
            for events in [*stops, 0]:
                stopping = Stopping(events)
                driver = flow.builder().with_runs(folder / "runs").with_adapters(stopping).with_executor(made).build()
                found = stopped(driver, flow, stopping, {"resume": run_id} if again else {"run_id": run_id})
                again = again or found is not None
                if found is not None and found != "stopped":
                    assert flow.agrees(found), f"{found} instead of {flow.expected()}"

        check()


def stopped(driver: Driver, flow: Flow, stopping: Stopping, options: dict[str, Any]) -> Any:
    """What a run gives, or "stopped"; None if it was wrong before it began."""
    handles: list[Any] = []

    def compute() -> Any:
        handle = driver.submit(flow.outputs, flow.inputs, flow.overrides, **options)
        handles.append(handle)
        return handle.result(60).results

    if stopping.left:
        stopping.cancel = lambda: handles[0].cancel() if handles else None
    try:
        found = answer(compute)
    except RunCancelled:
        return "stopped"
    return found if handles else None
