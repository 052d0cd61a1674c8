"""Steps on inputs and outputs, and `mutate`: names, what reads what, and what comes of it."""

from __future__ import annotations

import pytest

from anabranch import Collect, FlowError, Parallelizable
from anabranch.function_modifiers import (
    apply_to,
    does,
    extract_fields,
    group,
    inject,
    mutate,
    parameterize,
    pipe,
    pipe_input,
    pipe_output,
    source,
    step,
    tag,
    value,
)
from anabranch.graph.functions import nodes_of


def _add_one(x: int) -> int:
    """One more."""
    return x + 1


def _plus(x: int, y: int) -> int:
    return x + y


def times(x: int, y: int, z: int = 10) -> int:
    return x * y * z


# -- on the way in -------------------------------------------------------------------------------------------------


def test_steps_on_the_way_in(family, run):
    @pipe_input(step(_add_one), step(times, y=2), step(_plus, y=value(3)), step(times, y=source("up")))
    def f(u: int, w: int) -> int:
        """Its text."""
        return u - w

    assert family(f) == {
        "f.with_add_one": (["u"], "int"),
        "f.with_times": (["f.with_add_one", "z"], "int"),
        "f.with_plus": (["f.with_times"], "int"),
        "f.with_times_1": (["f.with_plus", "up", "z"], "int"),
        "f": (["f.with_times_1", "w"], "int"),
    }
    docs = {node.name: node.doc for node in nodes_of("f", f, {})}
    assert (docs["f"], docs["f.with_add_one"]) == ("Its text.", "One more.")
    assert {node.originating for node in nodes_of("f", f, {})} == {(f,)}
    assert run(f, outputs=["f", "f.with_plus"], u=1, up=3, w=1) == {"f": 1289, "f.with_plus": 43}
    assert run(f, outputs=["f"], u=1, up=3, w=0, z=1) == 21
    assert run(f, outputs=["f"], overrides={"f.with_plus": 1}, up=3, w=0) == 30


def test_names_and_namespaces(family):
    def names(*steps, **options):
        def f(u: int) -> int: ...

        return list(family(pipe_input(*steps, **options)(f)))[:-1]

    one = step(_add_one)
    named = (one.named("a"), one.named("b", namespace="foo"), one.named("c", namespace=...), one.named("d", namespace=None), one)
    assert names(*named) == ["f.a", "foo.b", "f.c", "d", "f.with_add_one_4"]
    assert names(one.named("a"), one, namespace=None) == ["a", "with_add_one_1"]
    assert names(one.named("a"), one, namespace="foo") == ["foo.a", "foo.with_add_one_1"]
    assert names(one.named("a", namespace=None), one, namespace="foo") == ["a", "foo.with_add_one_1"]


def test_conditions_of_steps(family, run):
    @pipe_input(
        step(_add_one).when(k=1).named("when"),
        step(_add_one).when_not(k=1).named("when_not"),
        step(_add_one).when_in(k=[1, 2]).named("in"),
        step(_add_one).when_not_in(k=[1, 2]).when(j=None).named("not_in"),
    )
    def f(u: int) -> int:
        return u

    assert list(family(f, k=1)) == ["f.when", "f.in", "f"]
    assert list(family(f, k=3)) == ["f.when_not", "f.not_in", "f"]
    assert list(family(f, k=3, j=1)) == ["f.when_not", "f"]
    assert run(f, outputs=["f"], u=1, config={"k": 2}) == 3

    @pipe_input(step(_add_one).when(k=1))
    def g(u: int) -> int:
        return u

    assert family(g) == {"g": (["u"], "int")}
    with pytest.raises(FlowError, match="when_in of a step needs at least one config key"):
        step(_add_one).when_in()


def test_the_parameter_is_chosen(family, run):
    @pipe_input(step(_add_one), on_input="w")
    @pipe_input(step(_add_one), on_input=["u", "v"])
    def f(u: int, v: int, w: int) -> list[int]:
        return [u, v, w]

    assert list(family(f)) == ["f.with_add_one", "f.with_add_one_1", "f.with_add_one_2", "f"]
    assert run(f, outputs=["f"], u=10, v=20, w=30) == [11, 21, 31]


def test_positional_arguments_of_a_step_come_after_the_piped_one(run):
    @pipe_input(step(_plus, 5), step(times, source("up"), 2), step(times, value(3), z=1))
    def f(u: int) -> int:
        return u

    assert run(f, outputs=["f"], u=1, up=10) == 360


def test_further_keywords_go_to_a_step_that_takes_any(run):
    def scaled(x: int, **more: int) -> tuple:
        return (x, more)

    @pipe_input(step(scaled, a=1, b=source("up")))
    def f(u: tuple) -> tuple:
        return u

    assert run(f, outputs=["f"], u=1, up=3) == (1, {"a": 1, "b": 3})


def test_the_pipe_begins_where_the_parameter_read(family, run):
    @pipe_input(step(_add_one), on_input="y")
    @parameterize(a={"y": value(2)}, b={"y": source("q")})
    def f(x: int, y: int) -> int:
        return x * y

    assert family(f) == {
        "a.with_add_one": ([], "int"),
        "a": (["x", "a.with_add_one"], "int"),
        "b.with_add_one": (["q"], "int"),
        "b": (["x", "b.with_add_one"], "int"),
    }
    assert run(f, outputs=["a", "b"], x=10, q=4) == {"a": 30, "b": 50}

    def total(xs: list[int]) -> int:
        return sum(xs)

    @pipe_input(step(total))
    @inject(u=group(source("p"), value(1)))
    def g(u: int) -> int:
        return u

    assert run(g, outputs=["g"], p=5) == 6


def test_a_default_is_what_comes_along_the_pipe(run):
    @pipe_input(step(_plus, y=100))
    def f(u: int = 5, v: int = 1) -> tuple:
        return (u, v)

    assert run(f, outputs=["f"]) == (105, 1)
    assert run(f, outputs=["f"], u=1) == (101, 1)
    assert run(f, outputs=["f"], v=2) == (105, 2)

    @pipe_input(step(_add_one))
    @inject(u=value(7))
    def g(u: int = 5) -> int:
        return u

    assert run(g, outputs=["g"]) == 8


def test_each_function_says_itself_what_it_takes_of_a_fan_out(run):
    def item(n: int) -> Parallelizable[int]:
        return range(n)

    def largest(xs: Collect[int], than: int = 0) -> list[int]:
        return [x for x in xs if x > than]

    @pipe_input(step(_add_one))
    def per_item(item: int) -> int:
        return item * 10

    @pipe_input(step(_add_one))
    def per_item_then_collected(item: Collect[int]) -> list[int]:
        return item

    @pipe_input(step(largest, than=1))
    def collected(item: list[int]) -> list[int]:
        return item

    flow = (item, per_item, per_item_then_collected, collected)
    assert run(*flow, outputs=["per_item", "per_item_then_collected", "collected"], n=4) == {
        "per_item": [10, 20, 30, 40],
        "per_item_then_collected": [1, 2, 3, 4],
        "collected": [2, 3],
    }


def test_a_step_may_open_a_fan_out(run):
    def each(xs: list[int]) -> Parallelizable[int]:
        return xs

    @pipe_input(step(each), step(_add_one))
    def f(xs: int) -> int:
        return xs * 2

    def total(f: Collect[int]) -> int:
        return sum(f)

    assert run(f, total, outputs=["f", "total"], xs=[1, 2]) == {"f": [4, 6], "total": 10}


def test_a_step_may_bring_modifiers_of_its_own(run):
    @inject(y=value(4))
    def four_more(x: int, y: int) -> int:
        return x + y

    @extract_fields({"a": int})
    def parts(x: int) -> dict: ...

    @pipe_input(step(four_more))
    def f(u: int) -> int:
        return u

    @pipe_input(step(parts).named("parts"))
    def g(u: int) -> int: ...

    assert run(f, outputs=["f"], u=1) == 5
    with pytest.raises(FlowError, match=r"@pipe_input on 'g' .*: a step's function makes one node, but that of 'g.parts' makes 2"):
        nodes_of("g", g, {})


def test_pipe_is_another_name():
    assert pipe is pipe_input


# -- on the way out ------------------------------------------------------------------------------------------------


def test_steps_on_the_way_out(family, run):
    @pipe_output(step(_add_one), step(times, y=2).named("m"), step(times, y=source("q")))
    def f(u: int, w: int) -> int:
        """Its text."""
        return u

    assert family(f) == {
        "f.raw": (["u", "w"], "int"),
        "f.with_add_one": (["f.raw"], "int"),
        "f.m": (["f.with_add_one", "z"], "int"),
        "f.with_times_1": (["f.m", "q", "z"], "int"),
        "f": (["f.with_times_1"], "int"),
    }
    assert run(f, outputs=["f", "f.raw"], u=1, w=1, q=3) == {"f": 1200, "f.raw": 1}
    assert next(node for node in nodes_of("f", f, {}) if node.name == "f").doc == "Its text."


def test_the_type_is_that_of_the_last_step(run):
    def shown(x: int) -> str:
        return f"<{x}>"

    @pipe_output(step(shown))
    def f() -> int:
        return 1

    def g(f: str) -> str:
        return f + "!"

    assert run(f, g, outputs=["g"]) == "<1>!"

    @pipe_output(step(lambda x: x + 1).named("more"))
    def h() -> int:
        return 1

    def k(h: float) -> float:
        return h

    assert run(h, k, outputs=["k", "h.more"]) == {"k": 2, "h.more": 2}


def test_several_pipes_follow_each_other(family, run):
    @pipe_output(step(times, y=2, z=1))
    @pipe_output(step(_add_one), step(_add_one))
    def f(u: int) -> int:
        return u

    assert list(family(f)) == ["f.raw", "f.with_add_one", "f.with_add_one_1", "f.with_times", "f"]
    assert run(f, outputs=["f"], u=1) == 6


def test_nodes_are_chosen(family, run):
    @pipe_output(step(_add_one), step(times, y=2, z=1).on_output("b"))
    @extract_fields({"a": int, "b": int})
    def f(u: int) -> dict:
        return {"a": u, "b": u + 1}

    assert family(f) == {
        "f": (["u"], "dict"),
        "a.raw": (["f"], "int"),
        "a.with_add_one": (["a.raw"], "int"),
        "a": (["a.with_add_one"], "int"),
        "b.raw": (["f"], "int"),
        "b.with_add_one": (["b.raw"], "int"),
        "b.with_times": (["b.with_add_one"], "int"),
        "b": (["b.with_times"], "int"),
    }
    assert run(f, outputs=["f", "a", "b"], u=1) == {"f": {"a": 1, "b": 2}, "a": 2, "b": 6}

    @pipe_output(step(_add_one), on_output=["b"])
    @extract_fields({"a": int, "b": int})
    def g(u: int) -> dict:
        return {"a": u, "b": u + 1}

    assert run(g, outputs=["a", "b"], u=1) == {"a": 1, "b": 3}


def test_parts_are_of_what_comes_out_of_the_pipe(run):
    def more(d: dict, by: int) -> dict:
        return {key: one + by for key, one in d.items()}

    @extract_fields({"a": int})
    @pipe_output(step(more, by=3))
    def f() -> dict:
        return {"a": 1}

    assert run(f, outputs=["a", "f"]) == {"a": 4, "f": {"a": 4}}


def test_every_item_goes_through_the_pipe(run):
    @pipe_output(step(_add_one), step(times, y=source("scale"), z=1))
    def item(n: int) -> Parallelizable[int]:
        return range(n)

    def total(item: Collect[int]) -> int:
        return sum(item)

    assert run(item, total, outputs=["item", "total", "item.raw"], n=3, scale=2) == {
        "item": [2, 4, 6],
        "total": 12,
        "item.raw": [0, 1, 2],
    }
    assert run(item, total, outputs=["total"], overrides={"item.raw": [10]}, scale=1) == 11


def test_tags_are_for_what_is_last():
    @tag(x=1)
    @pipe_output(step(_add_one))
    def f() -> int: ...

    assert {node.name: dict(node.tags) for node in nodes_of("f", f, {})} == {"f.raw": {}, "f.with_add_one": {}, "f": {"x": 1}}


def test_without_a_step_that_is_applied_nothing_changes(family):
    @pipe_output(step(_add_one).when(k=1))
    def f() -> int: ...

    assert family(f) == {"f": ([], "int")}


# -- mutate --------------------------------------------------------------------------------------------------------

MUTATED = """
def a(x: int) -> int: return x
def b(x: int) -> int: return x * 2
@extract_fields(dict(p=int, q=int))
def c(x: int) -> dict: return dict(p=x, q=x)

@mutate(a, b, y=value(5))
def _more(v: int, y: int) -> int: return v + y

@mutate(apply_to(b, y=source("a")).named("second"), apply_to(a).when(k=1), y=3)
def _times(v: int, y: int) -> int: return v * y

@mutate(apply_to(c).on_output("q"))
def hundred(v: int) -> int: return v + 100
"""


def test_mutators_are_steps_on_the_functions_that_they_name(flow):
    from anabranch import Builder

    module = flow(MUTATED)
    driver = Builder().with_modules(module).build()
    assert sorted(driver.graph.nodes) == sorted(
        "a a.raw a.with_more b b.raw b.with_more b.second c p q q.raw q.with_hundred".split()
    )
    assert driver.execute(["a", "b", "p", "q"], {"x": 1}) == {"a": 6, "b": 42, "p": 1, "q": 101}
    driver = Builder().with_modules(module).with_config({"k": 1}).build()
    assert driver.execute(["a", "b"], {"x": 1}) == {"a": 18, "b": 126}
    assert module.hundred(1) == 101
    assert module.a(3) == 3


def test_a_mutator_that_is_defined_again_replaces_itself():
    namespace = {"__name__": "notebook"}
    exec("def a(x: int) -> int: return x", namespace)
    from anabranch.function_modifiers.steps import mutations_of

    for body in ("v + 1", "v + 2"):
        exec(f"def _more(v: int) -> int: return {body}", namespace)
        mutate(namespace["a"])(namespace["_more"])
    assert [one.function(0) for one in mutations_of(namespace["a"])] == [2]


def test_a_mutator_may_name_its_functions():
    namespace = {"__name__": "notebook", "mutate": mutate, "apply_to": apply_to}
    exec("def a(x: int) -> int: return x\ndef b(x: int) -> int: return -x\n", namespace)
    exec("@mutate('a', apply_to('b', by=5))\ndef _more(v: int, by: int = 1) -> int: return v + by\n", namespace)
    assert [node.name for node in nodes_of("b", namespace["b"], {})] == ["b.raw", "b.with_more", "b"]
    with pytest.raises(FlowError, match=r"@mutate on '_more' .*: its module has no function 'c' above it"):
        mutate("c")(namespace["_more"])


def test_mutators_within_a_function_and_after_pipes(run):
    @pipe_output(step(_add_one))
    def f() -> int:
        return 1

    @mutate(f)
    def _twice(v: int) -> int:
        return v * 2

    @mutate(f, f)
    def _minus(v: int) -> int:
        return v - 1

    assert run(f, outputs=["f"]) == 2
    assert [node.name for node in nodes_of("f", f, {})] == [
        "f.raw",
        "f.with_add_one",
        "f.with_twice",
        "f.with_minus",
        "f.with_minus_1",
        "f",
    ]


# -- errors --------------------------------------------------------------------------------------------------------


def nothing() -> int: ...


def one(x: int) -> int: ...


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: step(3), "step takes a function, not a value of type int"),
        (lambda: step(nothing), r"step 'nothing' \(.*\): the function has no parameter to take the value"),
        (lambda: step(_plus, z=1), r"step '_plus' \(.*\): there is no parameter 'z'; there are 'y'"),
        (lambda: step(_plus, x=1), "'x' is its first parameter, which takes the value that comes along the pipe"),
        (lambda: step(_plus, 1, 2), "2 arguments are given, but after 'x' there are 1 parameters"),
        (lambda: step(_plus, 1, y=2), "parameter 'y' is bound twice"),
        (lambda: step(_plus).named(""), "a step on '_plus' .* is named with a text"),
        (lambda: pipe_input(_plus), r"@pipe_input takes step\(function, …\), not a value of type function"),
        (lambda: pipe_output(apply_to(_plus)), "@pipe_output takes step.* not a value of type Application"),
        (lambda: pipe_input(step(_add_one))(nothing), "@pipe_input on 'nothing' .*: the function has no parameter"),
        (lambda: pipe_input(step(_add_one), on_input="y")(one), "there is no parameter 'y'; there are 'x'"),
        (lambda: pipe_input(step(_add_one).on_output("a"))(one), "on_output is for pipe_output"),
        (lambda: pipe_output(step(_add_one).on_output("a"), on_output="a")(one), "on_output is given for the pipe and for a step"),
        (lambda: mutate(), "@mutate needs at least one function"),
        (lambda: mutate(1), "apply_to takes a function, not a value of type int"),
        (lambda: mutate(pytest.fixture)(_add_one), r"@mutate on '_add_one' \(.*\): 'fixture' .* is in another module"),
        (lambda: mutate(one, y=2)(_add_one), r"step '_add_one' \(.*\): there is no parameter 'y'"),
    ],
)
def test_what_cannot_be_meant_is_said_at_decoration(make, message):
    with pytest.raises(FlowError, match=message):
        make()


@pytest.mark.parametrize(
    ("decorator", "message"),
    [
        (pipe_output(step(_add_one), on_output="a"), "@pipe_output on 'f' .*: the function makes no node 'a'; there are 'f'"),
        (pipe_output(step(_add_one).on_output("a")), "the function makes no node 'a'"),
        (pipe_output(step(lambda x: x)), r"a step's function has no name of its own; give it one with .named"),
        (pipe_output(step(_add_one).named("a"), step(_add_one).named("a")), "it makes two nodes called 'f.a'; rename one"),
        (pipe_output(step(_add_one).named("f", namespace=None)), "it makes two nodes called 'f'"),
    ],
)
def test_what_cannot_be_meant_is_said_when_the_graph_is_built(decorator, message):
    def f(x: int) -> int: ...

    with pytest.raises(FlowError, match=message):
        nodes_of("f", decorator(f), {})


def test_types_of_steps_are_checked(run):
    def text(x: int) -> str: ...

    @pipe_output(step(text), step(_add_one))
    def f() -> int: ...

    with pytest.raises(FlowError, match=r"'f.with_add_one' .*: parameter 'x' takes int, but 'f.with_text' .* returns str"):
        run(f, outputs=["f"])


def test_a_step_that_fails_is_named(run):
    def broken(x: int) -> int:
        raise ValueError("no")

    @pipe_output(step(broken))
    def item() -> Parallelizable[int]:
        return [1, 2]

    with pytest.raises(ValueError, match="no") as caught:
        run(item, outputs=["item"])
    assert "item.with_broken" in caught.value.__notes__[0]


def test_does_beside_a_pipe(run):
    def total(**parts: int) -> int:
        return sum(parts.values())

    @pipe_output(step(_add_one))
    @pipe_input(step(times, y=2, z=1), on_input="b")
    @does(total)
    def both(a: int, b: int) -> int: ...

    assert run(both, outputs=["both"], a=1, b=10) == 22
