"""The driver and the builder in Hamilton's words, where they are not the same as ours."""

from __future__ import annotations

import json
import logging
import sys

import pandas as pd
import pytest

pytestmark = pytest.mark.usefixtures("hamilton")


@pytest.fixture
def module():
    from hamilton import ad_hoc_utils
    from hamilton.function_modifiers import tag

    def one(given: int) -> int:
        return given + 1

    @tag(owner="me")
    def two(one: int, more: int = 0) -> int:
        """Twice."""
        return 2 * one + more

    made = ad_hoc_utils.create_temporary_module(one, two, module_name="module_of_a_driver_test")
    yield made
    del sys.modules["module_of_a_driver_test"]


def build(module, *adapters, **config):
    from hamilton import driver

    return driver.Builder().with_modules(module).with_adapters(*adapters).with_config(config).build()


def test_a_builder_gives_dicts_and_a_driver_frames(module):
    from hamilton import base, driver

    assert build(module).execute(["two", "given"], inputs={"given": 3}) == {"two": 8, "given": 3}
    frame = driver.Driver({"given": 3}, module).execute(["one", "two"])
    pd.testing.assert_frame_equal(frame, pd.DataFrame({"one": [4], "two": [8]}))
    as_dict = driver.Driver({"given": 3}, module, adapter=base.DefaultAdapter())
    assert as_dict.execute(["two"]) == {"two": 8}
    assert driver.Driver({"given": 3}, module).raw_execute(["two"]) == {"two": 8}


def test_the_order_of_arguments_is_theirs(module):
    assert build(module).execute(["two"], {"one": 10}, False, {"more": 5}) == {"two": 25}


def test_what_the_flow_does_not_know_is_not_looked_at(module):
    driver = build(module)
    assert driver.execute(["two"], inputs={"given": 1, "other": 2}, overrides={"nothing": 3}) == {"two": 4}
    assert driver.execute(["two", "other"], inputs={"given": 1, "other": 2}) == {"two": 4, "other": 2}
    with pytest.raises(ValueError, match="input 'one' is a function"):
        driver.execute(["two"], inputs={"given": 1, "one": 2})


def test_errors_are_value_errors(module):
    driver = build(module)
    for bad in (
        lambda: driver.execute(["three"], inputs={"given": 1}),
        lambda: driver.execute(["two"]),
        lambda: driver.execute(["two"], inputs={"given": "text"}),
        lambda: driver.validate_execution(["two"]),
        lambda: driver.execute([len]),
        lambda: driver.execute([3]),
        lambda: driver.list_available_variables(tag_filter={"owner": 3}),
        lambda: driver.cache,
    ):
        with pytest.raises(ValueError):
            bad()


def test_config_replaces_functions_and_is_listed(module):
    driver = build(module, one=20, unread=1)
    assert driver.execute(["two"]) == {"two": 40}
    assert {node.name: node.is_external_input for node in driver.list_available_variables()} == {
        "two": False,
        "one": True,
        "more": True,
        "unread": True,
    }


def test_a_builder_changes_and_can_be_copied(module):
    from hamilton import driver

    builder = driver.Builder()
    assert builder.with_modules(module) is builder
    twin = builder.copy().with_config({"given": 1})
    assert (builder.config, twin.config, twin.modules) == ({}, {"given": 1}, [module])
    with pytest.raises(ValueError, match="allow_experimental_mode=True"):
        builder.enable_dynamic_execution()
    with pytest.raises(ValueError, match="a remote executor can be chosen once enable_dynamic_execution"):
        builder.with_remote_executor(None)
    with pytest.raises(ValueError, match="one by one"):
        builder.with_materializers([])


def test_executors_and_who_chooses_them(module):
    from hamilton import driver
    from hamilton.execution import executors, grouping

    class Mine(executors.ExecutionManager):
        def get_executor_for_task(self, task: grouping.TaskImplementation) -> executors.TaskExecutor:
            return self.executors[0]

    local, remote = executors.SynchronousLocalTaskExecutor(), executors.MultiThreadingExecutor(3)
    builder = driver.Builder().with_modules(module).enable_dynamic_execution(allow_experimental_mode=True)
    made = builder.copy().with_execution_manager(Mine([local, remote])).build()
    assert made._driver._parts.executor.traits.slots == 3
    assert made.execute(["two"], inputs={"given": 1}) == {"two": 4}
    made = builder.copy().with_local_executor(local).with_remote_executor(local).build()
    assert made._driver._parts.executor.traits.slots == 1
    assert builder.build()._driver._parts.executor.traits.slots == 10
    with pytest.raises(ValueError, match="give either that or executors"):
        builder.copy().with_execution_manager(Mine([local])).with_local_executor(local)
    with pytest.raises(ValueError, match="give either an execution manager or these"):
        builder.copy().with_local_executor(local).with_execution_manager(Mine([local]))

    class Own(executors.TaskExecutor):
        pass

    with pytest.raises(ValueError, match="Own hands out tasks by itself"):
        builder.with_remote_executor(Own()).build()


def test_inputs_that_nobody_must_give_are_none_where_asked_for(module):
    driver = build(module)
    assert driver.raw_execute(["two", "more"], inputs={"given": 1}) == {"two": 4, "more": None}
    assert driver.raw_execute(["more", "two"], inputs={"given": 1, "more": 2}) == {"more": 2, "two": 6}
    with pytest.raises(ValueError, match="'given'"):
        driver.raw_execute(["given"])


def test_nodes_and_graphs_are_told_in_their_words(module):
    from hamilton import graph, graph_types, node

    driver = build(module)
    two = driver.graph.nodes["two"]
    assert (two.type, two.tags, two.documentation) == (int, {"module": module.__name__, "owner": "me"}, "Twice.")
    assert [one.name for one in two.dependencies] == ["one", "more"]
    assert two.requires("one") and not two.requires("more")
    assert two.default_parameter_values == {"more": 0}
    assert two.originating_functions == (module.two,)
    assert node.Node.from_fn(module.two) == two.copy_with(tags={"module": module.__name__})
    described = graph_types.HamiltonGraph.from_graph(driver.graph)
    assert described["two"].required_dependencies == {"one"}
    assert {one.name for one in described.filter_nodes(lambda one: one.is_external_input)} == {"given", "more"}
    document = json.loads(driver.export_execution(["two"]))
    assert [entry["name"] for entry in document["nodes"]] == ["given", "more", "one", "two"]
    found = graph.FunctionGraph.from_modules(module, config={"given": 2}).execute()
    assert (found["one"], found["two"]) == (3, 6)
    found = graph.FunctionGraph.from_modules(module, config={"one": 5}).execute()  # config stands in for a node
    assert (found["one"], found["two"]) == (5, 10)


def test_what_is_asked_of_the_flow(module):
    driver = build(module)
    assert [node.name for node in driver.what_is_upstream_of("one")] == ["one", "given"]
    assert [node.name for node in driver.what_is_downstream_of("one")] == ["one", "two"]
    assert [node.name for node in driver.what_is_the_path_between("given", "one")] == ["one", "given"]
    assert not driver.has_cycles(["two"])


@pytest.mark.parametrize(
    ("name", "options", "made"),
    [("flow.svg", {}, "flow.svg"), ("flow", {}, "flow.png"), ("flow", {"render_kwargs": {"format": "svg"}}, "flow.svg")],
)
def test_pictures_go_where_they_went(module, tmp_path, name, options, made):
    driver = build(module)
    driver.display_all_functions(tmp_path / name, **options, orient="TB", show_legend=False)
    driver.visualize_execution(["two"], str(tmp_path / name), options.get("render_kwargs"), {"given": 1}, {"graph_attr": {}})
    assert [path.name for path in tmp_path.iterdir()] == [made]


def test_adapters_in_the_older_form(module):
    from hamilton import base
    from hamilton.lifecycle import base as steps

    class Older(base.HamiltonGraphAdapter):
        def __init__(self):
            self.calls = []

        @staticmethod
        def check_input_type(node_type, input_value):
            return input_value == "3"

        @staticmethod
        def check_node_type_equivalence(node_type, input_type):
            return node_type == input_type

        def execute_node(self, node, kwargs):
            self.calls.append(node.name)
            return node.callable(**{name: int(value) for name, value in kwargs.items()})

        def build_result(self, **outputs):
            return sorted(outputs.items())

    class Steps(steps.BasePreNodeExecute, steps.BasePostNodeExecute, steps.BasePreDoAnythingHook, steps.BasePostGraphExecute):
        def __init__(self):
            self.seen = []

        def pre_do_anything(self):
            self.seen.append("start")

        def pre_node_execute(self, *, run_id, node_, kwargs, task_id=None):
            self.seen.append((node_.name, kwargs))

        def post_node_execute(self, *, run_id, node_, kwargs, success, error, result, task_id=None):
            self.seen.append((node_.name, result))

        def post_graph_execute(self, *, run_id, graph, success, error, results):
            self.seen.append((sorted(graph.nodes), results))

    older, seen = Older(), Steps()
    assert build(module, older, seen).execute(["two", "one"], inputs={"given": "3"}) == [("one", 4), ("two", 8)]
    assert older.calls == ["one", "two"]
    assert seen.seen == [
        "start",
        ("one", {"given": "3"}),
        ("one", 4),
        ("two", {"one": 4}),
        ("two", 8),
        (["given", "more", "one", "two"], {"two": 8, "one": 4}),
    ]
    both = steps.LifecycleAdapterSet(older, seen)
    assert both.does_hook("pre_node_execute", is_async=False)
    assert not both.does_method("do_node_execute")


def test_modules_that_are_made(module):
    from hamilton import ad_hoc_utils

    with pytest.raises(ValueError, match="there is a module 'module_of_a_driver_test' already"):
        ad_hoc_utils.create_temporary_module(module.one, module_name="module_of_a_driver_test")
    written = ad_hoc_utils.create_module("def three(two: int) -> int:\n    return two + 3\n")
    assert sys.modules.pop(written.__name__) is written
    assert build(module).execute(["two"], inputs={"given": 0}) == {"two": 2}
    from hamilton import driver

    assert driver.Builder().with_modules(module, written).build().execute(["three"], inputs={"given": 0}) == {"three": 5}


def test_small_things_that_are_used_widely(monkeypatch, tmp_path):
    from hamilton import log_setup, registry, settings, telemetry, version
    from hamilton.htypes import Collect, column, get_type_as_string
    from hamilton.io.utils import get_file_metadata
    from hamilton.registry import LOADER_REGISTRY

    telemetry.disable_telemetry()
    registry.disable_autoload()
    registry.initialize()
    assert not telemetry.is_telemetry_enabled()
    assert version.VERSION >= (1, 90)
    assert settings.ENABLE_POWER_USER_MODE == "hamilton.enable_power_user_mode"
    assert get_type_as_string(column[pd.Series, int]) == "Series"
    assert get_type_as_string(Collect[int]) == "Collect[int]"
    assert {"json", "csv", "pickle"} <= set(LOADER_REGISTRY)
    (tmp_path / "x").write_text("abc")
    assert get_file_metadata(tmp_path / "x")["file_metadata"]["size"] == 3
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    level = root.level
    log_setup.setup_logging(log_setup.LOG_LEVELS["ERROR"])
    assert root.level == logging.ERROR and len(root.handlers) == 1
    root.setLevel(level)


def test_a_circle_is_told_and_nothing_else_can_be_asked():
    from hamilton import ad_hoc_utils, driver

    def hen(egg: int) -> int:
        return egg

    def egg(hen: int, nest: int) -> int:
        return hen + nest

    flow = ad_hoc_utils.create_temporary_module(hen, egg, module_name="module_of_a_circle")
    try:
        with driver.Driver({}, flow) as first:
            assert first.has_cycles(["egg"])
            for asked in (
                lambda: first.execute(["egg"], inputs={"nest": 1}),
                lambda: first.materialize(additional_vars=["egg"]),
                first.list_available_variables,
                lambda: first.what_is_upstream_of("egg"),
            ):
                with pytest.raises(RecursionError, match="in a circle: "):
                    asked()
        assert not hasattr(driver.Driver({}), "nothing")
        dynamic = driver.Builder().with_modules(flow).enable_dynamic_execution(allow_experimental_mode=True).build()
        assert dynamic.has_cycles(["egg"])
    finally:
        del sys.modules["module_of_a_circle"]


def test_inputs_that_need_not_be_given_are_upstream_unless_it_is_said_what_is_given(module):
    graph = build(module).graph
    for given, inputs in ((None, {"given", "more"}), ({"given": 1}, {"given"}), ({"more": 1}, {"given", "more"})):
        nodes, found = graph.get_upstream_nodes(["two"], given)
        assert {node.name for node in found} == inputs
        assert {node.name for node in nodes} == {"one", "two", *inputs}


def test_outputs_of_steps_are_named_once():
    from hamilton.function_modifiers import macros, pipe_output, step

    def more(given: int) -> int:
        return given + 1

    with pytest.raises(macros.SingleTargetError, match="for all steps and for one"):
        pipe_output(step(more).on_output("left"), on_output="right")
    with pytest.raises(ValueError, match="names no outputs"):
        pipe_output(step(more), on_output=...)


def test_what_declarations_load_and_save_tells_the_classes_and_has_no_node_for_metadata():
    from hamilton import ad_hoc_utils, driver
    from hamilton.io.materialization import from_, to

    def out(data: dict) -> dict:
        return data

    flow = ad_hoc_utils.create_temporary_module(out, module_name="module_of_declarations")
    try:
        declared = from_.json(target="data", path="in"), to.json(id="saved", dependencies=["out"], path="out")
        built = driver.Builder().with_modules(flow).with_materializers(*declared).build()
        tags = {one.name: one.tags for one in built.list_available_variables()}
        downstream = {one.name for one in built.what_is_downstream_of("load_data.data")}
    finally:
        del sys.modules["module_of_declarations"]
    loader = "hamilton.data_loader"
    common = {loader: True, f"{loader}.source": "json", f"{loader}.classname": "JSONDataLoader", f"{loader}.node": "data"}
    saver = "hamilton.data_saver"
    assert tags == {
        "load_data.data": {**common, f"{loader}.has_metadata": True},
        "data": {**common, f"{loader}.has_metadata": False},
        "out": {"module": "module_of_declarations"},
        "saved": {saver: True, f"{saver}.sink": "json", f"{saver}.classname": "JSONDataSaver"},
    }
    assert downstream == tags.keys()


def test_a_validator_of_nodes_is_asked_of_inputs_too_and_of_all_before_it_refuses():
    from hamilton import ad_hoc_utils, driver
    from hamilton.lifecycle.base import BaseValidateGraph, BaseValidateNode

    asked = []

    class Strict(BaseValidateNode, BaseValidateGraph):
        def validate_node(self, *, created_node):
            asked.append(created_node.name)
            return created_node.name != "second", "'second' is not wanted"

        def validate_graph(self, *, graph, modules, config):
            asked.append(sorted(graph.nodes))
            return True, None

    def first(given: int) -> int:
        return given

    def second(first: int) -> int:
        return first

    with pytest.raises(ValueError, match="'second' is not wanted"):
        driver.Builder().with_modules(ad_hoc_utils.create_temporary_module(first, second)).with_adapters(Strict()).build()
    assert sorted(asked[:-1]) == ["first", "given", "second"]
    assert asked[-1] == ["first", "given", "second"]


def test_kinds_of_indexes_are_told():
    import pandas as pd
    from hamilton import base

    days = pd.Series([1, 2], index=pd.to_datetime(["2024-01-01", "2024-01-02"]))
    found = base.PandasDataFrameResult.pandas_index_types({"a": pd.Series([1, 2]), "days": days, "n": 3})
    every, times, without = found
    assert list(every) == ["RangeIndex:::int64", f"DatetimeIndex:::{days.index.dtype}", "no-index"]
    assert list(times.values()) == [["days"]]
    assert without == {"no-index": ["n"]}
    assert not base.PandasDataFrameResult.check_pandas_index_types_match(*found)
    alike = base.PandasDataFrameResult.pandas_index_types({"a": pd.Series([1]), "n": 3})
    assert base.PandasDataFrameResult.check_pandas_index_types_match(*alike)


def test_steps_of_adapters_say_what_they_are():
    from hamilton.lifecycle import base

    @base.lifecycle.base_hook("before_tea")
    class Tea:
        async def before_tea(self): ...

    assert getattr(Tea, base.ASYNC_HOOK) == "before_tea"
    assert "before_tea" in base.REGISTERED_ASYNC_HOOKS

    def told(self, *, node: str) -> int: ...

    base.validate_lifecycle_adapter_function(told, returns_value=True, return_type="int")
    for wrong in ({"returns_value": False}, {"returns_value": True, "return_type": str}):
        with pytest.raises(base.InvalidLifecycleAdapter):
            base.validate_lifecycle_adapter_function(told, **wrong)
