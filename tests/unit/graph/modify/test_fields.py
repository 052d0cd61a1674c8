"""Columns, fields and elements as nodes: names, types, what they give, and what is said when they are not there."""

from __future__ import annotations

import collections
import dataclasses
import typing
from typing import Any, NamedTuple, TypedDict

import pytest

from anabranch import Collect, FlowError, Parallelizable
from anabranch.derived.parts import columns_of
from anabranch.function_modifiers import extract_columns, extract_fields, unpack_fields
from anabranch.graph.functions import nodes_of


class Point(TypedDict):
    x: int
    y: str


class Partial(Point, total=False):
    z: float


@dataclasses.dataclass
class Data:
    x: int
    y: str = "?"

    limit: typing.ClassVar[int] = 3


class Pair(NamedTuple):
    x: int
    y: str


def decorated(decorator, annotation, made=None):
    def whole():
        """Its text."""
        return made

    whole.__annotations__["return"] = annotation
    return decorator(whole)


@pytest.mark.parametrize(
    ("decorator", "annotation", "made", "fields"),
    [
        (extract_fields({"a": int, "b": str}), dict, {"a": 1, "b": "x"}, {"a": (int, 1), "b": (str, "x")}),
        (extract_fields({"a": int}), Any, {"a": 1}, {"a": (int, 1)}),
        (extract_fields({"a": int}), dict[str, int], {"a": 1}, {"a": (int, 1)}),
        (extract_fields("a", "b"), dict[str, int], {"a": 1, "b": 2}, {"a": (int, 1), "b": (int, 2)}),
        (extract_fields(["a", "b"]), dict[str, float], {"a": 1, "b": 2}, {"a": (float, 1), "b": (float, 2)}),
        (extract_fields("a"), typing.Mapping[str, int], {"a": 1}, {"a": (int, 1)}),
        (extract_fields("a"), dict, {"a": 1}, {"a": (Any, 1)}),
        (extract_fields(), Point, {"x": 1, "y": "b"}, {"x": (int, 1), "y": (str, "b")}),
        (extract_fields("y"), Point, {"x": 1, "y": "b"}, {"y": (str, "b")}),
        (extract_fields({"y": str}), Point, {"x": 1, "y": "b"}, {"y": (str, "b")}),
        (extract_fields("z", fill_with=0.5), Partial, {"x": 1, "y": "b"}, {"z": (float, 0.5)}),
        (extract_fields(), Data, Data(1), {"x": (int, 1), "y": (str, "?")}),
        (extract_fields({"x": int}), Data, Data(1), {"x": (int, 1)}),
        (extract_fields(), Pair, Pair(1, "b"), {"x": (int, 1), "y": (str, "b")}),
        (extract_fields({"a": int, "c": int}, fill_with=7), dict, {"a": 1}, {"a": (int, 1), "c": (int, 7)}),
        (extract_fields("x", "q", fill_with=7), Data, Data(1), {"x": (int, 1), "q": (Any, 7)}),
        (unpack_fields("a", "b"), tuple[int, str], (1, "x"), {"a": (int, 1), "b": (str, "x")}),
        (unpack_fields("a", "b"), tuple[int, str, float], (1, "x", 2.0), {"a": (int, 1), "b": (str, "x")}),
        (unpack_fields("a", "b"), tuple[int, ...], (1, 2), {"a": (int, 1), "b": (int, 2)}),
        (unpack_fields("a", "b"), typing.Tuple[int, str], (1, "x"), {"a": (int, 1), "b": (str, "x")}),
        (unpack_fields("a"), tuple, (1,), {"a": (Any, 1)}),
        (unpack_fields("a"), Pair, Pair(1, "b"), {"a": (int, 1)}),
        (unpack_fields("a"), Any, [1], {"a": (Any, 1)}),
    ],
)
def test_parts_have_types_and_values(run, decorator, annotation, made, fields):
    function = decorated(decorator, annotation, made)
    nodes = {node.name: node for node in nodes_of("whole", function, {})}
    assert list(nodes) == ["whole", *fields]
    assert {name: nodes[name].annotation for name in fields} == {name: kind for name, (kind, _) in fields.items()}
    assert {node.doc for node in nodes.values()} == {"Its text."}
    assert all(node.originating == (function,) for node in nodes.values())
    assert run(function, outputs=["whole", *fields]) == {"whole": made, **{name: value for name, (_, value) in fields.items()}}


def test_fields_of_each_item(run):
    @extract_fields({"a": int, "b": int})
    def record(n: int) -> Parallelizable[dict]:
        for i in range(n):
            yield {"a": i, "b": -i}

    @unpack_fields("low", "high")
    def bounds(a: int, b: int) -> tuple[int, int]:
        return min(a, b), max(a, b)

    def total(low: Collect[int], high: Collect[int]) -> list:
        return [low, high]

    assert run(record, bounds, total, outputs=["total", "a"], n=3) == {"total": [[0, -1, -2], [0, 1, 2]], "a": [0, 1, 2]}


def test_a_field_may_open_a_fan_out(run):
    @extract_fields({"item": Parallelizable[int], "by": int})
    def request() -> dict:
        return {"item": [1, 2, 3], "by": 10}

    def scaled(item: int, by: int) -> int:
        return item * by

    assert run(request, scaled, outputs=["scaled"]) == [10, 20, 30]


def test_of_a_plain_dict_the_type_of_a_field_is_what_the_decorator_says(run):
    @extract_fields({"names": list, "count": int})
    def found() -> dict[str, int]:
        return {"names": ["a"], "count": 1}

    def first(names: list) -> str:
        return names[0]

    assert run(found, first, outputs=["first"]) == "a"


def test_fields_of_fields(run):
    @extract_fields({"v": int})
    @extract_fields({"u": dict})
    def f() -> dict:
        return {"u": {"v": 5}}

    assert run(f, outputs=["u", "v"]) == {"u": {"v": 5}, "v": 5}


@pytest.mark.parametrize(
    ("decorator", "annotation", "message"),
    [
        (extract_fields("a"), int, r"@extract_fields on 'whole' \(.*\): it takes a dict, TypedDict, .* but the function returns int"),
        (extract_fields("a"), list[int], r"but the function returns list\[int\]"),
        (extract_fields("a"), Parallelizable[int], "but the function gives items of int"),
        (extract_fields(), dict, "name the fields, for dict does not say which it has"),
        (extract_fields("z"), Point, "Point has no field 'z'; there are 'x', 'y'"),
        (extract_fields("xx"), Data, "Data has no field 'xx'"),
        (extract_fields({"x": str}), Point, "field 'x' is said to be str, but in Point it is int"),
        (extract_fields({"x": Collect[int]}), dict, "field 'x' returns Collect, which belongs on a parameter"),
        (unpack_fields("a"), int, "@unpack_fields on .* it takes a tuple of at least 1 elements, but the function returns int"),
        (unpack_fields("a", "b", "c"), tuple[int, str], r"at least 3 elements, but the function returns tuple\[int, str\]"),
        (unpack_fields("a", "b", "c"), Pair, "at least 3 elements, but the function returns Pair"),
        (extract_columns("a"), int, "@extract_columns on .* it takes a frame, but the function returns int"),
        (extract_columns("a"), Parallelizable[str], "it takes a frame, but the function gives items of str"),
        (extract_fields({"whole": int}), dict, "it makes two nodes called 'whole'; rename one"),
    ],
)
def test_what_has_no_such_parts(decorator, annotation, message):
    with pytest.raises(FlowError, match=message):
        nodes_of("whole", decorated(decorator, annotation), {})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: extract_columns(), "@extract_columns needs at least one name"),
        (lambda: extract_columns("a", "a"), "@extract_columns names 'a' twice"),
        (lambda: extract_columns(3), "@extract_columns takes names, or pairs"),
        (lambda: extract_columns(("a", "b", "c")), "@extract_columns takes names, or pairs"),
        (lambda: extract_fields({"a": int}, "b"), "a dict of names and types, or names, not both"),
        (lambda: extract_fields("a", "a"), "@extract_fields names 'a' twice"),
        (lambda: extract_fields([]), "@extract_fields needs at least one name"),
        (lambda: extract_fields({3: int}), "@extract_fields takes names, not 3"),
        (lambda: unpack_fields(), "@unpack_fields needs at least one name"),
    ],
)
def test_what_cannot_be_meant(make, message):
    with pytest.raises(FlowError, match=message):
        make()


@pytest.mark.parametrize(
    ("decorator", "annotation", "made", "message"),
    [
        (extract_fields("a"), dict, {"b": 1}, "what 'whole' returned has no field 'a'; there are 'b'"),
        (extract_fields("total"), dict, {"totl": 1}, r"has no field 'total'; did you mean 'totl'\?"),
        (extract_fields("a"), dict, {}, "has no field 'a'; there are none"),
        (unpack_fields("a", "b"), tuple[int, ...], (1,), "'whole' returned 1 elements, but 2 are unpacked"),
    ],
)
def test_what_is_not_there_when_it_runs(run, decorator, annotation, made, message):
    name = "b" if isinstance(made, tuple) else next(iter(decorator.fields))[0]
    with pytest.raises(FlowError, match=message):
        run(decorated(decorator, annotation, made), outputs=[name])


def test_a_default_dict_is_asked_as_a_dict_is(run):
    function = decorated(extract_fields("a"), collections.defaultdict, collections.defaultdict(int))
    assert run(function, outputs=["a"]) == 0


# -- frames --------------------------------------------------------------------------------------------------------

LIBRARIES = ["pandas", "polars", "lazy", "pyarrow"]


def frame_of(library, data):
    """A frame, its type, the type of its columns, and what makes a list of one."""
    if library == "pyarrow":
        pa = pytest.importorskip("pyarrow")
        return pa.table(data), pa.Table, pa.ChunkedArray, lambda column: column.to_pylist()
    if library == "pandas":
        pd = pytest.importorskip("pandas")
        return pd.DataFrame(data), pd.DataFrame, pd.Series, lambda column: column.tolist()
    pl = pytest.importorskip("polars")
    if library == "lazy":
        return pl.LazyFrame(data), pl.LazyFrame, pl.LazyFrame, lambda column: column.collect().to_series().to_list()
    return pl.DataFrame(data), pl.DataFrame, pl.Series, lambda column: column.to_list()


@pytest.mark.parametrize("library", LIBRARIES)
def test_columns_of_frames(run, library):
    frame, kind, column, listed = frame_of(library, {"a": [1, 2], "b c": [3, 4]})
    function = decorated(extract_columns("a", ("b c", "With a space.")), kind, frame)
    nodes = {node.name: node for node in nodes_of("whole", function, {})}
    assert list(nodes) == ["whole", "a", "b c"]
    assert nodes["a"].annotation is column
    assert (nodes["a"].doc, nodes["b c"].doc) == ("Its text.", "With a space.")
    found = run(function, outputs=["a", "b c"])
    assert (listed(found["a"]), listed(found["b c"])) == ([1, 2], [3, 4])


@pytest.mark.parametrize("library", LIBRARIES)
def test_columns_that_are_not_there(run, library):
    frame, kind, _, listed = frame_of(library, {"price": [1, 2]})
    with pytest.raises(FlowError, match=r"what 'whole' returned has no column 'prise'; did you mean 'price'\?"):
        run(decorated(extract_columns("prise"), kind, frame), outputs=["prise"])
    filled = run(decorated(extract_columns("size", fill_with=5), kind, frame), outputs=["size"])
    assert listed(filled) == [5, 5]
    assert "size" not in columns_of(frame)


@pytest.mark.parametrize("library", LIBRARIES)
def test_columns_of_frames_without_a_type(run, library):
    frame, _, _, listed = frame_of(library, {"a": [1, 2]})
    assert listed(run(decorated(extract_columns("a"), Any, frame), outputs=["a"])) == [1, 2]


def test_columns_of_each_frame(run):
    pd = pytest.importorskip("pandas")

    @extract_columns("a")
    def frame(n: int) -> Parallelizable[pd.DataFrame]:
        for i in range(n):
            yield pd.DataFrame({"a": [i, i + 1]})

    def total(a: pd.Series) -> int:
        return int(a.sum())

    assert run(frame, total, outputs=["total"], n=3) == [1, 3, 5]


def test_a_dict_of_columns_is_a_frame_too(run):
    assert run(decorated(extract_columns("a"), dict, {"a": [1]}), outputs=["a"]) == [1]
    with pytest.raises(FlowError, match="has no column 'a'; there are 'b'"):
        run(decorated(extract_columns("a"), dict, {"b": [1]}), outputs=["a"])
    with pytest.raises(FlowError, match="has no column 'a'; there are none"):
        run(decorated(extract_columns("a"), Any, None), outputs=["a"])
