from __future__ import annotations

import pytest

from anabranch import Collect, InputError, Parallelizable, module_from_functions
from anabranch.derived import same
from anabranch.graph import Graph, Role
from anabranch.plan.select import Kind, call_of, given, select


def root(n: int) -> int: ...


def x(root: int) -> Parallelizable[int]: ...


def y(x: int, k: int = 1) -> int: ...


def total(y: Collect[int]) -> int: ...


def aside(root: int) -> int: ...


GRAPH = Graph.from_modules([module_from_functions(aside, total, y, x, root)])


def chosen(outputs, supplied=("n",), constant=(), per_item=()):
    return select(GRAPH, outputs, supplied, constant, per_item).vertices


def test_only_what_is_needed_is_chosen():
    assert set(chosen(["aside"])) == {"n", "root", "aside"}
    assert set(chosen(["total"])) == {"n", "root", "x()", "x", "y", "total"}


def test_vertices_stand_in_topological_order_whatever_is_overridden():
    for case in (
        chosen(["total", "aside"]),
        chosen(["total"], constant=["y"]),
        chosen(["total"], (), per_item=["y"]),
        chosen(["total"], (), ["x"]),
    ):
        seen = set()
        for vertex in case.values():
            assert {link.source for link in vertex.links} <= seen
            seen.add(vertex.name)


def test_an_expander_is_a_call_and_its_items():
    vertices = chosen(["total"])
    assert (vertices[call_of("x")].kind, vertices[call_of("x")].axes) == (Kind.CALL, ())
    assert (vertices["x"].kind, vertices["x"].axes) == (Kind.ITEMS, ("x",))
    assert vertices["n"].kind is Kind.GIVEN


def test_links_say_how_a_value_is_read():
    vertices = chosen(["total"])
    (link,) = vertices["total"].links
    assert (link.source, link.role, link.depth, link.along) == ("y", Role.COLLECT, 1, ())
    assert [(k.source, k.along, k.keyword) for k in vertices["y"].links] == [("x", ("x",), False)]


def test_an_optional_parameter_is_left_out_unless_it_is_given():
    assert {k.name for k in chosen(["y"])["y"].links} == {"x"}
    assert {k.name for k in chosen(["y"], ("n", "k"))["y"].links} == {"x", "k"}


def test_parameters_after_one_that_is_left_out_go_by_keyword():
    def f(a: int, b: int = 1, c: int = 2, *, d: int): ...

    graph = Graph.from_modules([module_from_functions(f)])
    links = select(graph, ["f"], ["a", "c", "d"]).vertices["f"].links
    assert [(k.name, k.keyword) for k in links] == [("a", False), ("c", True), ("d", True)]
    links = select(graph, ["f"], ["a", "b", "d"]).vertices["f"].links
    assert [(k.name, k.keyword) for k in links] == [("a", False), ("b", False), ("d", True)]


def test_an_override_cuts_off_what_only_served_it():
    assert set(chosen(["total"], (), constant=["total"])) == {"total"}
    assert set(chosen(["aside"], (), constant=["root"])) == {"root", "aside"}
    assert set(chosen(["total"], (), constant=["x"])) == {given("x"), "x()", "x", "y", "total"}
    assert set(chosen(["total"], (), per_item=["y"])) == {given("y"), "y", "total"}


def test_an_overridden_node_in_a_block_still_runs_once_per_item():
    vertices = chosen(["total"], constant=["y"])
    assert set(vertices) == {"n", "root", "x()", "x", given("y"), "y", "total"}
    assert vertices["y"].function is same
    value, axis = vertices["y"].links
    assert (value.source, value.along) == (given("y"), ())
    assert (axis.source, axis.name, axis.along) == ("x", None, ("x",))
    assert vertices[given("y")].axes == ()
    assert chosen(["total"], (), per_item=["y"])[given("y")].axes == ("x",)


def test_an_input_that_only_the_cut_off_part_needs_is_not_missing():
    chosen(["total"], (), per_item=["y"])
    with pytest.raises(InputError, match="input is missing: 'n'"):
        chosen(["total"], (), constant=["y"])


def test_an_input_can_be_overridden_and_asked_for():
    assert set(chosen(["n"])) == {"n"}
    assert set(chosen(["root"], (), constant=["n"])) == {"n", "root"}


@pytest.mark.parametrize(
    ("outputs", "constant", "words"),
    [
        (["totl"], [], "unknown output 'totl'; did you mean 'total'"),
        (["total"], ["rooot"], "unknown override 'rooot'; did you mean 'root'"),
    ],
)
def test_unknown_names(outputs, constant, words):
    with pytest.raises(InputError, match=words):
        chosen(outputs, constant=constant)


def test_config_counts_as_given():
    graph = Graph.from_modules([module_from_functions(root)], {"n": 3})
    assert select(graph, ["root"], tuple(graph.config)).vertices["n"].kind is Kind.GIVEN
