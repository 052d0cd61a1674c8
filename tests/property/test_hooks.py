"""Random dataflows with adapters around every function and task: they change no answer, and are told of every call."""

from __future__ import annotations

from dataclasses import replace
from threading import Lock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.driver import Driver
from anabranch.driver.adapters import Adapters
from anabranch.lifecycle import (
    NodeExecutionHook,
    NodeExecutionMethod,
    TaskExecutionHook,
    TaskReturnHook,
    TaskSubmissionHook,
)
from anabranch.registry import make_executor
from anabranch.testing.flows import answer, flows

pytestmark = pytest.mark.timeout(900)

EXAMPLES = {"sequential": 150, "threads": 100, "processes": 25}
OPTIONS = {"sequential": {}, "threads": {"workers": 3}, "processes": {"workers": 2}}


class Balance(NodeExecutionHook, TaskExecutionHook, TaskSubmissionHook, TaskReturnHook):
    """Each thing that begins ends, and looks at all that it is told."""

    def __init__(self) -> None:
        self.open = {"node": 0, "task": 0, "handed": 0}
        self.wrong: list[object] = []
        self.lock = Lock()

    def __getstate__(self):
        return {"open": dict.fromkeys(self.open, 0), "wrong": []}

    def __setstate__(self, state):
        self.__dict__.update(state, lock=Lock())

    def _count(self, what, change):
        with self.lock:
            self.open[what] += change

    def run_before_node_execution(self, *, task_id, item, axes, **more):
        if len(item) != len(axes) or (task_id is None) != (not item):  # an assertion here would only be logged
            self.wrong.append((task_id, item, axes))
        self._count("node", 1)

    def run_after_node_execution(self, **more):
        self._count("node", -1)

    def run_before_task_execution(self, *, inputs, nodes, **more):
        dict(inputs)
        self._count("task", 1)

    def run_after_task_execution(self, *, results, **more):
        dict(results or {})
        self._count("task", -1)

    def run_before_task_submission(self, *, inputs, **more):
        dict(inputs)
        self._count("handed", 1)

    def run_after_task_return(self, *, result, **more):
        dict(result or {})
        self._count("handed", -1)


class Through(NodeExecutionMethod):
    def run_to_execute_node(self, *, node_callable, node_kwargs, **more):
        return node_callable(**node_kwargs)


@pytest.mark.parametrize("name", [*OPTIONS])
def test_adapters_change_no_answer(name, figures):
    executor = make_executor(name, OPTIONS[name])
    count = [0]

    @settings(max_examples=EXAMPLES[name])
    @given(flows(failures=True), st.booleans())
    def check(flow, methods):
        count[0] += 1
        balance = Balance()
        plain = flow.driver(executor)
        adapters = Adapters.of([balance, Through(), Through()] if methods else [balance])
        driver = Driver.over(replace(plain._parts, adapters=adapters))
        found = answer(lambda: driver.execute(flow.outputs, flow.inputs, flow.overrides))
        assert flow.agrees(found), f"{found} instead of {flow.expected()}"
        assert not balance.wrong
        if name == "sequential":
            assert balance.open["task"] == 0
            if not isinstance(found, (type, frozenset)):  # else items that were left unread end with the failure's traceback
                assert balance.open["node"] == balance.open["handed"] == 0

    try:
        check()
    finally:
        executor.close()
        figures[f"hooks on {name}"] = (count[0], 0.0)
