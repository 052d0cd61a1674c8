from __future__ import annotations

import dataclasses
import time
import types

import pytest

from anabranch import Builder, Collect, FlowError, Parallelizable, cross, module_from_functions
from anabranch.graph import Graph, Node, Parameter, Role
from anabranch.graph.functions import node_of
from anabranch.graph.modify.late import collect_all
from anabranch.markers import MARKS


def graph(*functions, **config):
    return Graph.from_modules([module_from_functions(*functions)], config)


def source(root: str) -> Parallelizable[int]:
    """Opens."""


def line(source: int, factor: int = 2) -> Parallelizable[int]: ...


def size(line: int, root: str) -> int: ...


def largest(size: Collect[int]) -> int: ...


def spread(largest: int, mean: float) -> float: ...


def mean(largest: Collect[int]) -> float: ...


def aside(factor: int) -> int: ...


ALL = (spread, mean, largest, aside, size, line, source)


def test_nodes_stand_after_what_they_read():
    found = graph(*ALL)
    order = list(found.nodes)
    assert sorted(order) == sorted(f.__name__ for f in ALL)
    for name, edges in found.edges.items():
        assert all(order.index(e.source) < order.index(name) for e in edges if e.source in order)


def test_axes_of_nodes_and_values():
    found = graph(*ALL)
    assert dict(found.axes) == {
        "source": (),
        "line": ("source",),
        "size": ("source", "line"),
        "largest": ("source",),
        "mean": (),
        "spread": ("source",),
        "aside": (),
    }
    assert found.value_axes("source") == ("source",)
    assert found.value_axes("line") == ("source", "line")
    assert found.value_axes("largest") == ("source",)
    assert found.value_axes("root") == ()


def test_an_edge_says_along_which_axes_it_is_read():
    found = graph(*ALL)
    (edge,) = found.edges["largest"]
    assert (edge.source, edge.parameter.depth, edge.along) == ("size", 1, ("source",))
    line_edge, root_edge = found.edges["size"]
    assert (line_edge.along, root_edge.along) == (("source", "line"), ())


def test_inputs_know_their_readers_and_whether_they_must_be_given():
    found = graph(*ALL)
    assert set(found.inputs) == {"root", "factor"}
    assert found.inputs["root"].required
    assert [node.name for node, _ in found.inputs["root"].readers] == ["size", "source"]
    assert found.inputs["factor"].required  # `aside` has no default, though `line` has
    assert not graph(line, source).inputs["factor"].required


def test_upstream_downstream_and_path():
    found = graph(*ALL)
    assert found.upstream(["largest"]) == {"largest", "size", "line", "source", "root", "factor"}
    assert found.upstream(["root"]) == {"root"}
    assert found.downstream(["size"]) == {"size", "largest", "mean", "spread"}
    assert found.downstream(["factor"]) == {"factor", "line", "aside", "size", "largest", "mean", "spread"}
    assert found.downstream(["spread"]) == {"spread"}
    assert found.upstream(["aside", "source"]) == {"aside", "factor", "source", "root"}
    driver = Builder().with_modules(module_from_functions(*ALL)).build()
    names = lambda variables: {v.name for v in variables}
    assert names(driver.what_is_the_path_between("line", "mean")) == {"line", "size", "largest", "mean"}
    assert names(driver.what_is_the_path_between("mean", "line")) == set()
    assert names(driver.what_is_the_path_between("line", "line")) == {"line"}
    found = [v.name for v in driver.what_is_upstream_of("mean")]
    assert found[:5] == ["source", "line", "size", "largest", "mean"]
    assert set(found[5:]) == {"root", "factor"}
    assert driver.has_cycles() is False


def test_readers_are_listed_once():
    def a() -> Parallelizable[int]: ...
    def b(a: Collect[int], x: int) -> int: ...

    assert graph(a, b).readers == {"x": ("b",), "a": ("b",), "b": ()}


def test_a_later_module_overrides_only_where_that_is_allowed():
    def price() -> int: ...

    other = types.FunctionType(price.__code__, {}, "price")
    first, second = module_from_functions(price), module_from_functions(other)
    with pytest.raises(FlowError, match="two functions are called 'price'"):
        Graph.from_modules([first, second])
    found = Graph.from_modules([first, second], override=True)
    assert found.nodes["price"].function is other
    driver = Builder().with_modules(first).allow_module_overrides().with_modules(second).build()
    assert driver.graph.nodes["price"].function is other


def test_two_alternatives_of_one_module_do_not_override_each_other(flow):
    module = flow("@config.when(a=1)\ndef x__a() -> int: ...\n\n@config.when(b=1)\ndef x__b() -> int: ...")
    with pytest.raises(FlowError, match="the config lets both alternatives in"):
        Graph.from_modules([module], {"a": 1, "b": 1}, override=True)


def test_a_graph_cannot_be_changed():
    found = graph(*ALL)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.nodes = {}
    with pytest.raises(AttributeError):
        found.nodes["source"].name = "x"


def test_the_config_that_was_given_is_not_the_one_that_is_kept():
    config = {"a": 1}
    found = graph(*ALL, **config)
    config["a"] = 2
    assert found.config == {"a": 1}


def test_an_aggregate_fed_back_to_its_items_is_no_cycle():
    def x() -> Parallelizable[int]: ...
    def total(x: Collect[int]) -> int: ...
    def share(x: int, total: int) -> float: ...

    assert graph(x, total, share).axes["share"] == ("x",)


def test_crossing_is_decided_here():
    def x() -> Parallelizable[int]: ...
    def y() -> Parallelizable[int]: ...
    @cross
    def both(y: int, x: int) -> int: ...

    assert graph(x, y, both).axes["both"] == ("y", "x")


def test_an_empty_graph():
    found = Graph.from_modules([])
    assert (found.nodes, found.inputs) == ({}, {})


# -- size ----------------------------------------------------------------------------------------------------------


def many(count, text):
    """A module of as many functions, each of `text` with its number and the one before."""
    module = types.ModuleType("many")
    setattr(module, MARKS, {"temporary": True})
    exec("".join(text.format(n=n, m=n - 1) for n in range(1, count + 1)), module.__dict__)
    return module


def test_five_thousand_functions_make_a_graph_within_a_second():
    module = many(5000, "def n{n}(n{m}: int, k: float = 1.0) -> int: return n{m} + 1\n")
    started = time.process_time()
    found = Graph.from_modules([module])
    assert time.process_time() - started < 1
    assert len(found.nodes) == 5000


@pytest.mark.parametrize("executor", ["sequential", "threads"])
def test_a_chain_of_ten_thousand_runs(executor):
    module = many(10_000, "def n{n}(n{m}: int) -> int: return n{m} + 1\n")
    with Builder().with_modules(module).with_executor(executor).build() as driver:
        assert driver.execute(["n10000"], {"n0": 5}) == {"n10000": 10_005}
        assert len(driver.what_is_upstream_of("n10000")) == 10_001


@pytest.mark.parametrize("executor", ["sequential", "threads"])
def test_two_thousand_nodes_side_by_side_run(executor):
    module = many(2000, "def n{n}(x: int) -> int: return x + {n}\n")
    exec(f"def total({', '.join(f'n{n}: int' for n in range(1, 201))}) -> int: return n1 + n200", module.__dict__)
    with Builder().with_modules(module).with_executor(executor).build() as driver:
        found = driver.execute([f"n{n}" for n in range(1, 2001)] + ["total"], {"x": 1})
    assert found["n2000"] == 2001
    assert found["total"] == 203


@pytest.mark.parametrize("executor", ["sequential", "threads"])
def test_a_chain_of_a_thousand_within_a_fan_out_runs(executor):
    module = many(1000, "def n{n}(n{m}: int) -> int: return n{m} + 1\n")
    module.__dict__.update(Parallelizable=Parallelizable, Collect=Collect)
    exec(
        "def n0(k: int) -> Parallelizable[int]: return range(k)\ndef end(n1000: Collect[int]) -> int: return sum(n1000)",
        module.__dict__,
    )
    with Builder().with_modules(module).with_executor(executor).build() as driver:
        assert driver.execute(["end"], {"k": 3}) == {"end": 3003}


# -- nodes that are decided when the axes are known ----------------------------------------------------------------


def late_node(name, decide):
    return Node(name, list, (Parameter("given", Role.PLAIN, 0, object, source="item"),), list, late=decide)


def fan(*more):
    def item(n: int) -> Parallelizable[int]:
        return range(n)

    return [node_of("item", item), *more]


def test_a_late_node_is_told_the_axes_of_what_it_reads():
    told = []

    def decide(node, axes):
        told.append(axes)
        return collect_all(node, axes)

    graph = Graph.from_nodes(fan(late_node("all", decide)), {})
    assert told == [{"given": ("item",)}]
    assert graph.axes["all"] == ()
    assert graph.edges["all"][0].parameter.role is Role.COLLECT
    assert graph.nodes["all"].late is None
    assert graph.given["all"].late is decide

    def once(n: int) -> int: ...

    again = Graph.from_nodes([*({**graph.given, "item": node_of("item", once)}).values()], {})
    assert again.edges["all"][0].parameter.role is Role.PLAIN
    assert again.nodes["all"]._replace(parameters=()) == graph.nodes["all"]._replace(parameters=())


def test_a_late_node_may_become_several_but_takes_no_ones_name():
    def decide(node, axes):
        return node._replace(name="all.each", late=None), node._replace(late=None)

    graph = Graph.from_nodes(fan(late_node("all", decide)), {})
    assert list(graph.nodes) == ["item", "all.each", "all"]
    with pytest.raises(FlowError, match="called 'all.each'"):
        Graph.from_nodes(fan(late_node("all", decide), late_node("all.each", lambda node, axes: (node,))), {})
