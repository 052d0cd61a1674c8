"""Columns that functions make and that are added to a frame, in every library."""

from __future__ import annotations

import pytest

from anabranch import Collect, FlowError, Parallelizable, module_from_functions
from anabranch.function_modifiers import (
    config,
    extract_columns,
    extract_fields,
    inject,
    parameterize,
    source,
    value,
    with_columns,
)
from anabranch.graph.functions import nodes_of

pd = pytest.importorskip("pandas")

LIBRARIES = ["pandas", "polars", "lazy", "pyarrow"]


class Library:
    """A frame's type, its columns' type, how to make one, and how to look into it."""

    def __init__(self, name):
        self.name = name
        module = self.module = pytest.importorskip("polars" if name == "lazy" else name)
        if name == "pyarrow":
            self.frame, self.column = module.Table, module.ChunkedArray
        else:
            self.frame = module.LazyFrame if name == "lazy" else module.DataFrame
            self.column = module.Expr if name == "lazy" else module.Series

    def make(self, **columns):
        return self.module.table(columns) if self.name == "pyarrow" else self.frame(columns)

    def plain(self, frame):
        if self.name == "pyarrow":
            return frame.to_pydict()
        if self.name == "pandas":
            return {name: list(column) for name, column in frame.items()}
        return (frame.collect() if self.name == "lazy" else frame).to_dict(as_series=False)

    def functions(self):
        column, add = self.column, self.add

        def c(a, b):
            return add(a, b)

        def d(c, k: int):
            return add(c, c) if k == 2 else c

        for function in (c, d):
            names = [name for name in function.__code__.co_varnames[: function.__code__.co_argcount] if name != "k"]
            function.__annotations__ = {**dict.fromkeys(names, column), "return": column, **({"k": int} if function is d else {})}
        return c, d

    def add(self, a, b):
        if self.name == "pyarrow":
            import pyarrow.compute

            return pyarrow.compute.add(a, b)
        return a + b


@pytest.fixture(params=LIBRARIES)
def library(request):
    return Library(request.param)


def widened(library, *decorators, **options):
    def f(df, q: int = 0):
        return df

    f.__annotations__ = {"df": library.frame, "q": int, "return": library.frame}
    return with_columns(*library.functions(), **{"columns_to_pass": ["a", "b"], **options})(f)


DATA = {"a": [1, 2], "b": [3, 4]}


def test_columns_are_added(library, run, family):
    f = widened(library, select=["d"])
    names = list(family(f))
    assert names == ["f.a", "f.b", "f.c", "f.d", "f._append", "f"]
    assert family(f)["f._append"][0] == ["df", "f.d"]
    assert family(f)["f.d"][0] == ["f.c", "k"]
    assert next(node.annotation for node in nodes_of("f", f, {}) if node.name == "f.a") is library.column
    frame = library.make(**DATA)
    assert library.plain(run(f, outputs=["f"], df=frame, k=2)) == {**DATA, "d": [8, 12]}
    assert library.plain(frame) == DATA


def test_without_a_selection_all_columns_are_added(library, run):
    def e() -> int:
        return 3

    c, d = library.functions()

    def f(df, q: int = 0):
        return df

    f.__annotations__ = {"df": library.frame, "q": int, "return": library.frame}
    with_columns(c, d, e, columns_to_pass=["a", "b"], namespace="ns")(f)
    assert [node.name for node in nodes_of("f", f, {})] == ["ns.a", "ns.b", "ns.c", "ns.d", "ns.e", "ns._append", "f"]
    assert library.plain(run(f, outputs=["f"], df=library.make(**DATA), k=1)) == {**DATA, "c": [4, 6], "d": [4, 6]}


def test_the_frame_itself_may_be_read_and_its_columns_replaced(library, run):
    def a(whole):
        return whole["b"] if library.name != "lazy" else library.module.col("b")

    a.__annotations__ = {"whole": library.frame, "return": library.column}

    def f(x: int, df):
        return df

    f.__annotations__ = {"x": int, "df": library.frame, "return": library.frame}
    with_columns(a, pass_dataframe_as="whole", on_input="df")(f)
    assert library.plain(run(f, outputs=["f"], df=library.make(**DATA), x=1)) == {"a": [3, 4], "b": [3, 4]}

    def g(x: int, whole):
        return whole

    g.__annotations__ = {"x": int, "whole": library.frame, "return": library.frame}
    with_columns(a, on_input="whole", select=["a"])(g)
    assert library.plain(run(g, outputs=["g"], whole=library.make(**DATA), x=1)) == {"a": [3, 4], "b": [3, 4]}


def test_each_frame_of_a_fan_out(library, run):
    def df(n: int):
        return [library.make(a=[i], b=[i * 10]) for i in range(n)]

    df.__annotations__ = {"n": int, "return": Parallelizable[library.frame]}
    f = widened(library, select=["d"])

    def listed(f):
        return [library.plain(one) for one in f]

    listed.__annotations__ = {"f": Collect[library.frame], "return": list}
    found = run(df, f, listed, outputs=["listed"], n=2, k=2)
    assert found == [{"a": [0], "b": [0], "d": [0]}, {"a": [1], "b": [10], "d": [22]}]


def test_a_column_that_is_not_there_is_named(library, run):
    with pytest.raises(FlowError, match="what 'f' returned has no column 'b'; there are 'a'"):
        f = widened(library)
        frame = run(f, outputs=["f"], df=library.make(a=[1]), k=2)
        library.plain(frame)


def test_it_goes_with_others(library, run):
    f = extract_columns("d")(widened(library, select=["d"]))
    parameterize(one={"df": source("first"), "q": value(1)})(f)
    found = run(f, outputs=["one"], first=library.make(**DATA), k=2)
    assert library.plain(found) == {**DATA, "d": [8, 12]}

    literal = inject(df=value(library.make(**DATA)))(widened(library, select=["c"]))
    assert library.plain(run(literal, outputs=["f"], k=2)) == {**DATA, "c": [4, 6]}


def test_alternatives_and_modules(run):

    @config.when(mode="sum")
    def c__sum(a: pd.Series, b: pd.Series) -> pd.Series:
        return a + b

    @config.when(mode="product")
    def c__product(a: pd.Series, b: pd.Series) -> pd.Series:
        return a * b

    @with_columns(module_from_functions(c__sum, c__product), columns_to_pass=["a", "b"], config_required=["mode"])
    def f(df: pd.DataFrame) -> list:
        return df["c"].tolist()

    df = pd.DataFrame(DATA)
    assert run(f, outputs=["f"], config={"mode": "sum"}, df=df) == [4, 6]
    assert run(f, outputs=["f"], config={"mode": "product"}, df=df) == [3, 8]
    with pytest.raises(FlowError, match=r"@with_columns on 'f' \(.*\): it requires the config's value of 'mode', and there is none"):
        run(f, outputs=["f"], df=df)


def test_lineage_goes_by_column():
    from anabranch import Builder

    @extract_columns("email", "age")
    def people() -> pd.DataFrame: ...

    def domain(email: pd.Series) -> pd.Series: ...

    def decade(age: pd.Series) -> pd.Series: ...

    @with_columns(domain, decade, columns_to_pass=["email", "age"], select=["domain"])
    def table(people: pd.DataFrame) -> pd.DataFrame: ...

    driver = Builder().with_modules(module_from_functions(people, table)).build()
    names = {variable.name for variable in driver.what_is_upstream_of("table")}
    assert names == {"people", "table.email", "table.domain", "table._append", "table"}


def column(a: int) -> int: ...


def frame(x: object) -> object: ...


def nothing() -> object: ...


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: with_columns(), "@with_columns needs a module or function"),
        (lambda: with_columns(3, columns_to_pass=["a"]), "@with_columns takes modules and functions"),
        (lambda: with_columns(column), "@with_columns: say what the functions read of the frame"),
        (lambda: with_columns(column, columns_to_pass=["a"])(nothing), "the function has no parameter for a frame"),
        (lambda: with_columns(column, on_input="y")(frame), "there is no parameter 'y'; there are 'x'"),
    ],
)
def test_what_cannot_be_meant(make, message):
    with pytest.raises(FlowError, match=message):
        make()


@pytest.mark.parametrize(
    ("decorator", "message"),
    [
        (with_columns(column, columns_to_pass=["a"], select=["z"]), "there is no column 'z' to select; there are 'column'"),
        (with_columns(column, columns_to_pass=["column"]), "input 'column' is made by 'column' .*, which is part of it"),
        (with_columns(column, column, columns_to_pass=["a"]), "it makes two nodes called 'column'"),
    ],
)
def test_what_cannot_be_meant_when_the_graph_is_built(decorator, message):
    def f(x: object) -> object: ...

    with pytest.raises(FlowError, match=message):
        nodes_of("f", decorator(f), {})


def test_a_collected_frame_is_none():
    @with_columns(column, columns_to_pass=["a"])
    def f(x: Collect[object]) -> object: ...

    with pytest.raises(FlowError, match="parameter 'x' takes values of a fan-out; collect them in a function of its own"):
        nodes_of("f", f, {})


def test_fields_of_columns_are_found(run):

    @extract_fields({"low": pd.Series, "high": pd.Series})
    def bounds(a: pd.Series) -> dict:
        return {"low": a - 1, "high": a + 1}

    @with_columns(bounds, columns_to_pass=["a"])
    def f(df: pd.DataFrame) -> list:
        return df.columns.tolist()

    @with_columns(bounds, columns_to_pass=["a"])
    def untyped(df):
        return df.columns.tolist()

    found = run(f, untyped, outputs=["f", "untyped"], df=pd.DataFrame(DATA))
    assert found["f"] == found["untyped"] == ["a", "b", "low", "high"]
