"""Large flows of plain calls are gone through as a table; whatever they do, they do as small ones, which are compiled."""

from __future__ import annotations

import gc
import traceback
import weakref
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from anabranch import Builder, Driver, InputError, Skip, module_from_functions
from anabranch.plan import straight
from anabranch.plan.straight import LEAST

Kind = Callable[..., ModuleType]


def small(*functions: Callable[..., Any]) -> ModuleType:
    return module_from_functions(*functions)


def large(*functions: Callable[..., Any]) -> ModuleType:
    """The same flow with so many more functions, that none of these needs, that it is a large one."""
    flow = module_from_functions(*functions)
    for number in range(LEAST):
        exec(f"def more_{number}(seed: int = 0) -> int: return seed", flow.__dict__)
    return flow


def everything(driver: Driver, inputs: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = driver.execute(list(driver.graph.nodes), inputs)
    return {name: value for name, value in found.items() if not name.startswith("more_")}


@pytest.fixture(params=[small, large])
def kind(request: pytest.FixtureRequest) -> Kind:
    made: Kind = request.param
    return made


def first(number: int) -> int:
    return number + 1


def second(first: int, /, *, number: int, factor: int = 10) -> int:
    return first * factor + number


def third(first: int, second: int = 5, third_of: int = 3, *, last: int = 7) -> tuple[int, ...]:
    return first, second, third_of, last


def test_only_large_flows_of_plain_calls_become_tables() -> None:
    many = Builder().with_modules(large(first, second, third)).build().graph
    few = Builder().with_modules(small(first, second, third)).build().graph
    assert straight(few, list(few.nodes), {"number"}) is None
    assert straight(many, ["third"], {"number"}) is None
    table = straight(many, list(many.nodes), {"number"})
    assert table is not None
    assert table.inputs == ("number",)
    assert {name for name, *_ in table.calls} == set(many.nodes)


def test_arguments_are_given_as_the_signature_wants_them(kind: Kind) -> None:
    driver = Builder().with_modules(kind(first, second, third)).build()
    assert everything(driver, {"number": 1}) == {"first": 2, "second": 21, "third": (2, 21, 3, 7)}
    assert everything(driver, {"number": 1, "last": 0})["third"] == (2, 21, 3, 0)
    assert everything(driver, {"number": 1, "factor": 2, "third_of": 8})["third"] == (2, 5, 8, 7)


def test_inputs_and_config_can_be_asked_for(kind: Kind) -> None:
    driver = Builder().with_modules(kind(first)).with_config({"region": "north"}).build()
    found = driver.execute([*driver.graph.nodes, "region", "number"], {"number": 1})
    assert (found["region"], found["number"], found["first"]) == ("north", 1, 2)
    assert list(found)[-2:] == ["region", "number"]


def failing(first: int) -> int:
    raise ValueError(f"no {first}")


def skipping(first: int) -> int:
    raise Skip


def ending(first: int) -> int:
    raise SystemExit(3)


def stopping(first: int) -> int:
    raise KeyboardInterrupt


def wrongly_called(first: int) -> int:
    return len(first)  # type: ignore[arg-type]


@pytest.mark.parametrize("function", [failing, skipping, ending, stopping, wrongly_called])
def test_failures_say_the_same(function: Callable[..., Any]) -> None:
    seen = []
    for make in (small, large):
        driver = Builder().with_modules(make(first, function)).build()
        with pytest.raises(BaseException) as caught:
            everything(driver, {"number": 1})
        error = caught.value
        lines = [(frame.name, frame.lineno) for frame in traceback.extract_tb(error.__traceback__) if frame.filename == __file__]
        seen.append((type(error), str(error), getattr(error, "__notes__", None), error.__context__, error.__cause__, lines))
    assert seen[0] == seen[1]


def test_what_is_wrong_with_a_request_is_said_first(kind: Kind) -> None:
    driver = Builder().with_modules(kind(first, second)).build()
    names = list(driver.graph.nodes)
    with pytest.raises(InputError, match="input is missing: 'number'"):
        driver.execute(names)
    with pytest.raises(InputError, match="input 'number' is str, but 'first' .* takes int"):
        driver.execute(names, {"number": "1"})
    with pytest.raises(InputError, match="unknown output 'fist'; did you mean 'first'"):
        driver.execute([*names, "fist"], {"number": 1})


def test_overrides_and_policies_are_for_the_plan(kind: Kind) -> None:
    driver = Builder().with_modules(kind(first, second)).build()
    names = list(driver.graph.nodes)
    assert driver.execute(names, {"number": 1}, overrides={"first": 7})["second"] == 71
    assert driver.run(names, {"number": 1}).results["second"] == 21
    assert driver.execute(names, {"number": 1}, on_error="skip")["second"] == 21
    texts = [code.source for _, code in driver.plan(names, ["number"]).codes]
    assert any("v_second = f_second(v_first, number=v_number)" in text for text in texts)


class Thing:
    """Something whose end can be seen."""


def test_a_value_is_dropped_after_its_last_reader(kind: Kind) -> None:
    watched = []

    def thing() -> Thing:
        made = Thing()
        watched.append(weakref.ref(made))
        return made

    def reader(thing: Thing) -> int:
        assert watched[0]() is thing
        return 1

    def later(reader: int) -> bool:
        gc.collect()
        return watched[0]() is None

    driver = Builder().with_modules(kind(thing, reader, later)).build()
    names = [name for name in driver.graph.nodes if name != "thing"]
    assert driver.execute(names)["later"] is True
