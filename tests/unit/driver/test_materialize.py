"""Declarations and result builders, as builder and driver take them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from anabranch import Builder, Collect, Driver, FlowError, InputError, Parallelizable, module_from_functions
from anabranch.events import Event, RunFinished
from anabranch.io import from_, to
from anabranch.results import DictResult, PandasDataFrameResult, ResultBuilder


def word(text: str) -> Parallelizable[str]:
    yield from text.split()


def length(word: str) -> int:
    return len(word)


def total(length: Collect[int]) -> int:
    return sum(length)


FLOW = module_from_functions(word, length, total)
INPUTS = {"text": "a bb ccc"}


class Sentence(ResultBuilder):
    def build_result(self, **outputs: Any) -> str:
        return ", ".join(f"{name}={value}" for name, value in outputs.items())


@pytest.fixture(params=["sequential", "threads", "processes"])
def builder(request: pytest.FixtureRequest) -> Builder:
    options = {} if request.param == "sequential" else {"workers": 2}
    return Builder().with_modules(FLOW).with_executor(request.param, **options)


def test_what_is_declared_in_the_builder_is_part_of_the_flow(builder: Builder, tmp_path: Path) -> None:
    declared = builder.with_materializers(from_.json(target="text", path=tmp_path / "text.json")).with_materializers(
        to.json(id="saved", dependencies=["length"], path=f"{tmp_path}/{{item}}.json")
    )
    (tmp_path / "text.json").write_text('"one three"')
    with declared.build() as driver:
        assert driver.execute(["total"]) == {"total": 8}
        assert len(driver.execute(["saved"])["saved"]) == 2
    assert [json.loads((tmp_path / f"{n}.json").read_text()) for n in range(2)] == [3, 5]
    assert not builder.materializers


def test_materialize_gives_what_is_known_and_what_is_wanted_besides(builder: Builder, tmp_path: Path) -> None:
    path = tmp_path / "total.json"
    with builder.build() as driver:
        graph = driver.graph
        saved, values = driver.materialize(
            to.json(id="kept", dependencies=[total], path=path), additional_vars=[length, "text"], inputs=INPUTS
        )
        assert driver.graph is graph and "kept" not in graph.nodes
        assert saved["kept"]["file_metadata"]["path"] == str(path)
        assert values == {"length": [1, 2, 3], "text": "a bb ccc"}
        assert driver.execute(["total"], INPUTS) == {"total": 6}
    assert json.loads(path.read_text()) == 6


def test_materialize_loads_in_the_place_of_a_function(builder: Builder, tmp_path: Path) -> None:
    (tmp_path / "words.json").write_text('["x", "yy"]')
    with builder.build() as driver:
        loading = from_.json(target=word, path=tmp_path / "words.json")
        assert driver.materialize(loading, additional_vars=["total"]) == ({}, {"total": 3})
        with pytest.raises(InputError, match="no output is asked for"):
            driver.materialize(loading)
        overridden = driver.materialize(loading, additional_vars=["total"], overrides={"length": 5})
    assert overridden == ({}, {"total": 10})


def test_one_output_may_be_saved_and_wanted(builder: Builder, tmp_path: Path) -> None:
    with builder.build() as driver:
        saving = to.json(id="kept", dependencies=["total"], path=tmp_path / "a.json")
        saved, values = driver.materialize(saving, additional_vars=["kept", "total"], inputs=INPUTS)
    assert values == {"kept": saved["kept"], "total": 6}


def test_failure_policies_hold_for_what_is_materialized(tmp_path: Path) -> None:
    def length(word: str) -> int:
        return 1 // (len(word) - 1)

    with Builder().with_modules(module_from_functions(word, length)).build() as driver:
        saving = to.json(id="kept", dependencies=["length"], path=tmp_path / "a.json")
        driver.materialize(saving, inputs=INPUTS, on_error="skip")
    assert json.loads((tmp_path / "a.json").read_text()) == [1, 0]


def test_validating_runs_nothing(tmp_path: Path) -> None:
    def touch(text: str) -> int:
        raise AssertionError

    driver = Builder().with_modules(module_from_functions(touch)).build()
    saving = to.json(id="kept", dependencies=["touch"], path=tmp_path / "a.json")
    driver.validate_materialization(saving, additional_vars=["touch"], inputs={"text": ""})
    with pytest.raises(InputError, match="input is missing: 'text'"):
        driver.validate_materialization(saving)
    with pytest.raises(FlowError, match="there is no 'tuch' to be saved; did you mean 'touch'"):
        driver.validate_materialization(to.json(id="kept", dependencies=["tuch"], path="a.json"))
    assert not list(tmp_path.iterdir())


def test_a_picture_of_what_would_be_materialized(tmp_path: Path) -> None:
    pytest.importorskip("graphlay")
    driver = Builder().with_modules(FLOW).build()
    saving = to.json(id="kept", dependencies=["total"], path="a.json")
    picture = driver.visualize_materialization(saving, path=tmp_path / "flow.svg", direction="right")
    assert "kept" in picture.mermaid and "total" in picture.mermaid
    assert (tmp_path / "flow.svg").exists()


def test_the_executor_is_shared_and_left_open(tmp_path: Path) -> None:
    from anabranch_executors.threads import ThreadExecutor

    class Counting(ThreadExecutor):
        closed = 0

        def close(self) -> None:
            self.closed += 1
            super().close()

    executor = Counting(workers=2)
    driver = Builder().with_modules(FLOW).with_executor(executor).build()
    driver.materialize(to.json(id="kept", dependencies=["total"], path=tmp_path / "a.json"), inputs=INPUTS)
    driver.close()
    assert not executor.closed  # the user opened it
    executor.close()


# -- result builders -----------------------------------------------------------------------------------------------


def test_a_result_builder_makes_what_execute_returns(builder: Builder) -> None:
    with builder.with_adapters(Sentence()).build() as driver:
        assert driver.execute(["total", "length"], INPUTS) == "total=6, length=[1, 2, 3]"
        assert driver.run(["total"], INPUTS).results == {"total": 6}
        assert driver.submit(["total"], INPUTS).result().results == {"total": 6}


def test_a_result_builder_makes_the_values_of_materialize_and_not_the_facts(tmp_path: Path) -> None:
    driver = Builder().with_modules(FLOW).with_adapters(Sentence()).build()
    saving = to.json(id="kept", dependencies=["total"], path=tmp_path / "a.json")
    saved, values = driver.materialize(saving, additional_vars=["total"], inputs=INPUTS)
    assert (list(saved), values) == (["kept"], "total=6")


def test_a_flow_that_is_one_call_goes_by_the_result_builder_too() -> None:
    def doubled(n: int) -> int:
        return 2 * n

    driver = Builder().with_modules(module_from_functions(doubled)).with_adapters(PandasDataFrameResult()).build()
    assert driver.execute(["doubled", "n"], {"n": 3}).to_dict("list") == {"doubled": [6], "n": [3]}


def test_observers_and_a_result_builder_go_together() -> None:
    seen: list[Event] = []
    driver = Builder().with_modules(FLOW).with_adapters(seen.append).with_adapters(Sentence()).build()
    assert driver.execute(["total"], INPUTS) == "total=6"
    assert isinstance(seen[-1], RunFinished)


def test_an_error_of_the_result_builder_is_the_callers() -> None:
    class Broken(ResultBuilder):
        def build_result(self, **outputs: Any) -> Any:
            raise LookupError("no table")

    with pytest.raises(LookupError, match="no table"):
        Builder().with_modules(FLOW).with_adapters(Broken()).build().execute(["total"], INPUTS)


def test_what_is_no_adapter() -> None:
    with pytest.raises(InputError, match="one result builder, not 2: DictResult and Sentence"):
        Builder().with_adapters(DictResult()).with_adapters(Sentence())
    with pytest.raises(InputError, match=r"objects, not classes: write DictResult\("):
        Builder().with_adapters(DictResult)  # type: ignore[arg-type]
    with pytest.raises(FlowError, match="materializers are made with"):
        Builder().with_modules(FLOW).with_materializers("to.json").build()  # type: ignore[arg-type]


# -- the constructor, and how outputs are named --------------------------------------------------------------------


def test_a_driver_is_made_at_once() -> None:
    driver = Driver({"text": "a bb"}, FLOW)
    assert driver.execute(["total"]) == {"total": 3}
    assert Driver({}, FLOW).execute(["total"], INPUTS) == {"total": 6}
    assert Driver({"text": "a"}, FLOW, adapter=Sentence()).execute(["total"]) == "total=1"
    seen: list[Event] = []
    assert Driver({"text": "a"}, FLOW, adapter=[seen.append, Sentence()]).execute(["total"]) == "total=1"
    assert seen


def test_a_driver_that_is_made_at_once_of_several_modules() -> None:
    def length(word: str) -> int:
        return 1

    other = module_from_functions(length, name="other")
    with pytest.raises(FlowError, match="two functions are called 'length'"):
        Driver({}, FLOW, other)
    assert Driver({}, FLOW, other, allow_module_overrides=True).execute(["total"], INPUTS) == {"total": 3}


def test_outputs_are_names_functions_or_variables() -> None:
    driver = Driver({}, FLOW)
    variables = {variable.name: variable for variable in driver.list_available_variables()}
    wanted = [total, "length", variables["text"], variables["word"]]
    expected = {"total": 6, "length": [1, 2, 3], "text": "a bb ccc", "word": ["a", "bb", "ccc"]}
    assert driver.execute(wanted, INPUTS) == expected
    assert driver.execute(tuple(expected), INPUTS) == expected
    assert driver.execute(iter(wanted), INPUTS) == expected  # type: ignore[arg-type]
    assert driver.execute("total", INPUTS) == driver.execute([total], INPUTS) == {"total": 6}
    assert len(driver._plans) == 2
    driver.validate_execution([total], INPUTS)
    with pytest.raises(InputError, match="outputs are names, functions or variables, not int"):
        driver.execute([3], INPUTS)  # type: ignore[list-item]


def test_one_name_is_not_the_list_of_its_letters() -> None:
    def a() -> int:
        return 1

    def b() -> int:
        return 2

    def ab() -> int:
        return 3

    driver = Driver({}, module_from_functions(a, b, ab))
    assert driver.execute(["a", "b"]) == {"a": 1, "b": 2}
    assert driver.execute("ab") == {"ab": 3}
