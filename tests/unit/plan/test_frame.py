"""Steps as tasks: what runs together, what waits for what, what is collected on the workers."""

from __future__ import annotations

import pytest

from anabranch import Builder, Collect, Parallelizable, Stream, associative, module_from_functions
from anabranch.graph import Graph
from anabranch.plan import CallTask, FanTask, ReaderTask, SourceTask, Value, make_plan


def a(n: int) -> int: ...
def b(a: int) -> int: ...
def c(b: int) -> int: ...
def d(a: int) -> int: ...
def e(c: int, d: int) -> int: ...


def x(n: int) -> Parallelizable[int]: ...
def y(x: int) -> int: ...
@associative
def total(y: Collect[int], n: int = 0) -> int: ...
@associative
def late(y: Collect[int], plain: int) -> int: ...
def plain(y: Collect[int]) -> int: ...
def read(y: Stream[int]) -> int: ...
def read_with(y: Stream[int], a: int) -> int: ...
def listed(x: Collect[int]) -> int: ...
def w(x: int) -> Parallelizable[int]: ...
def leaf(w: int) -> int: ...
@associative
def inner_total(leaf: Collect[int]) -> int: ...
def fed(y: int, plain: int) -> int: ...


GRAPH = Graph.from_modules(
    [module_from_functions(a, b, c, d, e, x, y, total, late, plain, read, read_with, listed, w, leaf, inner_total, fed)]
)


def tasks(*outputs, fuse=False, **more):
    return make_plan(GRAPH, outputs, ("n",), fuse=fuse, **more).root.tasks


def calls(*outputs, fuse=False):
    return {tuple(task.code.origins) for task in tasks(*outputs, fuse=fuse) if isinstance(task, CallTask)}


def fan_of(*outputs):
    return next(task for task in tasks(*outputs) if isinstance(task, FanTask))


def test_a_chain_is_one_task_and_branches_are_tasks_of_their_own():
    assert calls("c") == {("a", "b", "c")}
    assert calls("e") == {("a",), ("b", "c"), ("d",), ("e",)}


def test_a_value_that_is_asked_for_ends_its_chain():
    assert calls("c", "b") == {("a", "b"), ("c",)}


def test_with_one_slot_all_that_no_fan_lies_between_is_one_task():
    assert calls("e", fuse=True) == {("a", "b", "d", "c", "e")} or len(calls("e", fuse=True)) == 1
    assert make_plan(GRAPH, ["e"], ("n",), fuse=True).direct is not None
    assert make_plan(GRAPH, ["e"], ("n",)).direct is None


def test_a_fan_is_a_source_and_a_loop():
    found = tasks("plain")
    assert [type(task) for task in found] == [CallTask, SourceTask, FanTask]
    fan = found[2]
    assert (fan.name, fan.axis, fan.columns, fan.items, fan.merges) == ("x", "x", (Value("y", 1),), None, ())
    assert not fan.nested


def test_what_tasks_need_and_who_reads_what():
    plan = make_plan(GRAPH, ["plain", "a"], ("n",)).root
    names = [task.name for task in plan.tasks]
    needs = dict(zip(names, plan.needs, strict=True))
    assert needs["plain"] == (Value("y", 1),)
    assert needs["x"] == () or needs["x"] == (Value("n", 0),)
    readers = {value: {names[number] for number in numbers} for value, numbers in plan.readers.items()}
    assert readers[Value("n", 0)] == {"a", "x"}
    assert readers[Value("y", 1)] == {"plain"}


def test_items_that_are_only_listed_need_no_code():
    fan = fan_of("listed")
    assert fan.code is None
    assert fan.items == Value("x", 1)
    assert fan_of("plain").items is None
    assert fan_of("plain", "listed").items == Value("x", 1)


def test_an_associative_collector_is_pushed_into_the_spans():
    fan = fan_of("total")
    assert [merge.output for merge in fan.merges] == [Value("total", 0)]
    assert fan.columns == ()
    assert fan.code.partials == 1
    assert not any(isinstance(task, CallTask) for task in tasks("total"))
    assert Value("n", 0) in fan.captured


def test_its_list_is_kept_if_somebody_else_wants_it():
    fan = fan_of("total", "plain")
    assert fan.columns == (Value("y", 1),)
    assert len(fan.merges) == 1
    assert fan_of("total", "y").columns == (Value("y", 1),)


def test_one_that_needs_what_comes_after_the_loop_is_not():
    assert fan_of("late").merges == ()
    assert ("late",) in calls("late")


def test_within_a_loop_it_is_an_ordinary_call():
    fan = fan_of("inner_total")
    assert fan.merges == ()
    assert fan.nested
    assert "f_inner_total" in fan.code.source
    assert [type(task) for task in fan.inner.tasks] == [SourceTask, FanTask]
    assert len(fan.inner.tasks[1].merges) == 1


def test_a_stream_reader_is_fed_by_the_fan_it_reads():
    plan = make_plan(GRAPH, ["read_with"], ("n",)).root
    reader = next(task for task in plan.tasks if isinstance(task, ReaderTask))
    assert [feed.value if feed else None for feed in reader.feeds] == [Value("y", 1), None]
    assert [argument.value for argument in reader.ordinary] == [Value("a", 0)]
    assert set(plan.feeds) == {Value("y", 1)}


def test_a_fan_waits_for_what_its_readers_need_so_that_nothing_piles_up():
    assert fan_of("read_with").awaited == (Value("a", 0),)
    assert fan_of("read").awaited == ()


def test_a_second_pass_runs_over_the_list_of_the_first():
    first, second = (task for task in tasks("fed") if isinstance(task, FanTask))
    assert second.name == "x, pass 2"
    assert [reading.outer for reading in second.aligned] == [Value("y", 1)]
    assert second.captured == (Value("plain", 0),)
    assert first.columns == (Value("y", 1),)


def test_the_plan_of_a_request_is_kept():
    driver = Builder().with_modules(module_from_functions(a, b, x, y, plain)).build()
    driver._plans.prepared(["b"], {"n": 1}, {})
    first = driver._plans.prepared(["b"], {"n": 1}, {})
    assert driver._plans.prepared(["b"], {"n": 2}, {}) is first
    assert driver._plans.prepared(("b",), {"n": 2}, {}) is first
    assert driver._plans.prepared(["b", "a"], {"n": 1}, {}) is not first
    assert driver._plans.prepared(["b"], {"n": 1}, {"a": 1}) is not first
    assert driver._plans.prepared(["b"], {"n": 1}, {"a": 2}) is driver._plans.prepared(["b"], {"n": 1}, {"a": 1})


@pytest.mark.parametrize("outputs", [["e"], ["plain"], ["inner_total"], ["fed", "read", "total"]])
def test_planning_twice_gives_the_same_tasks(outputs):
    first, second = (make_plan(GRAPH, outputs, ("n",)) for _ in range(2))
    assert [task.name for task in first.root.tasks] == [task.name for task in second.root.tasks]
    assert [code.source for _, code in first.codes] == [code.source for _, code in second.codes]
    assert {code.key for _, code in first.codes}.isdisjoint({code.key for _, code in second.codes})
