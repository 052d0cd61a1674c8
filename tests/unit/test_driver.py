from __future__ import annotations

import dataclasses
import gc
import logging
import re
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from anabranch import Builder, Collect, InputError, Parallelizable, PerItem, Skip, Variable, cross, module_from_functions
from anabranch.driver import kinds_of
from anabranch.events import (
    CallFinished,
    FanFinished,
    FanOpened,
    ItemFailed,
    RunFinished,
    RunStarted,
    SpanFinished,
    SpanSubmitted,
)
from anabranch.executor import Traits
from anabranch_executors.processes import ProcessExecutor
from anabranch_executors.sequential import SequentialExecutor
from anabranch_executors.threads import ThreadExecutor

CALLS: list[str] = []


def root(start: int) -> int:
    CALLS.append("root")
    return start


def x(root: int, n: int = 4) -> Parallelizable[int]:
    """The items."""
    CALLS.append("x")
    return range(root, root + n)


def y(x: int) -> int:
    CALLS.append("y")
    return x * x


def w(y: int) -> Parallelizable[int]:
    CALLS.append("w")
    return range(y)


def leaf(w: int, x: int) -> int:
    CALLS.append("leaf")
    return w + x


def per(leaf: Collect[int]) -> int:
    CALLS.append("per")
    return sum(leaf)


def total(y: Collect[int]) -> int:
    CALLS.append("total")
    return sum(y)


def share(y: int, total: int) -> float:
    CALLS.append("share")
    return y / total


def aside(start: int) -> int:
    CALLS.append("aside")
    return -start


FLOW = module_from_functions(root, x, y, w, leaf, per, total, share, aside)


@pytest.fixture(autouse=True)
def _no_calls_yet():
    CALLS.clear()


@pytest.fixture(scope="module")
def pools():
    found = {"sequential": SequentialExecutor(), "threads": ThreadExecutor(workers=2), "processes": ProcessExecutor(workers=2)}
    yield found
    for executor in found.values():
        executor.close()


@pytest.fixture(params=["sequential", "threads"])
def driver(request, pools):
    return Builder().with_modules(FLOW).with_executor(pools[request.param]).build()


# -- the builder ---------------------------------------------------------------------------------------------------


def test_a_builder_never_changes():
    empty = Builder()
    steps = [
        empty.with_modules(FLOW),
        empty.with_config({"a": 1}),
        empty.with_executor("threads", workers=2),
        empty.with_adapters(print),
        empty.allow_module_overrides(),
    ]
    assert empty == Builder()
    assert all(step != empty for step in steps)
    with pytest.raises(dataclasses.FrozenInstanceError):
        empty.modules = ()


def test_what_is_added_adds_up_and_the_last_executor_wins():
    other = module_from_functions(aside)
    builder = Builder().with_modules(FLOW).with_modules(other).with_config({"a": 1, "b": 1}).with_config({"b": 2})
    builder = builder.with_executor("threads", workers=2).with_executor("sequential")
    assert builder.modules == (FLOW, other)
    assert builder.config == {"a": 1, "b": 2}
    assert (builder.executor, builder.options) == ("sequential", {})


def test_a_copy_is_the_same_and_another():
    builder = Builder().with_modules(FLOW).with_config({"a": 1})
    assert builder.copy() == builder
    assert builder.copy() is not builder


def test_a_config_that_is_changed_later_changes_nothing():
    config = {"start": 1}
    builder = Builder().with_modules(FLOW).with_config(config)
    config["start"] = 5
    assert builder.build().execute(["aside"]) == {"aside": -1}


def test_one_builder_builds_many_drivers():
    builder = Builder().with_modules(FLOW)
    first, second = builder.build(), builder.with_config({"start": 3}).build()
    assert first.execute(["aside"], {"start": 1}) == {"aside": -1}
    assert second.execute(["aside"]) == {"aside": -3}


# -- execute -------------------------------------------------------------------------------------------------------


def test_outputs_come_in_the_order_in_which_they_are_asked_for(driver):
    found = driver.execute(["total", "aside", "start", "root"], {"start": 2})
    assert list(found.items()) == [("total", 4 + 9 + 16 + 25), ("aside", -2), ("start", 2), ("root", 2)]


def test_a_single_name_may_stand_alone(driver):
    assert driver.execute("total", {"start": 0}) == {"total": 14}
    assert driver.execute(("total",), {"start": 0}) == {"total": 14}
    assert driver.execute({"total": None}, {"start": 0}) == {"total": 14}


def test_a_name_that_is_asked_for_twice_is_there_once(driver):
    assert driver.execute(["aside", "aside"], {"start": 1}) == {"aside": -1}


def test_only_what_is_needed_runs(driver):
    driver.execute(["aside"], {"start": 1})
    assert CALLS == ["aside"]


def test_a_default_holds_unless_the_input_is_given(driver):
    assert driver.execute(["x"], {"start": 0}) == {"x": [0, 1, 2, 3]}
    assert driver.execute(["x"], {"start": 0, "n": 2}) == {"x": [0, 1]}


def test_nodes_inside_a_block_come_as_lists_nested_by_axis(driver):
    found = driver.execute(["y", "w", "leaf", "per"], {"start": 0, "n": 3})
    assert found == {"y": [0, 1, 4], "w": [[], [0], [0, 1, 2, 3]], "leaf": [[], [1], [2, 3, 4, 5]], "per": [0, 1, 14]}


def test_results_belong_to_the_caller(driver):
    first = driver.execute(["y", "leaf"], {"start": 1})
    first["y"].clear()
    first["leaf"][0].clear()
    assert driver.execute(["y"], {"start": 1}) == {"y": [1, 4, 9, 16]}


@pytest.mark.parametrize("executor", ["sequential", "threads"])
def test_a_list_belongs_to_the_function_that_collects_it(executor):
    """The last one that reads it is given the list itself, any other a copy."""

    def number(count: int) -> Parallelizable[int]:
        yield from range(count)

    def twice(number: int) -> int:
        return 2 * number

    def emptied(twice: Collect[int], number: Collect[int]) -> int:
        total = sum(twice) + sum(number)
        twice.clear()
        number.clear()
        return total

    def emptied_too(emptied: int, twice: Collect[int]) -> int:
        total = emptied + sum(twice)
        twice.clear()
        return total

    def after(emptied_too: int, twice: int, number: int) -> int:
        return twice + number + emptied_too

    def end(after: Collect[int]) -> int:
        return sum(after)

    flow = module_from_functions(number, twice, emptied, emptied_too, after, end)
    with Builder().with_modules(flow).with_executor(executor).build() as driver:
        for outputs in (["emptied_too"], ["emptied_too", "twice"], ["end", "emptied"], ["end", "number"]):
            found = driver.execute(outputs, {"count": 3_000})
            whole = sum(range(3_000))
            expected = {
                "emptied": 3 * whole,
                "emptied_too": 5 * whole,
                "end": 3 * whole + 3_000 * 5 * whole,
                "twice": list(range(0, 6_000, 2)),
                "number": list(range(3_000)),
            }
            assert found == {name: expected[name] for name in outputs}


def test_inputs_that_are_not_needed_may_be_given(driver):
    assert driver.execute(["aside"], {"start": 1, "n": 3}) == {"aside": -1}


def test_an_input_can_be_an_output_alone(driver):
    assert driver.execute(["start"], {"start": 5}) == {"start": 5}
    assert CALLS == []


def test_an_optional_input_that_was_not_given_has_no_value(driver):
    with pytest.raises(InputError, match="input is missing: 'n'"):
        driver.execute(["n"], {"start": 5})


def test_none_is_a_value():
    def nothing(a: int | None) -> None: ...
    def after(nothing: None, b: int | None = 3) -> list[object]:
        return [nothing, b]

    driver = Builder().with_modules(module_from_functions(nothing, after)).build()
    assert driver.execute(["after", "nothing"], {"a": None, "b": None}) == {"after": [None, None], "nothing": None}


def test_an_optional_parameter_may_be_given_none_whatever_its_annotation():
    def f(a: int = None) -> str:  # noqa: RUF013
        return repr(a)

    assert Builder().with_modules(module_from_functions(f)).build().execute(["f"], {"a": None}) == {"f": "None"}


def test_plans_are_kept_per_names_and_not_per_values(driver):
    for start in range(5):
        assert driver.execute(["aside"], {"start": start}) == {"aside": -start}
    assert len(driver._plans) == 1


def test_validate_execution_runs_nothing_and_finds_what_execute_would(driver):
    driver.validate_execution(["total"], {"start": 1})
    with pytest.raises(InputError, match="missing"):
        driver.validate_execution(["total"])
    with pytest.raises(InputError, match="takes int"):
        driver.validate_execution(["total"], {"start": "x"})
    with pytest.raises(InputError, match="returns int"):
        driver.validate_execution(["total"], {"start": 1}, {"y": "x"})
    assert CALLS == []


# -- overrides, rule 10 --------------------------------------------------------------------------------------------


def executed(driver, outputs, inputs=None, **overrides):
    CALLS.clear()
    return driver.execute(outputs, inputs, overrides)


def test_a_value_for_a_node_outside_a_block(driver):
    assert executed(driver, ["total"], {"start": 0}, root=1) == {"total": 1 + 4 + 9 + 16}
    assert "root" not in CALLS


def test_a_value_for_a_node_inside_a_block_holds_for_every_item(driver):
    assert executed(driver, ["total", "y"], {"start": 0, "n": 3}, y=5) == {"total": 15, "y": [5, 5, 5]}
    assert "y" not in CALLS
    assert "x" in CALLS


def test_per_item_gives_one_each_and_needs_no_expander(driver):
    assert executed(driver, ["total"], None, y=PerItem([1, 2, 3])) == {"total": 6}
    assert CALLS == ["total"]
    assert executed(driver, ["total", "y"], None, y=PerItem([])) == {"total": 0, "y": []}


def test_per_item_beside_the_items_it_replaces(driver):
    assert executed(driver, ["share"], {"start": 0, "n": 2}, y=PerItem([1, 3])) == {"share": [0.25, 0.75]}
    assert executed(driver, ["x", "y"], {"start": 5, "n": 2}, y=PerItem([1, 3])) == {"x": [5, 6], "y": [1, 3]}


def test_per_item_for_two_axes_is_nested(driver):
    assert executed(driver, ["per"], None, leaf=PerItem([[1, 2], [], [3]])) == {"per": [3, 0, 3]}
    assert CALLS == ["per"] * 3
    assert executed(driver, ["per", "y"], {"start": 1, "n": 2}, leaf=PerItem([[1, 2], [3]])) == {"per": [3, 3], "y": [1, 4]}


def test_a_value_for_a_node_in_an_inner_block_holds_for_all_items(driver):
    assert executed(driver, ["per"], {"start": 1, "n": 3}, leaf=10) == {"per": [10, 40, 90]}


@pytest.mark.parametrize("items", [[7, 8], (7, 8), range(7, 9), {7: 0, 8: 0}.keys(), iter([7, 8]), (k for k in (7, 8))])
def test_new_items_for_an_expander(pools, items):
    driver = Builder().with_modules(FLOW).with_executor(pools["threads"]).build()
    assert executed(driver, ["total", "x"], None, x=items) == {"total": 49 + 64, "x": [7, 8]}
    assert set(CALLS) == {"y", "total"}


def test_no_items_for_an_expander(driver):
    assert executed(driver, ["total", "x"], None, x=[]) == {"total": 0, "x": []}


def test_the_same_new_items_for_every_outer_item(driver):
    assert executed(driver, ["leaf"], {"start": 0, "n": 2}, w=[10, 20]) == {"leaf": [[10, 20], [11, 21]]}
    assert executed(driver, ["leaf"], {"start": 0, "n": 2}, w=iter([10, 20])) == {"leaf": [[10, 20], [11, 21]]}
    assert "w" not in CALLS


def test_new_items_per_outer_item(driver):
    assert executed(driver, ["leaf"], {"start": 0, "n": 2}, w=PerItem([[1], [2, 3]])) == {"leaf": [[1], [3, 4]]}


def test_values_per_item_agree_on_how_many_items_there_are_before_anything_runs(driver):
    with pytest.raises(InputError, match="'x' has 2 items by override 'y', but 3 by override 'leaf'"):
        executed(driver, ["y", "per"], {"start": 0}, y=PerItem([1, 2]), leaf=PerItem([[1], [2], [3]]))
    with pytest.raises(InputError, match="'x' has 2 items by override 'y', but 3 by override 'leaf'"):
        driver.validate_execution(["y", "per"], {}, {"y": PerItem([1, 2]), "leaf": PerItem([[1], [2], [3]])})
    assert CALLS == []
    assert executed(driver, ["y"], None, y=PerItem([1, 2]), leaf=PerItem([[1], [2], [3]])) == {"y": [1, 2]}, "one is not read"


def test_values_per_pair_agree_with_others_along_each_axis():
    def a() -> Parallelizable[int]:
        return [1, 2]

    def b() -> Parallelizable[int]:
        return [1, 2]

    def half(b: int) -> float:
        return b / 2

    @cross
    def pair(a: int, b: int) -> int:
        return a * b

    driver = Builder().with_modules(module_from_functions(a, b, half, pair)).build()
    pairs = PerItem([[1, 2], [3, 4]])
    found = driver.execute(["pair", "half"], overrides={"pair": pairs, "half": PerItem([7, 8])})
    assert found == {"pair": [[1, 2], [3, 4]], "half": [7, 8]}
    with pytest.raises(InputError, match="'b' has 2 items by override 'pair', but 1 by override 'half'"):
        driver.execute(["pair", "half"], overrides={"pair": pairs, "half": PerItem([7])})


def test_an_override_of_an_output_is_the_output(driver):
    assert executed(driver, ["total"], None, total=9) == {"total": 9}
    assert executed(driver, ["y"], None, y=PerItem([9])) == {"y": [9]}
    assert CALLS == []


def test_an_override_of_an_input_and_of_a_collector(driver):
    assert executed(driver, ["aside"], None, start=3) == {"aside": -3}
    assert executed(driver, ["aside"], {"start": 1}, start=3) == {"aside": -3}
    assert executed(driver, ["share"], {"start": 1, "n": 2}, total=10) == {"share": [0.1, 0.4]}


def test_an_override_cuts_off_everything_that_only_served_the_node(driver):
    executed(driver, ["total", "aside"], {"start": 1}, total=1)
    assert CALLS == ["aside"]
    executed(driver, ["share"], {"start": 1, "n": 2}, total=1)
    assert "total" not in CALLS
    assert "y" in CALLS


def test_an_override_of_what_nobody_needs_changes_nothing(driver):
    assert executed(driver, ["aside"], {"start": 1}, total=5) == {"aside": -1}


def test_several_overrides(driver):
    assert executed(driver, ["share"], None, y=PerItem([1, 2]), total=4) == {"share": [0.25, 0.5]}
    assert executed(driver, ["leaf"], None, x=[1, 2], w=[5], y=0) == {"leaf": [[6], [7]]}


def test_an_override_of_a_crossed_node():
    def a() -> Parallelizable[int]:
        return [1, 2]

    def b() -> Parallelizable[int]:
        return [10, 20, 30]

    @cross
    def both(a: int, b: int) -> int:
        return a + b

    def rows(both: Collect[int]) -> int:
        return sum(both)

    driver = Builder().with_modules(module_from_functions(a, b, both, rows)).build()
    assert driver.execute(["rows"]) == {"rows": [63, 66]}
    assert driver.execute(["rows"], overrides={"both": 1}) == {"rows": [3, 3]}
    assert driver.execute(["rows"], overrides={"both": PerItem([[1], [2, 3]])}) == {"rows": [1, 5]}
    assert driver.execute(["rows"], overrides={"b": [5]}) == {"rows": [6, 7]}


def test_kinds_of_overrides():
    assert kinds_of({"a": 1, "b": PerItem([1]), "c": [1]}) == (("a", "c"), ("b",))


# -- events and reports --------------------------------------------------------------------------------------------


def test_observers_see_every_event_in_order(pools):
    for executor in pools.values():
        seen = []
        driver = Builder().with_modules(FLOW).with_executor(executor).with_adapters(seen.append).build()
        driver.execute(["total"], {"start": 0, "n": 3})
        kinds = [type(event) for event in seen]
        assert kinds[0] is RunStarted
        assert kinds[-1] is RunFinished
        assert seen[0].run_id == seen[-1].run_id
        assert seen[0].outputs == ("total",)
        assert not seen[-1].failed
        assert kinds.index(FanOpened) < kinds.index(SpanSubmitted) < kinds.index(SpanFinished) < kinds.index(FanFinished)
        assert any(isinstance(event, CallFinished) and "total" in event.task for event in seen)


def test_an_observer_that_raises_is_logged_and_does_no_harm(caplog, pools):
    for executor in pools.values():
        caplog.clear()
        seen = []

        def broken(event):
            raise RuntimeError("broken observer")

        driver = Builder().with_modules(FLOW).with_executor(executor).with_adapters(broken, seen.append).build()
        with caplog.at_level(logging.ERROR, "anabranch"):
            assert driver.execute(["total"], {"start": 0, "n": 2}) == {"total": 1}
        assert len(caplog.records) == len(seen)
        assert "an observer failed on RunStarted; the run goes on" in caplog.text
        assert "broken observer" in caplog.text


def test_a_failure_is_told(driver_with_failure):
    driver, seen = driver_with_failure
    with pytest.raises(KeyError):
        driver.execute(["end"])
    (failed,) = [event for event in seen if isinstance(event, ItemFailed)]
    assert (failed.failure.node, failed.failure.item) == ("bad", (1,))
    assert seen[-1].failed


@pytest.fixture
def driver_with_failure():
    def e() -> Parallelizable[int]:
        return [0, 1]

    def bad(e: int) -> int:
        if e:
            raise KeyError(e)
        return e

    def end(bad: Collect[int]) -> int: ...

    seen = []
    return Builder().with_modules(module_from_functions(e, bad, end)).with_adapters(seen.append).build(), seen


def test_a_run_has_results_and_a_report(pools):
    for executor in pools.values():
        result = Builder().with_modules(FLOW).with_executor(executor).build().run(["per"], {"start": 0, "n": 5})
        assert result.results == {"per": [0, 1, 14, 63, 184]}
        assert result.failures == ()
        assert len(result.run_id) == 32
        assert result.report.widths["x"] == 5
        assert result.report.seconds > 0
        assert result.report.failures == 0
        assert sum(task.calls for task in result.report.tasks.values()) >= 1
        assert result.report.tasks["x"].items == 5 or executor.traits.slots > 1


def test_two_runs_have_two_ids(driver):
    assert driver.run(["aside"], {"start": 1}).run_id != driver.run(["aside"], {"start": 1}).run_id


def test_observers_of_some_runs_only():
    always, once = [], []
    builder = Builder().with_modules(FLOW).with_adapters(always.append).with_executor("threads", workers=2)
    with builder.build() as watched:
        watched.observed_by(once.append).execute(["per"], {"start": 0, "n": 4})
        assert [type(event) for event in once] == [type(event) for event in always]
        seen = len(once)
        watched.execute(["per"], {"start": 0, "n": 4})
        assert len(once) == seen < len(always)


def test_an_observer_sees_a_flow_without_fan_outs_too():
    seen = []
    Builder().with_modules(FLOW).with_adapters(seen.append).build().execute(["aside"], {"start": 1})
    kinds = ["RunStarted", "ExecutorLeased", "CallStarted", "CallFinished", "RunFinished"]
    assert [type(event).__name__ for event in seen] == kinds


# -- many callers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sequential", "threads", "processes"])
def test_a_hundred_threads_on_one_driver(pools, name):
    driver = Builder().with_modules(FLOW).with_executor(pools[name]).build()
    start = threading.Barrier(100, timeout=60)

    def ask(number):
        start.wait()
        if number % 3 == 0:
            return driver.execute(["total", "start"], {"start": number, "n": 3})
        if number % 3 == 1:
            return driver.execute(["per"], {"start": number % 5, "n": 2})
        return driver.execute(["share"], {"start": number, "n": 2}, {"total": number})

    with ThreadPoolExecutor(100) as callers:
        answers = list(callers.map(ask, range(100)))
    for number, answer in enumerate(answers):
        if number % 3 == 0:
            assert answer == {"total": sum(k * k for k in range(number, number + 3)), "start": number}
        elif number % 3 == 1:
            assert answer == {"per": [sum(i + k for i in range(k * k)) for k in range(number % 5, number % 5 + 2)]}
        else:
            assert answer == {"share": [k * k / number for k in range(number, number + 2)]}


def test_a_run_within_a_run(pools):
    inner = Builder().with_modules(FLOW).with_executor(pools["sequential"]).build()

    def e(n: int) -> Parallelizable[int]:
        return range(n)

    def f(e: int) -> int:
        return inner.execute(["total"], {"start": e})["total"]

    for executor in ("sequential", pools["threads"]):
        outer = Builder().with_modules(module_from_functions(e, f)).with_executor(executor).build()
        assert outer.execute(["f"], {"n": 3}) == {"f": [14, 30, 54]}


def test_a_driver_may_run_itself_on_the_very_same_workers(pools):
    def e(n: int) -> Parallelizable[int]:
        return range(n)

    def f(e: int) -> int:
        return 1 + sum(drivers[-1].execute(["f"], {"n": e})["f"])

    drivers = []
    with ThreadPoolExecutor(2) as pool:
        for executor in ("sequential", pools["threads"], pool):
            drivers.append(Builder().with_modules(module_from_functions(e, f)).with_executor(executor).build())
            assert drivers[-1].execute(["f"], {"n": 7}) == {"f": [1, 2, 4, 8, 16, 32, 64]}


def test_what_is_raised_to_end_the_interpreter_names_its_function_too(pools):
    class Stop(BaseException):
        pass

    def e(n: int) -> Parallelizable[int]:
        return range(n)

    def fine(e: int) -> int:
        return e

    def f(fine: int) -> int:
        raise Stop

    driver = Builder().with_modules(module_from_functions(e, fine, f)).with_executor(pools["threads"]).build()
    with pytest.raises(BaseException) as caught:
        driver.execute(["f"], {"n": 3})
    assert type(caught.value).__name__ == "Stop"
    (note,) = caught.value.__notes__
    assert note.startswith(f"in 'f' ({__file__}:{f.__code__.co_firstlineno})")


def test_a_failure_of_one_caller_is_none_of_another(pools):
    def e(n: int) -> Parallelizable[int]:
        return range(n)

    def f(e: int, bad: bool) -> int:
        if bad and e == 5:
            raise KeyError(e)
        return e

    driver = Builder().with_modules(module_from_functions(e, f)).with_executor(pools["threads"]).build()

    def ask(number):
        try:
            return driver.execute(["f"], {"n": 20, "bad": bool(number % 2)})["f"]
        except KeyError as error:
            return error.args

    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(ask, range(24)))
    assert answers[::2] == [list(range(20))] * 12
    assert answers[1::2] == [(5,)] * 12


# -- workers -------------------------------------------------------------------------------------------------------


class Counted(SequentialExecutor):
    """Counts what is asked of it."""

    def __init__(self):
        super().__init__()
        self.closed = self.leases = 0

    def lease(self):
        self.leases += 1
        return super().lease()

    def close(self):
        self.closed += 1


def test_what_the_user_opened_stays_open():
    executor = Counted()
    with Builder().with_modules(FLOW).with_executor(executor).build() as driver:
        driver.execute(["aside"], {"start": 1})
    driver.close()
    del driver
    gc.collect()
    assert executor.closed == 0


@pytest.mark.parametrize("name", ["threads", "processes"])
def test_closing_and_starting_anew(name):
    before = set(threading.enumerate())
    with Builder().with_modules(FLOW).with_executor(name, workers=2).build() as driver:
        assert driver.execute(["total"], {"start": 0}) == {"total": 14}
    assert _threads_since(before) == set()
    assert driver.execute(["total"], {"start": 1}) == {"total": 30}
    driver.close()
    driver.close()
    assert _threads_since(before) == set()


def test_workers_end_with_their_driver():
    before = set(threading.enumerate())
    driver = Builder().with_modules(FLOW).with_executor("threads", workers=2).build()
    driver.execute(["total"], {"start": 0})
    assert len(_threads_since(before)) == 2
    gone = weakref.ref(driver)
    del driver
    gc.collect()
    assert gone() is None
    assert _threads_since(before) == set()


def _threads_since(before):
    return {thread for thread in set(threading.enumerate()) - before if thread.name.startswith("anabranch")}


def test_workers_stay_warm_between_runs():
    with Builder().with_modules(FLOW).with_executor("threads", workers=2).build() as driver:
        driver.execute(["total"], {"start": 0})
        before = set(threading.enumerate())
        for start in range(5):
            driver.execute(["total"], {"start": start})
        assert set(threading.enumerate()) == before


def test_the_drivers_state_does_not_grow_with_the_number_of_runs(driver):
    driver.execute(["total"], {"start": 0})
    gc.collect()
    before = len(gc.get_objects())
    for start in range(50):
        driver.execute(["total"], {"start": start})
    gc.collect()
    assert len(gc.get_objects()) - before < 50


def test_building_starts_nothing():
    executor = Counted()
    before = set(threading.enumerate())
    Builder().with_modules(FLOW).with_executor(executor).build().list_available_variables()
    Builder().with_modules(FLOW).with_executor("processes").build()
    assert executor.leases == 0
    assert set(threading.enumerate()) == before


def test_a_call_without_fan_outs_takes_microseconds():
    driver = Builder().with_modules(FLOW).build()
    driver.execute(["aside"], {"start": 1})
    best = min(_timed(driver) for _ in range(5))
    assert best < 1000 * 60e-6


def _timed(driver):
    started = time.process_time()
    for _ in range(1000):
        driver.execute(["aside"], {"start": 1})
    return time.process_time() - started


def test_traits_are_asked_for_once_a_driver():
    class Slow(Counted):
        traits = Traits(slots=1, credit=1, shares_memory=True)

    executor = Slow()
    driver = Builder().with_modules(FLOW).with_executor(executor).build()
    for start in range(3):
        driver.execute(["total"], {"start": start})
    assert executor.leases <= 4


# -- looking -------------------------------------------------------------------------------------------------------


def test_variables_say_what_there_is_to_know(driver):
    found = {variable.name: variable for variable in driver.list_available_variables()}
    assert set(found) == {"root", "x", "y", "w", "leaf", "per", "total", "share", "aside", "start", "n"}
    assert found["x"] == Variable("x", int, False, False, ("x",), True, "The items.", {}, found["x"].origin)
    assert found["x"].origin == f"{__file__}:{x.__code__.co_firstlineno}"
    assert found["leaf"].axes == ("x", "w")
    assert (found["start"].is_input, found["start"].required, found["start"].type) == (True, True, int)
    assert (found["n"].is_input, found["n"].required) == (True, False)
    assert [v.is_input for v in driver.list_available_variables()] == [False] * 9 + [True] * 2


def test_a_plan_can_be_looked_at_without_running(driver):
    plan = driver.plan(["total"], ["start"])
    assert [name for name, _ in plan.codes]
    assert CALLS == []
    with pytest.raises(InputError, match="missing"):
        driver.plan(["total"])


def test_skips_drop_an_item_from_later_steps_and_collects_but_not_from_its_place(driver):
    def e() -> Parallelizable[int]:
        return range(6)

    def even(e: int) -> int:
        if e % 2:
            raise Skip
        return e

    def later(even: int, e: int) -> int:
        return even + e

    def other(e: int) -> int:
        return -e

    def end(later: Collect[int], other: Collect[int]) -> tuple[int, int]:
        return len(later), len(other)

    found = Builder().with_modules(module_from_functions(e, even, later, other, end)).with_executor(driver._parts.executor).build()
    assert found.execute(["end", "even", "other"]) == {"end": (3, 6), "even": [0, 2, 4], "other": [0, -1, -2, -3, -4, -5]}


class Secret:
    def __repr__(self):
        raise AssertionError("nobody calls repr on a user's values")


def test_what_is_shown_of_things_is_short_and_shows_no_values():
    def item(secret: Secret, count: int) -> Parallelizable[Secret]:
        return [secret] * count

    def kept(item: Secret) -> Secret:
        return item

    builder = Builder().with_modules(module_from_functions(item, kept)).with_config({"secret": Secret()})
    driver = builder.build()
    run = driver.run(["kept"], {"count": 2})
    handle = driver.submit(["kept"], {"count": 2})
    handle.result(60)
    assert repr(builder) == "<Builder of flow on sequential; config: secret>"
    assert repr(driver) == "<Driver of 2 functions on SequentialExecutor; inputs: secret, count>"
    assert repr(driver.graph) == "<Graph of item, kept>"
    assert repr(driver.plan(["kept"], ["count"])) == "<Plan of kept: 2 tasks, over item>"
    assert re.fullmatch(rf"<RunResult {run.run_id[:8]}: kept in \d+\.\d\d s>", repr(run))
    assert repr(handle) == f"<RunHandle {handle.run_id[:8]}: over, item 2/2>"
    assert repr(driver.list_available_variables()) == (
        "[<Variable item: items of Secret>, <Variable kept: Secret, for each item>, "
        "<Variable secret: Secret, input>, <Variable count: int, input>]"
    )
