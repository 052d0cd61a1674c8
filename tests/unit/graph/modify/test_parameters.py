"""`inject` and the `parameterize` family: which nodes they make, and what those read."""

from __future__ import annotations

import functools

import pytest

from anabranch import Collect, FlowError, Parallelizable, Stream, cross
from anabranch.function_modifiers import (
    LiteralDependency,
    ParameterizedExtract,
    UpstreamDependency,
    configuration,
    extract_fields,
    group,
    inject,
    parameterize,
    parameterize_extract_columns,
    parameterize_sources,
    parameterize_values,
    source,
    value,
)
from anabranch.graph.functions import nodes_of


def test_a_node_for_each_parameterization(family, run):
    @parameterize(
        one={"x": value(1), "y": source("z")},
        two=({"x": source("one")}, "Its own text."),
        three={},
    )
    def f(x: int, y: int = 5) -> int:
        """Adds {x} and {y} to {output_name}; {other} stays."""
        return x * 10 + y

    assert family(f) == {"one": (["z"], "int"), "two": (["one", "y"], "int"), "three": (["x", "y"], "int")}
    assert [node.doc for node in nodes_of("f", f, {})] == [
        "Adds 1 and z to one; {other} stays.",
        "Its own text.",
        "Adds x and y to three; {other} stays.",
    ]
    assert run(f, outputs=["one", "two", "three"], x=3, z=2) == {"one": 12, "two": 125, "three": 35}
    assert run(f, outputs=["two"], z=2, y=7) == 127
    assert f(1, 2) == 12


def test_the_function_may_be_one_of_its_own_nodes(run):
    @parameterize(f={"x": value(1)}, g={"x": source("f")})
    def f(x: int) -> int:
        return x + 1

    assert run(f, outputs=["f", "g"]) == {"f": 2, "g": 3}


def test_sources_and_values(family, run):
    @parameterize_sources(a={"x": "s", "y": "t"}, b={"x": "t"})
    def f(x: int, y: int) -> int:
        return x - y

    @parameterize_values("x", {"c": 1, ("d", "The second."): 2})
    def g(x: int, y: int) -> int:
        """Of {x}."""
        return x * y

    assert family(f) == {"a": (["s", "t"], "int"), "b": (["t", "y"], "int")}
    assert run(f, g, outputs=["a", "b", "c", "d"], s=5, t=3, y=10) == {"a": 2, "b": -7, "c": 10, "d": 20}
    assert [node.doc for node in nodes_of("g", g, {})] == ["Of 1.", "The second."]


def test_groups_are_lists_and_dicts_in_their_order(family, run):
    @inject(
        numbers=group(source("a"), value(10), source("b"), configuration("c")),
        named=group(x=source("b"), y=value("z")),
    )
    def f(first: int, numbers: list[int], named: dict[str, object], last: int = 0) -> list:
        return [first, numbers, named, last]

    assert family(f, c=1) == {"f": (["first", "a", "b", "b", "last"], "list")}
    found = run(f, outputs=["f"], config={"c": 30}, a=1, b=2, first=0)
    assert found == [0, [1, 10, 2, 30], {"x": 2, "y": "z"}, 0]
    assert run(f, outputs=["f"], config={"c": 3}, a=1, b=2, first=0, last=9)[3] == 9


def test_a_group_beside_literals_and_every_kind_of_parameter(run):
    @inject(b=value(2), c=group(source("p"), source("q")), e=group(source("q")), g=value(7))
    def f(a, b, /, c, d, *, e, g, h=8) -> tuple:
        return (a, b, c, d, e, g, h)

    assert run(f, outputs=["f"], a=1, d=4, p=10, q=11) == (1, 2, [10, 11], 4, [11], 7, 8)
    assert run(f, outputs=["f"], a=1, d=4, p=10, q=11, h=0)[-1] == 0


@pytest.mark.parametrize("bound", ["a", "b", "c", "d", "ab", "ac", "bd", "abcd", "cd"])
def test_literals_in_any_place(run, bound):
    def f(a, b, /, c, d=4) -> tuple:
        return (a, b, c, d)

    inject(**{name: value(name.upper()) for name in bound})(f)
    given = {name: name for name in "abc" if name not in bound}
    wanted = tuple(name.upper() if name in bound else given.get(name, 4) for name in "abcd")
    assert run(f, outputs=["f"], **given) == wanted


def test_config_values(run):
    @inject(x=configuration("rate"))
    def f(x: int) -> int:
        return x

    assert run(f, outputs=["f"], config={"rate": 3}) == 3
    with pytest.raises(FlowError, match=r"@inject on 'f' \(.*\): parameter 'x' takes the config's value of 'rate', and there"):
        run(f, outputs=["f"])


def test_two_injects_and_a_parameterize_come_together(run):
    @inject(x=value(1))
    @parameterize(p={"z": value(3)}, q={"z": source("r")})
    @inject(y=value(2))
    def f(x: int, y: int, z: int) -> int:
        return 100 * x + 10 * y + z

    assert run(f, outputs=["p", "q"], r=4) == {"p": 123, "q": 124}


def test_in_a_fan_out(run):
    def item(n: int) -> Parallelizable[int]:
        return range(n)

    @parameterize(twice={"by": value(2)}, scaled={"by": source("scale")})
    def times(item: int, by: int) -> int:
        return item * by

    @inject(both=group(source("twice"), source("scaled")))
    def pair(both: list[int]) -> list[int]:
        return both

    @inject(pairs=source("pair"))
    def pairs(pairs: Collect[list[int]]) -> list:
        return pairs

    assert run(item, times, pair, pairs, outputs=["pairs"], n=3, scale=5) == [[0, 0], [2, 5], [4, 10]]


def test_a_parameter_of_another_name_may_collect_stream_or_expand(run):
    @parameterize(low={"start": value(0)}, high={"start": source("top")})
    def numbers(start: int) -> Parallelizable[int]:
        return range(start, start + 2)

    @parameterize(all_low={"them": source("low")}, all_high={"them": source("high")})
    def listed(them: Collect[int]) -> list[int]:
        return them

    @inject(them=source("low"))
    def streamed(them: Stream[int]) -> list[int]:
        return list(them)

    @cross
    @inject(a=source("low"), b=source("high"))
    def pair(a: int, b: int) -> tuple[int, int]:
        return (a, b)

    flow = (numbers, listed, streamed, pair)
    found = run(*flow, outputs=["all_low", "all_high", "streamed", "pair"], top=7)
    assert found == {"all_low": [0, 1], "all_high": [7, 8], "streamed": [0, 1], "pair": [[(0, 7), (0, 8)], [(1, 7), (1, 8)]]}


def test_one_node_may_be_read_by_several_parameters_of_a_function(run):
    def number(n: int) -> Parallelizable[int]:
        return range(n)

    @inject(once=source("number"), again=source("number"))
    def square(once: int, again: int) -> int:
        return once * again

    @inject(left=source("number"), right=source("number"))
    def listed(left: Collect[int], right: Stream[int]) -> list:
        left.append(-1)
        return [left, list(right)]

    @inject(left=source("number"), right=source("number"))
    def both(left: Collect[int], right: Collect[int]) -> list:
        left.append(-1)
        return [left, right]

    @inject(each=source("number"), whole=source("number"))
    def share(each: int, whole: Collect[int]) -> list:
        return [each, sum(whole)]

    flow = (number, square, listed, both, share)
    assert run(*flow, outputs=["square", "listed", "both", "share"], n=3) == {
        "square": [0, 1, 4],
        "listed": [[0, 1, 2, -1], [0, 1, 2]],
        "both": [[0, 1, 2, -1], [0, 1, 2]],
        "share": [[0, 3], [1, 3], [2, 3]],
    }


def test_frames_and_their_columns(run):
    pd = pytest.importorskip("pandas")

    @parameterize_extract_columns(
        ParameterizedExtract(("a1", "b1"), {"x": source("s"), "k": value(10)}),
        ParameterizedExtract(("a2", "b2"), {"x": source("t"), "k": value(100)}),
    )
    def f(x: pd.Series, k: int) -> pd.DataFrame:
        """From {x}."""
        return pd.DataFrame({"A": x, "B": x * k})

    nodes = {node.name: node for node in nodes_of("f", f, {})}
    assert list(nodes) == ["f__0", "a1", "b1", "f__1", "a2", "b2"]
    assert nodes["b2"].annotation is pd.Series
    assert nodes["f__0"].doc == nodes["a1"].doc == "From s."
    found = run(f, outputs=["a1", "b2", "f__0"], s=pd.Series([1]), t=pd.Series([2, 3]))
    assert found["a1"].tolist() == [1]
    assert found["b2"].tolist() == [200, 300]
    assert list(found["f__0"].columns) == ["a1", "b1"]


def test_frames_whose_columns_have_their_names_already(run):
    pl = pytest.importorskip("polars")

    @parameterize_extract_columns(ParameterizedExtract(("a", "c"), {"k": value(2)}), reassign_columns=False)
    def f(k: int) -> pl.DataFrame:
        return pl.DataFrame({"a": [1], "b": [2], "c": [3 * k]})

    assert run(f, outputs=["c"]).to_list() == [6]


@pytest.mark.parametrize("library", ["pandas", "polars", "polars lazy", "pyarrow"])
def test_columns_are_named_by_position_in_every_library(run, library):
    name, _, lazy = library.partition(" ")
    module = pytest.importorskip(name)

    def f() -> object:
        data = {"x": [1, 2], "y": [3, 4]}
        frame = module.table(data) if name == "pyarrow" else module.DataFrame(data)
        return frame.lazy() if lazy else frame

    parameterize_extract_columns(ParameterizedExtract(("a", "b"), {}))(f)
    found = run(f, outputs=["a", "b"])
    values = [column.collect()["b"] if lazy else column for column in (found["b"],)]
    assert [list(column.to_pylist() if name == "pyarrow" else column.to_list()) for column in values] == [[3, 4]]


def test_as_many_columns_as_names(run):
    pd = pytest.importorskip("pandas")

    @parameterize_extract_columns(ParameterizedExtract(("a", "b"), {}))
    def f() -> pd.DataFrame:
        return pd.DataFrame({"A": [1]})

    with pytest.raises(FlowError, match="'f' returned a frame of 1 columns, but 2 are to be named"):
        run(f, outputs=["a"])


def test_a_wrapped_function_keeps_its_wrapper(run):
    calls = []

    def logged(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            calls.append(args or tuple(kwargs.values()))
            return function(*args, **kwargs)

        return wrapper

    @logged
    @inject(x=value(3))
    def f(x: int) -> int:
        return x

    @inject(x=value(4))
    @functools.lru_cache
    def g(x: int) -> int:
        return x

    assert run(f, g, outputs=["f", "g"]) == {"f": 3, "g": 4}
    assert calls == [(3,), (3,)]


# -- errors --------------------------------------------------------------------------------------------------------


def f(x: int, many: list[int], all_: Collect[int], stream: Stream[int]) -> int: ...


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: parameterize(), "@parameterize needs at least one node to make"),
        (lambda: parameterize(a=3), "@parameterize: 'a' takes a dict from parameters to source"),
        (lambda: parameterize(a={"x": 3}), r"@parameterize: 'a' binds 'x' to a value of type int; write source\('…'\) for a node or input, value"),
        (lambda: parameterize(a=({"x": value(1)}, "doc", 3)), "@parameterize: 'a' takes a dict"),
        (lambda: parameterize_sources(a={"x": 3}), "@parameterize_sources: 'a' takes a dict from parameters to the names"),
        (lambda: parameterize_values("x", {3: 1}), "@parameterize_values: 3 is neither a name nor a pair"),
        (lambda: parameterize_values("x", {}), "@parameterize_values needs at least one node"),
        (lambda: parameterize_extract_columns(("a",)), r"takes ParameterizedExtract\(.*, not tuple"),
        (lambda: inject(), "@inject needs a parameter"),
        (lambda: inject(x=1), "@inject binds 'x' to a value of type int"),
        (lambda: inject(y=value(1))(f), r"@inject on 'f' \(.*:\d+\): there is no parameter 'y'; there are 'x', 'many'"),
        (lambda: parameterize(a={"man": value(1)})(f), r"@parameterize on 'f' .*no parameter 'man'; did you mean 'many'\?"),
        (lambda: parameterize_values("y", {"a": 1})(f), "@parameterize_values on 'f' .*no parameter 'y'"),
        (lambda: source(3), r"source takes the name of a node or input, as in source\('price'\), not a value of type int"),
        (lambda: source(""), "source takes the name .* not an empty name"),
        (lambda: value(source("a")), r"value takes a literal, .* leave value\(…\) out"),
        (lambda: configuration(3), "configuration takes a config key"),
        (lambda: group(), "group takes either parts"),
        (lambda: group(value(1), b=value(2)), "group takes either parts"),
        (lambda: group(1), r"group takes source\(…\), value\(…\) or configuration\(…\), not a value of type int"),
    ],
)
def test_what_cannot_be_meant_is_said_at_decoration(make, message):
    with pytest.raises(FlowError, match=message):
        make()


def fresh(*decorators):
    def f(x: int, many: list[int], all_: Collect[int], stream: Stream[int]) -> int: ...

    for decorator in decorators:
        decorator(f)
    return f


@pytest.mark.parametrize(
    ("decorators", "message"),
    [
        ([inject(x=value(1)), inject(x=value(2))], r"@inject on 'f' \(.*\): parameter 'x' is bound twice"),
        ([inject(x=value(1)), parameterize(a={"x": value(2)})], "@parameterize on 'a' .*parameter 'x' is bound twice"),
        ([parameterize(a={}), parameterize(b={}), parameterize(c={})], None),
        ([parameterize(a={}, b={}), parameterize(c={})], "the function makes several nodes already; parameterize it once"),
        ([inject(x=value("one"))], "'f' .*: parameter 'x' takes int, but is bound to str"),
        ([inject(x=group(source("a")))], "parameter 'x' takes int, but is given a group: a list"),
        ([inject(many=group(a=source("a")))], r"parameter 'many' takes list\[int\], but is given a group: a dict"),
        ([inject(many=group(value("a")))], "parameter 'many': a part of its group must be int, not str"),
        ([inject(all_=group(source("a")))], "parameter 'all_' takes values of a fan-out and cannot be given a group"),
        ([inject(all_=value(3))], "parameter 'all_' takes list, but is bound to int"),
        ([inject(stream=value([3]))], "parameter 'stream' is a Stream and cannot be given a literal"),
    ],
)
def test_what_cannot_be_meant_is_said_when_the_graph_is_built(decorators, message):
    if message is None:
        assert [node.name for node in nodes_of("f", fresh(*decorators), {})] == ["c"]
        return
    with pytest.raises(FlowError, match=message):
        nodes_of("f", fresh(*decorators), {})


def test_two_functions_may_not_make_one_node(run):
    @parameterize(a={}, b={})
    def f() -> int: ...

    def a() -> int: ...

    @parameterize(b={})
    def g() -> int: ...

    with pytest.raises(FlowError, match=r"two functions make a node called 'a': .*:\d+ and .*:\d+; rename one"):
        run(f, a, outputs=["a"])
    with pytest.raises(FlowError, match="two functions make a node called 'b'|two functions are called 'b'"):
        run(f, g, outputs=["a"])


def test_types_are_checked_along_other_names(run):
    def text() -> str: ...

    @inject(x=source("text"))
    def f(x: int) -> int: ...

    with pytest.raises(FlowError, match="parameter 'x' takes int, but 'text' .* returns str"):
        run(text, f, outputs=["f"])

    @inject(xs=group(source("text")))
    def g(xs: list[int]) -> int: ...

    with pytest.raises(FlowError, match="takes int, but 'text' .* returns str"):
        run(text, g, outputs=["g"])

    @inject(x=source("g"))
    def h(x: int) -> int: ...

    @inject(y=source("h"))
    def g(y: int) -> int: ...

    with pytest.raises(FlowError, match=r"the functions depend on each other in a circle: (g → h → g|h → g → h)"):
        run(g, h, outputs=["g"])


def test_an_input_of_another_name_is_checked_and_missed_by_its_own(run):
    from anabranch import InputError

    @inject(x=source("rate"))
    def f(x: int) -> int:
        return x

    with pytest.raises(InputError, match=r"input is missing: 'rate' \(int\), needed by 'f'"):
        run(f, outputs=["f"])
    with pytest.raises(InputError, match="input 'rate' is str, but 'f' .* takes int"):
        run(f, outputs=["f"], rate="3")


def test_a_collect_of_what_is_not_there_names_parameter_and_source(run):
    @inject(xs=source("itm"))
    def f(xs: Collect[int]) -> int: ...

    def item() -> Parallelizable[int]: ...

    with pytest.raises(FlowError, match="parameter 'xs' collects, but no function is called 'itm'; did you mean 'item'"):
        run(f, item, outputs=["f"])


def test_dependencies_are_plain_data():
    assert source("a") == UpstreamDependency("a")
    assert isinstance(value(3), LiteralDependency)
    assert value(3).value == 3
    assert value([1]) != value([1])  # a literal is never compared


def test_fields_of_a_parameterized_function(run):
    @extract_fields({"u": int})
    @parameterize(a={"x": value(2)})
    def f(x: int) -> dict:
        return {"u": x}

    assert run(f, outputs=["a", "u"]) == {"a": {"u": 2}, "u": 2}


def test_documentation_says_what_is_injected():
    @inject(x=value(1), y=source("z"))
    def f(x: int, y: int, w: int) -> int:
        """Adds {x}, {y}, {w} and {other}."""
        return x + y + w

    assert [node.doc for node in nodes_of("f", f, {})] == ["Adds 1, z, w and {other}."]
