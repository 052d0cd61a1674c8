"""Adapters that are called in the driver: when a dataflow is built, when a run begins and ends; validators and types."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from noting import Calls, Graphs

from anabranch import Builder, Driver, FlowError, InputError
from anabranch.io import from_, to
from anabranch.lifecycle import (
    EdgeConnectionHook,
    GraphAdapter,
    GraphConstructionHook,
    GraphExecutionHook,
    NodeExecutionHook,
    NodeExecutionMethod,
    ResultBuilder,
    StaticValidator,
)
from anabranch.lifecycle.checking import NoEdgeAndInputTypeChecking
from anabranch.lifecycle.telling import _reported

FLOW = """
def number(n: int) -> Parallelizable[int]:
    return range(n)

@tag(owner="ann")
def inverse(number: int) -> float:
    return 6 / (number - 1)

def total(inverse: Collect[float]) -> float:
    return sum(inverse)
"""


@pytest.fixture
def module(flow):
    return flow(FLOW)


def test_runs_are_told_of_at_both_ends(module, book):
    driver = Driver({"a": 1}, module, adapter=Graphs(book))
    (built,) = book.lines("built")
    assert built["names"] == ["number", "inverse", "total", "n"] and built["config"] == {"a": 1}
    driver.execute(["total"], {"n": 1})
    driver.run(["inverse"], {"n": 4}, overrides={"inverse": 2.0})
    first, second = book.lines("started")
    assert first["outputs"] == ["total"] and first["inputs"] == {"n": 1} and first["size"] == 4
    assert first["path"] == ["number", "inverse", "total"]
    assert second["overrides"] == {"inverse": 2.0} and set(second["path"]) == {"number", "inverse"}
    ended = book.lines("finished")
    assert [line["results"] for line in ended] == [{"total": -6.0}, {"inverse": [2.0] * 4}]
    assert [line["run"] for line in ended] == [first["run"], second["run"]]
    assert all(line["success"] and line["error"] is None for line in ended)


def test_how_a_run_failed(module, book):
    driver = Driver({}, module, adapter=Graphs(book))
    with pytest.raises(ZeroDivisionError):
        driver.execute(["total"], {"n": 3})
    driver.execute(["total"], {"n": 3}, on_error="skip")
    failed, skipped = book.lines("finished")
    assert not failed["success"] and "ZeroDivisionError" in failed["error"] and failed["results"] is None
    assert skipped["success"] and skipped["failures"] == 1 and skipped["results"] == {"total": 0.0}


def test_a_request_that_does_not_fit_is_no_run(module, book):
    driver = Driver({}, module, adapter=Graphs(book))
    with pytest.raises(InputError):
        driver.execute(["total"], {"n": "three"})
    assert not book.lines("started", "finished")


def test_the_graph_that_is_told_of_has_the_users_functions(module):
    class Looking(GraphExecutionHook, NodeExecutionHook):
        def run_before_graph_execution(self, *, graph, **more):
            self.functions = [variable.function for variable in graph if not variable.is_input]
            self.exposed = graph.tagged(owner="ann").names

    hook = Looking()
    Driver({}, module, adapter=hook).execute(["total"], {"n": 1})
    assert hook.functions == [module.number, module.inverse, module.total] and hook.exposed == ("inverse",)


def test_hooks_of_runs_do_no_harm(module, caplog):
    class Failing(GraphExecutionHook, GraphConstructionHook):
        def run_after_graph_construction(self, **more):
            raise RuntimeError

        def run_before_graph_execution(self, **more):
            raise RuntimeError

        def run_after_graph_execution(self, **more):
            raise RuntimeError

    _reported.clear()
    with caplog.at_level(logging.ERROR, "anabranch"):
        driver = Driver({}, module, adapter=Failing())
        for _ in range(2):
            assert driver.execute(["total"], {"n": 1}) == {"total": -6.0}
    assert [record.message.split(" raised")[0] for record in caplog.records] == [
        "Failing.run_after_graph_construction", "Failing.run_before_graph_execution", "Failing.run_after_graph_execution"
    ]


def test_materializing_is_a_run_with_the_same_adapters(module, book, tmp_path):
    driver = Driver({}, module, adapter=[Graphs(book), Calls(book)])
    driver.materialize(to.json(id="saved", dependencies=["total"], path=tmp_path / "a.json"), inputs={"n": 1})
    (started,) = book.lines("started")
    assert started["path"][-1] == "saved"
    assert "saved" in [line["node"] for line in book.lines("before")]


# -- validators ----------------------------------------------------------------------------------------------------


class Owned(StaticValidator):
    def run_to_validate_node(self, *, node, **more):
        return ("owner" in node.tags, f"{node.name} has no owner")


class Small(StaticValidator):
    def run_to_validate_graph(self, graph, **more):
        return (len(graph) < 3, f"it has {len(graph)} names")


def test_validators_refuse_with_all_that_is_wrong(module):
    with pytest.raises(FlowError) as caught:
        Driver({}, module, adapter=[Owned(), Small()])
    lines = str(caught.value).splitlines()
    assert lines[0] == "the dataflow is not as it should be:"
    assert "'number' (" in lines[1] and lines[1].endswith("number has no owner [Owned]")
    assert "'total' (" in lines[2]
    assert lines[3] == "  the dataflow: it has 4 names [Small]"
    assert len(lines) == 4


def test_validators_let_pass_what_is_right(module):
    class Right(StaticValidator):
        def run_to_validate_node(self, *, node):
            assert not node.is_input
            return True, None

    assert Driver({}, module, adapter=Right()).execute(["total"], {"n": 1}) == {"total": -6.0}


def test_validators_are_asked_of_materializers_too(module, tmp_path):
    class NoFiles(StaticValidator):
        def run_to_validate_node(self, *, node, **more):
            return "anabranch.data_saver" not in node.tags, None

    builder = Builder().with_modules(module).with_adapters(NoFiles())
    saving = to.json(id="saved", dependencies=["total"], path=tmp_path / "a.json")
    with pytest.raises(FlowError, match=r"'saved' .*it is refused \[NoFiles\]"):
        builder.with_materializers(saving).build()
    with pytest.raises(FlowError, match="'saved'"):
        builder.build().materialize(saving, inputs={"n": 1})


def test_an_error_of_a_validator_is_an_error(module):
    class Broken(StaticValidator):
        def run_to_validate_node(self, **more):
            raise LookupError("broken")

    with pytest.raises(LookupError, match="broken"):
        Driver({}, module, adapter=Broken())


# -- types ---------------------------------------------------------------------------------------------------------

MISFITS = """
def text(n: int) -> str:
    return str(n)

def number(text: int) -> int:
    return int(text)
"""


def test_types_that_do_not_fit_can_be_let_pass(flow):
    module = flow(MISFITS)
    with pytest.raises(FlowError, match="takes int, but 'text'"):
        Driver({}, module)
    driver = Driver({}, module, adapter=NoEdgeAndInputTypeChecking())
    assert driver.execute(["number"], {"n": "7"}) == {"number": 7}
    assert Driver({}, flow(FLOW)).graph.lets_pass is None


def test_only_what_does_not_fit_is_asked_about(flow):
    asked = []

    class Lenient(EdgeConnectionHook):
        def check_edge_types_match(self, type_from, type_to):
            asked.append((type_from, type_to))
            return type_from is str and type_to is int

        def validate_input(self, node_type, input_value):
            asked.append((node_type, input_value))
            return input_value == "7"

    driver = Driver({}, flow(MISFITS), adapter=Lenient())
    assert asked == [(str, int)]
    assert driver.execute(["number"], {"n": 7}) == driver.execute(["number"], {"n": "7"}) == {"number": 7}
    with pytest.raises(InputError, match="input 'n' is float"):
        driver.execute(["number"], {"n": 7.5})
    assert asked[1:] == [(int, "7"), (int, 7.5)]


def test_what_is_materialized_is_let_pass_too(flow, tmp_path):
    (tmp_path / "a.json").write_text("5")
    driver = Driver({}, flow(MISFITS), adapter=NoEdgeAndInputTypeChecking())
    loading = from_.json(target="n", path=tmp_path / "a.json")
    assert driver.materialize(loading, additional_vars=["number"]) == ({}, {"number": 5})


# -- the older form ------------------------------------------------------------------------------------------------


class Older(GraphAdapter):
    def __init__(self) -> None:
        self.called: list[str] = []

    @staticmethod
    def check_input_type(node_type: Any, input_value: Any) -> bool:
        return isinstance(input_value, str)

    @staticmethod
    def check_node_type_equivalence(node_type: Any, input_type: Any) -> bool:
        return node_type is int and input_type is str

    def execute_node(self, node: Any, kwargs: dict[str, Any]) -> Any:
        self.called.append(node.name)
        return node.callable(**kwargs)

    def build_result(self, **outputs: Any) -> Any:
        return list(outputs.values())


def test_checks_calls_and_results_in_one(flow):
    adapter = Older()
    assert Driver({}, flow(MISFITS), adapter=adapter).execute(["number", "text"], {"n": "7"}) == [7, "7"]
    assert adapter.called == ["text", "number"]


def test_the_older_form_by_itself_changes_nothing(flow):
    with pytest.raises(FlowError, match="takes int"):
        Driver({}, flow(MISFITS), adapter=GraphAdapter())
    assert Driver({}, flow(FLOW), adapter=GraphAdapter()).execute(["total"], {"n": 1}) == {"total": -6.0}


# -- what is no adapter --------------------------------------------------------------------------------------------


def test_what_is_asked_of_adapters(module):
    with pytest.raises(InputError, match="or of a class of anabranch.lifecycle, not object"):
        Builder().with_adapters(object())
    with pytest.raises(InputError, match=r"objects, not classes: write Owned\("):
        Builder().with_adapters(Owned)


def test_one_adapter_may_be_several_things(module):
    class Everything(NodeExecutionHook, NodeExecutionMethod, GraphExecutionHook, ResultBuilder):
        def __init__(self):
            self.told = []

        def __call__(self, event):
            self.told.append(type(event).__name__)

        def run_before_node_execution(self, *, node_name, **more):
            self.told.append(node_name)

        def run_to_execute_node(self, *, node_callable, node_kwargs, **more):
            return node_callable(**node_kwargs)

        def run_after_graph_execution(self, **more):
            self.told.append("over")

        def build_result(self, **outputs):
            return outputs["total"]

    adapter = Everything()
    assert Driver({}, module, adapter=adapter).execute(["total"], {"n": 1}) == -6.0
    assert adapter.told[0] == "RunStarted" and adapter.told[-2:] == ["over", "RunFinished"] and "total" in adapter.told


def test_a_driver_without_adapters_imports_none_of_it():
    import subprocess
    import sys

    text = (
        "import sys; from anabranch import Builder, module_from_functions\n"
        "def a(n: int) -> int: return n\n"
        "def see(event): pass\n"
        "d = Builder().with_modules(module_from_functions(a)).with_adapters(see).build()\n"
        "assert d.execute(['a'], {'n': 1}) == {'a': 1}\n"
        "print([name for name in sys.modules if name.startswith(('anabranch.lifecycle', 'anabranch.driver.hooks', 'anabranch.driver.watched'))])"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
