"""Flows within a flow: names, what reads what, and axes inside, outside and through them."""

from __future__ import annotations

import pytest

from anabranch import Builder, Collect, FlowError, Parallelizable, cross, module_from_functions
from anabranch.function_modifiers import (
    cache,
    config,
    configuration,
    extract_fields,
    group,
    inject,
    parameterize,
    parameterized_subdag,
    pipe_input,
    pipe_output,
    source,
    step,
    subdag,
    tag,
    value,
)
from anabranch.graph.functions import nodes_of


def raw(path: str) -> list:
    return [path]


@config.when(mode="a")
def clean__a(raw: list) -> list:
    return [*raw, "a"]


@config.when(mode="b")
def clean__b(raw: list, k: int = 3) -> list:
    return [*raw, "b", k]


@extract_fields({"p": int})
def fields(clean: list) -> dict:
    return {"p": len(clean)}


cleaning = module_from_functions(raw, clean__a, clean__b, fields, name="cleaning")


def test_a_flow_under_a_namespace(family, run):
    @subdag(cleaning, inputs={"path": source("src")}, config={"mode": "a"})
    def feat(clean: list, p: int) -> list:
        """Its text."""
        return [*clean, p]

    assert family(feat) == {
        "feat.raw": (["src"], "list"),
        "feat.clean": (["feat.raw"], "list"),
        "feat.fields": (["feat.clean"], "dict"),
        "feat.p": (["feat.fields"], "int"),
        "feat": (["feat.clean", "feat.p"], "list"),
    }
    assert run(feat, outputs=["feat", "feat.p"], src="x") == {"feat": ["x", "a", 2], "feat.p": 2}
    assert run(feat, outputs=["feat"], overrides={"feat.raw": [1, 2]}) == [1, 2, "a", 3]
    nodes = {node.name: node for node in nodes_of("feat", feat, {})}
    assert nodes["feat"].doc == "Its text."
    assert nodes["feat.clean"].originating == (clean__a, feat)
    assert nodes["feat.p"].originating == (fields, feat)
    assert feat([], 1) == [1]


def test_names_of_namespace_and_final_node(family, run):
    @subdag(cleaning, inputs={"path": value("v")}, config={"mode": "b"}, namespace="ns", final_node_name="final")
    def feat(clean: list) -> list:
        return clean

    assert family(feat)["final"] == (["ns.clean"], "list")
    assert family(feat)["ns.clean"] == (["ns.raw", "k"], "list")
    assert run(feat, outputs=["final"]) == ["v", "b", 3]
    assert run(feat, outputs=["final"], k=4) == ["v", "b", 4]


def test_names_that_no_one_in_it_gives_are_of_the_outer_flow(run):
    def k() -> int:
        return 7

    @subdag(cleaning, inputs={"path": value("v")}, config={"mode": "b"}, external_inputs=["more", "raw"])
    def feat(clean: list, more: int, raw: str, optional: int = 1) -> tuple:
        return (clean, more, raw, optional)

    assert run(k, feat, outputs=["feat"], more=2, raw="outer") == (["v", "b", 7], 2, "outer", 1)


def test_the_config_is_the_outer_one_with_its_own_before(run):
    def seen(mode: str, path: str) -> str:
        return mode + path

    @subdag(seen, cleaning, inputs={"path": value("v")})
    def outer_config(clean: list, seen: str) -> list:
        return [*clean, seen]

    @subdag(seen, cleaning, inputs={"path": configuration("where")}, config={"mode": configuration("other")})
    def own_config(clean: list, seen: str, mode: str) -> list:
        return [*clean, seen, mode]

    given = {"mode": "a", "other": "b", "where": "w"}
    assert run(outer_config, own_config, outputs=["outer_config", "own_config"], config=given) == {
        "outer_config": ["v", "a", "av"],
        "own_config": ["w", "b", 3, "bw", "b"],
    }


def test_single_functions_and_groups(run):
    def joined(parts: list[str]) -> str:
        return "+".join(parts)

    @subdag(joined, inputs={"parts": group(source("a"), value("x"), source("b"))})
    def feat(joined: str) -> str:
        return joined

    assert run(feat, outputs=["feat"], a="1", b="2") == "1+x+2"


def test_several_at_once(family, run):
    @parameterized_subdag(
        cleaning,
        inputs={"path": value("v")},
        config={"mode": "a"},
        one={},
        two={"inputs": {"path": source("two_path")}, "config": {"mode": "b"}},
        three={"external_inputs": ["clean"]},
    )
    def feat(clean: list) -> list:
        """Its text."""
        return clean

    found = family(feat)
    assert [name for name in found if "." not in name] == ["one", "two", "three"]
    assert found["three"] == (["clean"], "list")
    assert run(feat, outputs=["one", "two", "three"], two_path="t", clean=[0]) == {
        "one": ["v", "a"],
        "two": ["t", "b", 3],
        "three": [0],
    }
    assert {node.doc for node in nodes_of("feat", feat, {}) if "." not in node.name} == {"Its text."}


def test_a_subdag_in_a_subdag(run):
    @subdag(cleaning, inputs={"path": source("place")}, config={"mode": "a"})
    def inner(clean: list) -> list:
        return clean

    @parameterized_subdag(inner, x={"inputs": {"place": value("px")}}, y={"inputs": {"place": source("py")}})
    def outer(inner: list) -> list:
        return inner

    assert run(outer, outputs=["x", "y", "y.inner.raw"], py="p") == {"x": ["px", "a"], "y": ["p", "a"], "y.inner.raw": ["p"]}
    names = {node.name: node.originating for node in nodes_of("outer", outer, {})}
    assert names["x.inner.clean"] == (clean__a, inner, outer)


# -- axes ----------------------------------------------------------------------------------------------------------


def number(n: int) -> Parallelizable[int]:
    return range(n)


def square(number: int, by: int) -> int:
    return number * number * by


def total(square: Collect[int]) -> int:
    return sum(square)


summing = module_from_functions(number, square, total, name="summing")


def test_a_fan_out_inside_a_subdag(run):
    @parameterized_subdag(summing, inputs={"by": source("scale")}, low={"inputs": {"n": value(3)}}, high={"inputs": {"n": source("m")}})
    def sums(total: int) -> int:
        return total

    assert run(sums, outputs=["low", "high", "low.square"], m=4, scale=10) == {"low": 50, "high": 140, "low.square": [0, 10, 40]}


def test_a_fan_out_that_leaves_a_subdag(run):
    @subdag(summing, inputs={"n": value(3), "by": value(1)})
    def each(square: int) -> int:
        return square + 1

    def listed(each: Collect[int]) -> list:
        return each

    assert run(each, listed, outputs=["listed"]) == [1, 2, 5]


def test_a_subdag_inside_a_fan_out(run):
    def width() -> Parallelizable[int]:
        return [1, 2, 3]

    @subdag(summing, inputs={"n": source("width"), "by": value(1)})
    def sums(total: int) -> int:
        return total

    def all_sums(sums: Collect[int]) -> list:
        return sums

    driver = Builder().with_modules(module_from_functions(width, sums, all_sums)).build()
    assert driver.graph.axes["sums.square"] == ("width", "sums.number")
    assert driver.graph.axes["sums"] == ("width",)
    assert run(width, sums, all_sums, outputs=["all_sums", "sums.square"]) == {
        "all_sums": [0, 1, 5],
        "sums.square": [[0], [0, 1], [0, 1, 4]],
    }


def test_a_subdag_that_collects_what_fans_out_around_it(run):
    def width() -> Parallelizable[int]:
        return [1, 2, 3]

    def largest(sizes: Collect[int]) -> int:
        return max(sizes)

    @subdag(largest, inputs={"sizes": source("width")})
    def most(largest: int) -> int:
        return largest

    def share(width: int, most: int) -> float:
        return width / most

    assert run(width, most, share, outputs=["share"]) == [1 / 3, 2 / 3, 1.0]


def test_two_fan_outs_of_one_subdag_are_independent(run):
    @parameterized_subdag(summing, inputs={"by": value(1)}, a={"inputs": {"n": value(2)}}, b={"inputs": {"n": value(3)}})
    def each(square: int) -> int:
        return square

    @cross
    def pair(a: int, b: int) -> tuple:
        return (a, b)

    @cross
    @inject(left=source("a"), right=source("a"))
    def same(left: int, right: int) -> tuple:
        return (left, right)

    found = run(each, pair, same, outputs=["pair", "same"])
    assert found["pair"] == [[(0, 0), (0, 1), (0, 4)], [(1, 0), (1, 1), (1, 4)]]
    assert found["same"] == [(0, 0), (1, 1)]


# -- with others ---------------------------------------------------------------------------------------------------


def _more(x: list, by: int = 1) -> list:
    return [*x, by]


def _with(made: dict, rest: int) -> dict:
    return {**made, "rest": rest}


def test_with_pipes_parts_and_tags(family, run):
    @tag(kind="feature")
    @extract_fields({"first": str})
    @pipe_output(step(_with, rest=value(1)))
    @pipe_input(step(_more, by=9))
    @subdag(cleaning, inputs={"path": value("v")}, config={"mode": "a"})
    def feat(clean: list) -> dict:
        return {"first": clean[0], "last": clean[-1]}

    found = run(feat, outputs=["feat", "first"])
    assert found == {"feat": {"first": "v", "last": 9, "rest": 1}, "first": "v"}
    tags = {node.name: dict(node.tags) for node in nodes_of("feat", feat, {})}
    assert {name for name, own in tags.items() if own} == {"first"}
    assert family(feat)["feat.with_more"] == (["feat.clean"], "list")


def test_parameterize_makes_more_of_the_last_node_only(run):
    @parameterize(once={"times": value(1)}, often={"times": source("count")})
    @subdag(cleaning, inputs={"path": value("v")}, config={"mode": "a"}, external_inputs=["times"])
    def feat(clean: list, times: int) -> list:
        return clean * times

    assert run(feat, outputs=["once", "often", "feat.raw"], count=2) == {
        "once": ["v", "a"],
        "often": ["v", "a", "v", "a"],
        "feat.raw": ["v"],
    }


def test_tags_and_wishes_for_all():
    @cache(format="json")
    @tag(x=1)
    @subdag(raw, inputs={"path": value("v")})
    def feat(raw: list) -> list: ...

    assert {node.name: dict(node.tags) for node in nodes_of("feat", feat, {})} == {
        "feat.raw": {"cache.format": "json"},
        "feat": {"x": 1, "cache.format": "json"},
    }


# -- errors --------------------------------------------------------------------------------------------------------


def read(raw: list) -> list: ...


def nothing() -> list: ...


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: subdag(), "@subdag needs a module or function"),
        (lambda: subdag("module"), "@subdag takes modules and functions, not a value of type str"),
        (lambda: subdag(raw, inputs={"path": "x"}), r"@subdag has an input 'path' of type str; write source\('…'\) or value"),
        (lambda: subdag(raw, inputs=["path"]), "@subdag takes inputs as a dict .* not list"),
        (lambda: subdag(raw, config=["path"]), "@subdag takes config as a dict .* not list"),
        (lambda: subdag(raw, external_inputs=["rw"])(read), r"@subdag on 'read' \(.*\): there is no parameter 'rw'; did you mean"),
        (lambda: subdag(raw)(nothing), "the function has no parameter, so nothing of the subdag is read"),
        (lambda: parameterized_subdag(raw), "@parameterized_subdag needs at least one subdag"),
        (lambda: parameterized_subdag(raw, a=3), "@parameterized_subdag: 'a' takes a dict with 'config', .* not int"),
        (lambda: parameterized_subdag(raw, a={"input": {}}), "@parameterized_subdag: 'a' has no 'input'; did you mean 'inputs'"),
        (lambda: parameterized_subdag(raw, a={"inputs": {"path": 3}}), "'a' has an input 'path' of type int"),
    ],
)
def test_what_cannot_be_meant_is_said_at_decoration(make, message):
    with pytest.raises(FlowError, match=message):
        make()


def itself(itself: list) -> list: ...


def twice(raw: list) -> list: ...


@pytest.mark.parametrize(
    ("decorator", "message"),
    [
        (subdag(raw, inputs={"raw": value([])}), r"input 'raw' is made by 'raw' \(.*\), which is part of it"),
        (subdag(nothing), "parameter 'raw' is made by no function of the subdag and is none of its inputs; .*external_inputs="),
        (subdag(raw, raw), "it makes two nodes called 'raw'"),
        (subdag(cleaning, config={"mode": configuration("m")}), "its config takes the config's value of 'm', and there is none"),
        (subdag(raw, inputs={"path": configuration("m")}), "input 'path' takes the config's value of 'm', and there is none"),
        (subdag(raw, inputs={"path": value(3)}), r"'f.raw' \(.*\): parameter 'path' takes str, but is bound to int"),
        (parameterized_subdag(raw, f={}, g={"config": {"raw": 1}}), None),
    ],
)
def test_what_cannot_be_meant_is_said_when_the_graph_is_built(decorator, message):
    def f(raw: list) -> list: ...

    if message is None:
        assert [node.name for node in nodes_of("f", decorator(f), {})] == ["f.raw", "f", "g.raw", "g"]
        return
    with pytest.raises(FlowError, match=message):
        nodes_of("f", decorator(f), {})


def test_a_subdag_does_not_contain_itself():
    module = module_from_functions(raw, name="loop")

    @subdag(module)
    def f(raw: list) -> list: ...

    module.f = f
    with pytest.raises(FlowError, match=r"'f' \(.*\) contains itself"):
        nodes_of("f", f, {})


def test_types_are_checked_into_and_out_of_a_subdag(run):
    def src() -> int: ...

    @subdag(raw, inputs={"path": source("src")})
    def f(raw: list) -> list: ...

    with pytest.raises(FlowError, match=r"'f.raw' .*: parameter 'path' takes str, but 'src' .* returns int"):
        run(src, f, outputs=["f"])

    @subdag(raw, inputs={"path": value("x")})
    def g(raw: str) -> list: ...

    with pytest.raises(FlowError, match=r"'g' .*: parameter 'raw' takes str, but 'g.raw' .* returns list"):
        run(g, outputs=["g"])


def test_a_config_value_may_be_given_as_a_literal():
    def final(clean: list) -> list:
        return clean

    decorated = subdag(raw, clean__a, clean__b, inputs={"path": value("p")}, config={"mode": value("b"), "k": value(5)})(final)
    with Builder().with_modules(module_from_functions(decorated)).build() as driver:
        assert driver.execute(["final"])["final"] == ["p", "b", 5]
