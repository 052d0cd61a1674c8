"""The nest of loops, written down as text: `x(y z)` is a loop over x with y and z in it."""

from __future__ import annotations

from anabranch import Collect, Parallelizable, cross, module_from_functions, zipped
from anabranch.graph import Graph
from anabranch.plan import Fan, Value, fans_of
from anabranch.plan.body import build_body
from anabranch.plan.select import select


def body(outputs, *functions, supplied=("n",), constant=(), per_item=()):
    graph = Graph.from_modules([module_from_functions(*functions)])
    return build_body(select(graph, outputs, supplied, constant, per_item))


def drawn(body):
    parts = []
    for step in body.steps:
        if isinstance(step, Fan):
            parts.append(f"{step.axis}{'' if step.fresh else '*'}({drawn(step.body)})")
        elif step.name not in body.axes:
            parts.append(step.name)
    return " ".join(parts)


def x(n: int) -> Parallelizable[int]: ...
def y(x: int) -> int: ...
def z(y: int) -> int: ...
def total(y: Collect[int]) -> int: ...
def share(z: int, total: int) -> float: ...
def best(share: Collect[float]) -> float: ...
def w(x: int) -> Parallelizable[int]: ...
def leaf(w: int, y: int) -> int: ...
def per(leaf: Collect[int]) -> int: ...
def grand(leaf: Collect[Collect[int]]) -> int: ...
def again(leaf: int, per: int) -> int: ...
def other(n: int) -> Parallelizable[int]: ...


ALL = (x, y, z, total, share, best, w, leaf, per, grand, again, other)


def test_one_loop():
    assert drawn(body(["total"], *ALL)) == "x() x(y) total"


def test_an_aggregate_fed_back_is_a_second_pass_and_nothing_runs_sooner_than_it_must():
    found = body(["best"], *ALL)
    assert drawn(found) in {"x() x(y) total x*(z share) best", "x() x(y z) total x*(share) best"}
    first, second = (step for step in found.steps if isinstance(step, Fan))
    assert (first.fresh, second.fresh) == (True, False)
    assert first.name == "x"
    assert second.name == "x, pass 2"
    assert second.captured == (Value("total", 0),)
    assert Value("y", 1) in {reading.outer for reading in second.aligned} | {reading.outer for reading in first.outputs}


def test_nested_loops():
    assert drawn(body(["grand"], *ALL)) == "x() x(y w() w(leaf)) grand"
    assert drawn(body(["per"], *ALL)) == "x() x(y w() w(leaf) per)"


def test_a_second_pass_within_a_loop():
    found = body(["again"], *ALL)
    assert drawn(found) == "x() x(y w() w(leaf) per w*(again))"
    assert [fan.name for fan in fans_of(found)] == ["x", "w", "w, pass 2"]


def test_no_two_loops_have_one_name():
    def far(leaf: int, grand: int) -> int: ...

    found = body(["far"], *ALL, far)
    assert drawn(found) == "x() x(y w() w(leaf)) grand x*(w*(far))"
    assert sorted(fan.name for fan in fans_of(found)) == ["w", "w, pass 2", "x", "x, pass 2"]


def test_two_collects_share_one_pass():
    def high(y: Collect[int]) -> int: ...
    def low(z: Collect[int]) -> int: ...

    assert drawn(body(["high", "low"], x, y, z, high, low)) == "x() x(y z) high low"


def test_independent_loops_stand_side_by_side():
    def b(other: Collect[int]) -> int: ...

    found = drawn(body(["total", "b"], *ALL, b))
    assert found.count("(y)") == 1
    assert "other()" in found
    assert found.index("x(y)") < found.index("total")


def test_a_crossed_node_lies_in_both_loops():
    @cross
    def both(x: int, other: int) -> int: ...
    def end(both: Collect[Collect[int]]) -> int: ...

    found = body(["end"], x, other, both, end)
    assert drawn(found).endswith("x(other*(both)) end")
    assert sorted(drawn(found).split()[:3]) == ["other()", "other()", "x()"]
    inner = fans_of(found)[-1]
    assert inner.body.axes == ("x", "other")


def test_a_zipped_list_does_not_rule_the_length():
    @zipped
    def pair(x: int, other: int) -> int: ...

    fan = next(fan for fan in fans_of(body(["pair"], x, other, pair)) if fan.axis == "x")
    assert fan.fresh
    assert [reading.outer for reading in fan.aligned] == [Value("other", 1)]


def test_what_does_not_vary_is_captured_and_what_is_needed_outside_is_an_output():
    def scaled(y: int, n: int) -> int: ...

    (fan,) = fans_of(body(["scaled", "y"], x, y, scaled))
    assert fan.captured == (Value("n", 0),)
    assert [(reading.outer, reading.inner) for reading in fan.outputs] == [
        (Value("y", 1), Value("y", 0)),
        (Value("scaled", 1), Value("scaled", 0)),
    ]


def test_a_value_per_item_needs_no_expander():
    found = body(["total"], *ALL, supplied=(), per_item=["y"])
    assert drawn(found) == "x*(y) total"
    (fan,) = fans_of(found)
    assert [reading.outer for reading in fan.aligned] == [Value("y!", 1)]


def test_only_items():
    assert drawn(body(["x"], *ALL)) == "x() x()"
