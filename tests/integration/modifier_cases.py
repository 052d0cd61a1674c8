"""Flows that use every function modifier, each with what plain Python makes of the same input.

A case is the text of a module in which everything depends on the input `x`, and a function of `x` that says what must come
out. The test runs it as it is, and once more inside a fan-out over several `x`.
"""

from __future__ import annotations

import ast
import dataclasses
import textwrap
from collections.abc import Callable, Mapping
from typing import Any

HEADER = """
from __future__ import annotations
import dataclasses
from typing import Any, NamedTuple, TypedDict
from anabranch import Collect, Parallelizable, Stream, Skip, associative, cross, zipped, module_from_functions
from anabranch.function_modifiers import *
"""


@dataclasses.dataclass(frozen=True)
class Case:
    """One flow.

    Attributes:
        name: what it shows.
        text: the module's text.
        expected: what plain Python makes of `x`: the outputs by name.
        config: the builder's config.
        needs: libraries without which it cannot run.
    """

    name: str
    text: str
    expected: Callable[[int], Mapping[str, Any]]
    config: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    needs: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """The module's whole text."""
        imports = {"pandas": "import pandas as pd\n", "polars": "import polars as pl\n"}
        return HEADER + "".join(imports.get(name, "") for name in self.needs) + textwrap.dedent(self.text)

    @property
    def coroutines(self) -> str:
        """The same module with all its functions ``async def``, but for helpers that others call, and methods."""
        return ast.unparse(ast.fix_missing_locations(_Asynchronous().visit(ast.parse(self.source))))


class _Asynchronous(ast.NodeTransformer):
    """Puts ``async`` where a function is defined, and where it reads a stream."""

    def visit_ClassDef(self, node):
        return node

    def visit_FunctionDef(self, node):
        plain = {getattr(one, "id", "") for one in node.decorator_list} & {"exclude"}
        if plain or any(isinstance(one, ast.FunctionDef) for one in node.body):  # a function that makes a module of others
            node.body = [self.visit(one) if isinstance(one, ast.FunctionDef) else one for one in node.body]
            return node
        streams = {one.arg for one in node.args.args if "Stream" in ast.unparse(one.annotation or one)}
        for inner in ast.walk(node):
            if isinstance(inner, ast.comprehension) and getattr(inner.iter, "id", "") in streams:
                inner.is_async = 1
        return ast.AsyncFunctionDef(**{name: getattr(node, name) for name in node._fields})


CASES = [
    Case(
        "tags, schemas and wishes change nothing",
        """
        @tag(owner="me", pii=True)
        @ray_remote_options(num_cpus=1)
        @schema.output(("a", "int"), ("b", "int"))
        @cache(behavior="default", format="json")
        def table(x: int) -> dict: return {"a": helper(x), "b": 2}

        @tag_outputs(double={"unit": "m"})
        def double(table: dict) -> int: return 2 * table["a"]

        @exclude
        def helper(x: int) -> int: return x + 1

        @hamilton_exclude
        def unused(nothing: int) -> int: return 0
        """,
        lambda x: {"table": {"a": x + 1, "b": 2}, "double": 2 * x + 2},
    ),
    Case(
        "alternatives of the config",
        """
        @config.when(region="eu")
        def rate__eu(x: int) -> int: return x * 2

        @config.when_not(region="eu")
        def rate__other(x: int) -> int: return x * 3

        @config.when_in(size=["small", "medium"])
        def room__small(rate: int) -> int: return rate + 1

        @config.when_not_in(size=["small", "medium"])
        def room__large(rate: int) -> int: return rate + 100

        @config.when(region="eu", name="price")
        def whatever(room: int) -> str: return f"{room} EUR"
        """,
        lambda x: {"price": f"{2 * x + 100} EUR"},
        {"region": "eu", "size": "large"},
    ),
    Case(
        "one function as many nodes",
        """
        @parameterize(
            one={"a": source("x"), "b": value(10)},
            two=({"a": source("one"), "b": configuration("k")}, "Of {a}."),
            three={"a": source("two"), "b": source("x")},
            listed={"a": group(source("x"), value(1), source("one")), "b": group(p=source("x"), q=value(2))},
        )
        def combined(a: Any, b: Any, c: int = 1) -> list: return [a, b, c]
        """,
        lambda x: {
            "one": [x, 10, 1],
            "three": [[[x, 10, 1], 7, 1], x, 1],
            "listed": [[x, 1, [x, 10, 1]], {"p": x, "q": 2}, 1],
        },
        {"k": 7},
    ),
    Case(
        "one function as many nodes, by sources or values alone",
        """
        def y(x: int) -> int: return x + 1

        @parameterize_sources(forth={"a": "x", "b": "y"}, back={"a": "y", "b": "x"})
        def minus(a: int, b: int) -> int: return a - b

        @parameterize_values("by", {"twice": 2, ("thrice", "Three times."): 3})
        def times(x: int, by: int) -> int: return x * by
        """,
        lambda x: {"forth": -1, "back": 1, "twice": 2 * x, "thrice": 3 * x},
    ),
    Case(
        "other sources for parameters",
        """
        def first(x: int) -> int: return x + 1

        @inject(a=value(100), bs=group(source("first"), source("x")), k=configuration("k"))
        def answer(a: int, bs: list[int], k: int, d: int = 4) -> list: return [a, bs, k, d]

        @inject(c=value("c"), a=source("x"))
        def kinds(a, /, b: int = 2, *, c: str) -> tuple: return (a, b, c)
        """,
        lambda x: {"answer": [100, [x + 1, x], 5, 4], "kinds": (x, 2, "c")},
        {"k": 5},
    ),
    Case(
        "columns of pandas frames",
        """
        @extract_columns("a", ("b", "The second."))
        def frame(x: int) -> pd.DataFrame: return pd.DataFrame({"a": [x, 1], "b": [2, x]})

        def sums(a: pd.Series, b: pd.Series) -> list: return (a + b).tolist()

        @extract_columns("c", "d", fill_with=9)
        def lacking(x: int) -> pd.DataFrame: return pd.DataFrame({"c": [x]})

        def filled(c: pd.Series, d: pd.Series) -> list: return [c.tolist(), d.tolist()]
        """,
        lambda x: {"sums": [x + 2, x + 1], "filled": [[x], [9]]},
        needs=("pandas",),
    ),
    Case(
        "columns of polars frames",
        """
        @extract_columns("a", "b")
        def frame(x: int) -> pl.DataFrame: return pl.DataFrame({"a": [x, 1], "b": [2, x]})

        def sums(a: pl.Series, b: pl.Series) -> list: return (a + b).to_list()

        @extract_columns("c")
        def lazy(x: int) -> pl.LazyFrame: return pl.LazyFrame({"c": [x, 2]})

        def squares(c: pl.LazyFrame) -> list: return c.select(pl.col("c") ** 2).collect()["c"].to_list()
        """,
        lambda x: {"sums": [x + 2, x + 1], "squares": [x * x, 4]},
        needs=("polars",),
    ),
    Case(
        "frames and their columns for each parameterization",
        """
        def column(x: int) -> pd.Series: return pd.Series([x, 1])

        @parameterize_extract_columns(
            ParameterizedExtract(("a1", "b1"), {"given": source("column"), "by": value(10)}),
            ParameterizedExtract(("a2", "b2"), {"given": source("b1"), "by": source("x")}),
        )
        def made(given: pd.Series, by: int) -> pd.DataFrame: return pd.DataFrame({"p": given, "q": given * by})

        def listed(a1: pd.Series, b1: pd.Series, b2: pd.Series) -> list: return [a1.tolist(), b1.tolist(), b2.tolist()]
        """,
        lambda x: {"listed": [[x, 1], [10 * x, 10], [10 * x * x, 10 * x]]},
        needs=("pandas",),
    ),
    Case(
        "fields of dicts, typed dicts, dataclasses and named tuples",
        """
        class Typed(TypedDict):
            a: int
            b: str

        @dataclasses.dataclass
        class Data:
            c: int
            d: str = "d"

        class Pair(NamedTuple):
            e: int
            f: str

        @extract_fields({"g": int, "h": str})
        def plain(x: int) -> dict: return {"g": x, "h": "h"}

        @extract_fields("i", "j", fill_with=0)
        def numbers(x: int) -> dict[str, int]: return {"i": x}

        @extract_fields()
        def typed(x: int) -> Typed: return {"a": x, "b": "b"}

        @extract_fields()
        def data(x: int) -> Data: return Data(x)

        @extract_fields(["e", "f"])
        def pair(x: int) -> Pair: return Pair(x, "f")

        def all_of(a: int, b: str, c: int, d: str, e: int, f: str, g: int, h: str, i: int, j: int) -> list:
            return [a, b, c, d, e, f, g, h, i, j]
        """,
        lambda x: {"all_of": [x, "b", x, "d", x, "f", x, "h", x, 0], "g": x, "j": 0},
    ),
    Case(
        "elements of tuples",
        """
        @unpack_fields("low", "high")
        def bounds(x: int) -> tuple[int, int, str]: return (x - 1, x + 1, "rest")

        @unpack_fields("p", "q")
        def any_length(low: int, high: int) -> tuple[int, ...]: return (low, high, low * high)
        """,
        lambda x: {"low": x - 1, "q": x + 1},
    ),
    Case(
        "fields of items, and fields that open a fan-out",
        """
        @extract_fields({"n": int, "square": int})
        def record(x: int) -> Parallelizable[dict]:
            for n in range(x): yield {"n": n, "square": n * n}

        def listed(n: Collect[int], square: Collect[int]) -> list: return [n, square]

        @extract_fields({"part": Parallelizable[int], "by": int})
        def request(x: int) -> dict: return {"part": range(x), "by": 10}

        def scaled(part: int, by: int) -> int: return part * by

        @associative
        def total(scaled: Collect[int]) -> int: return sum(scaled)
        """,
        lambda x: {
            "listed": [list(range(x)), [n * n for n in range(x)]],
            "scaled": [10 * n for n in range(x)],
            "total": 10 * sum(range(x)),
        },
    ),
    Case(
        "another function does it",
        """
        def _total(**parts: int) -> int: return sum(parts.values())
        def _scaled(amount: int, by: int = 3) -> int: return amount * by
        def _joined(them: list[int], **rest: int) -> list: return [them, rest]

        @does(_total)
        def both(x: int, more: int = 5) -> int: ...

        @does(_scaled, amount="both")
        def triple(both: int) -> int: ...

        @does(_joined, them=["x", "both"])
        def joined(x: int, both: int, triple: int) -> list: ...
        """,
        lambda x: {"triple": 3 * (x + 5), "joined": [[x, x + 5], {"triple": 3 * (x + 5)}]},
    ),
    Case(
        "transforms of the config",
        """
        class Weighted(BaseModel):
            def __init__(self, config_parameters, name, extra=0):
                super().__init__(config_parameters, name)
                self.extra = extra
            def get_dependents(self): return list(self.config_parameters)
            def predict(self, **inputs): return sum(inputs[k] * w for k, w in self.config_parameters.items()) + self.extra

        class Named(DynamicTransformBase):
            def get_dependents(self): return ["x"]
            def compute(self, x): return f"{self.name} {x} {self.config_parameters}"

        def y(x: int) -> int: return x + 1

        @model(Weighted, "weights", extra=1000)
        def prediction() -> int: ...

        @dynamic_transform(Named, "word")
        def named() -> str: ...
        """,
        lambda x: {"prediction": 2 * x + 3 * (x + 1) + 1000, "named": f"named {x} hello"},
        {"weights": {"x": 2, "y": 3}, "word": "hello"},
    ),
    Case(
        "steps on inputs",
        """
        def _one_more(a: int) -> int: return a + 1
        def _times(a: int, by: int, plus: int = 0) -> int: return a * by + plus

        @pipe_input(
            step(_one_more),
            step(_times, by=2).named("doubled"),
            step(_times, source("y"), plus=1).when(k=1),
            step(_times, 1000).when_not(k=1),
            step(_one_more).when_in(k=[1, 2]).named("last", namespace=None),
            step(_one_more).when_not_in(k=[1, 2]),
        )
        def piped(x: int, y: int) -> list: return [x, y]

        @pipe(step(_one_more), on_input="y", namespace="inputs")
        def second(x: int, y: int) -> list: return [x, y]

        def y(x: int) -> int: return x + 10
        """,
        lambda x: {
            "piped": [2 * (x + 1) * (x + 10) + 2, x + 10],
            "piped.doubled": 2 * (x + 1),
            "last": 2 * (x + 1) * (x + 10) + 2,
            "second": [x, x + 11],
            "inputs.with_one_more": x + 11,
        },
        {"k": 1},
    ),
    Case(
        "steps on outputs",
        """
        def _one_more(a: int) -> int: return a + 1
        def _times(a: int, by: int) -> int: return a * by

        @pipe_output(step(_one_more), step(_times, by=source("x")))
        def piped(x: int) -> int: return x

        @pipe_output(step(_one_more), step(_times, by=value(10)).on_output("b"))
        @extract_fields({"a": int, "b": int})
        def parts(x: int) -> dict: return {"a": x, "b": x + 1}
        """,
        lambda x: {"piped": (x + 1) * x, "piped.raw": x, "a": x + 1, "b": 10 * (x + 2)},
    ),
    Case(
        "steps on the outputs of others",
        """
        def plain(x: int) -> int: return x

        @extract_fields({"p": int, "q": int})
        def parts(x: int) -> dict: return {"p": x, "q": x}

        @mutate(plain, apply_to(parts, by=source("x")).on_output("q"), by=value(5))
        def _more(given: int, by: int) -> int: return given + by

        @mutate(apply_to(plain).when(k=1).named("negative"), apply_to(parts).when(k=2))
        def _negative(given: int) -> int: return -given

        def both(plain: int, q: int) -> list: return [plain, q]
        """,
        lambda x: {"both": [-(x + 5), 2 * x], "p": x, "plain.negative": -(x + 5)},
        {"k": 1},
    ),
    Case(
        "steps on items and on collected lists",
        """
        def _one_more(a: int) -> int: return a + 1
        def _largest(many: Collect[int], count: int) -> list[int]: return sorted(many)[-count:]
        def _split(a: int) -> Parallelizable[int]: return [a, -a]

        @pipe_output(step(_one_more), step(_one_more))
        def item(x: int) -> Parallelizable[int]: return range(x)

        @pipe_input(step(_one_more))
        def each(item: int) -> int: return item * 10

        @pipe_input(step(_largest, count=2))
        def largest(each: list[int]) -> list[int]: return each

        @pipe_input(step(_split), step(_one_more))
        def halves(each: int) -> int: return each

        def listed(halves: Collect[Collect[int]], item: Collect[int]) -> list: return [halves, item]
        """,
        lambda x: {
            "largest": [10 * (n + 3) for n in range(x)][-2:],
            "listed": [[[10 * (n + 3) + 1, -10 * (n + 3) + 1] for n in range(x)], [n + 2 for n in range(x)]],
        },
    ),
    Case(
        "flows within the flow",
        """
        def _cleaning():
            def raw(path: str, k: int = 1) -> list: return [path, k]

            @config.when(mode="a")
            def clean__a(raw: list) -> list: return [*raw, "a"]

            @config.when(mode="b")
            def clean__b(raw: list, mode: str) -> list: return [*raw, mode]

            @extract_fields({"size": int})
            def fields(clean: list) -> dict: return {"size": len(clean)}

            return module_from_functions(raw, clean__a, clean__b, fields)

        def place(x: int) -> str: return f"place {x}"

        @subdag(_cleaning(), inputs={"path": source("place"), "k": source("x")}, config={"mode": "a"}, external_inputs=["x"])
        def first(clean: list, size: int, x: int) -> list: return [clean, size, x]

        @subdag(_cleaning(), inputs={"path": value("v")}, config={"mode": configuration("other")}, namespace="ns")
        def second(clean: list) -> list: return clean

        @parameterized_subdag(
            first, config={"mode": "b"}, p={"inputs": {"place": value("p")}}, q={"inputs": {"place": source("place")}}
        )
        def nested(first: list) -> list: return first
        """,
        lambda x: {
            "first": [[f"place {x}", x, "a"], 3, x],
            "second": ["v", 1, "b"],
            "ns.size": 3,
            "p": [["p", x, "a"], 3, x],
            "q.first.clean": [f"place {x}", x, "a"],
        },
        {"mode": "c", "other": "b"},
    ),
    Case(
        "flows within the flow that fan out, and stand in a fan-out",
        """
        def _summing():
            def number(n: int) -> Parallelizable[int]: return range(n)
            def square(number: int, by: int) -> int: return number * number * by
            def total(square: Collect[int]) -> int: return sum(square)
            return module_from_functions(number, square, total)

        def width(x: int) -> Parallelizable[int]: return range(x)

        def three(x: int) -> int: return 3

        @parameterized_subdag(
            _summing(), inputs={"by": source("x")}, low={"inputs": {"n": source("three")}}, high={"inputs": {"n": source("x")}}
        )
        def sums(total: int) -> int: return total

        @subdag(_summing(), inputs={"n": source("width"), "by": value(1)})
        def inside(total: int) -> int: return total

        @subdag(_summing(), inputs={"n": source("x"), "by": value(1)})
        def each(square: int) -> int: return square + 1

        def listed(inside: Collect[int], each: Collect[int]) -> list: return [inside, each]
        """,
        lambda x: {
            "low": 5 * x,
            "high": x * sum(n * n for n in range(x)),
            "listed": [[sum(n * n for n in range(w)) for w in range(x)], [n * n + 1 for n in range(x)]],
            "inside.square": [[n * n for n in range(w)] for w in range(x)],
        },
    ),
    Case(
        "what the config decides",
        """
        @resolve(
            when=ResolveAt.CONFIG_AVAILABLE,
            decorate_with=lambda names, by=10: parameterize(**{name: {"by": value(by * n)} for n, name in enumerate(names, 1)}),
        )
        def scaled(x: int, by: int) -> int: return x * by

        @resolve_from_config(decorate_with=lambda fields: extract_fields(fields))
        def parts(x: int) -> dict: return {"u": x, "v": -x}
        """,
        lambda x: {"a": 10 * x, "b": 20 * x, "v": -x},
        {"names": ["a", "b"], "fields": {"u": int, "v": int}},
    ),
    Case(
        "columns added to pandas frames",
        """
        def _total(a: pd.Series, b: pd.Series) -> pd.Series: return a + b
        def _scaled(_total: pd.Series, x: int) -> pd.Series: return _total * x

        def frame(x: int) -> pd.DataFrame: return pd.DataFrame({"a": [x, 1], "b": [2, x]})

        @with_columns(_total, _scaled, columns_to_pass=["a", "b"], select=["_scaled"])
        def wide(frame: pd.DataFrame, x: int) -> dict: return {**frame.to_dict("list"), "x": x}
        """,
        lambda x: {"wide": {"a": [x, 1], "b": [2, x], "_scaled": [(x + 2) * x, (1 + x) * x], "x": x}},
        needs=("pandas",),
    ),
    Case(
        "columns added to polars frames, eager and lazy",
        """
        def _total(a: pl.Series, b: pl.Series) -> pl.Series: return a + b
        def _lazy_total(a: pl.Expr, b: pl.Expr) -> pl.Expr: return a + b

        def frame(x: int) -> pl.DataFrame: return pl.DataFrame({"a": [x, 1], "b": [2, x]})
        def lazy(frame: pl.DataFrame) -> pl.LazyFrame: return frame.lazy()

        @with_columns(_total, columns_to_pass=["a", "b"])
        def wide(frame: pl.DataFrame) -> dict: return frame.to_dict(as_series=False)

        @with_columns(_lazy_total, columns_to_pass=["a", "b"])
        def wider(lazy: pl.LazyFrame) -> list: return lazy.collect()["_lazy_total"].to_list()
        """,
        lambda x: {"wide": {"a": [x, 1], "b": [2, x], "_total": [x + 2, 1 + x]}, "wider": [x + 2, 1 + x]},
        needs=("polars",),
    ),
    Case(
        "sources for parameters that collect, stream, cross and zip",
        """
        def zero(x: int) -> int: return 0

        @parameterize(low={"start": source("zero")}, high={"start": source("x")})
        def number(start: int) -> Parallelizable[int]: return range(start, start + 3)

        @parameterize(all_low={"them": source("low")}, all_high={"them": source("high")})
        def listed(them: Collect[int]) -> list[int]: return them

        @inject(them=source("high"), by=value(2))
        def streamed(them: Stream[int], by: int) -> list[int]: return [by * one for one in them]

        @cross
        @inject(a=source("low"), b=source("high"))
        def pair(a: int, b: int) -> list: return [a, b]

        @zipped
        @inject(a=source("low"), b=source("high"))
        def couple(a: int, b: int) -> list: return [a, b]

        @associative
        @inject(them=source("low"))
        def total(them: Collect[int]) -> int: return sum(them)

        @inject(one=source("low"), other=source("low"), whole=source("low"))
        def share(one: int, other: int, whole: Collect[int]) -> list: return [one * other, sum(whole)]
        """,
        lambda x: {
            "all_low": [0, 1, 2],
            "all_high": [x, x + 1, x + 2],
            "streamed": [2 * x, 2 * x + 2, 2 * x + 4],
            "pair": [[[a, b] for b in range(x, x + 3)] for a in range(3)],
            "couple": [[a, x + a] for a in range(3)],
            "total": 3,
            "share": [[a * a, 3] for a in range(3)],
        },
    ),
    Case(
        "items that are skipped",
        """
        def _checked(a: int) -> int:
            if a % 2: raise Skip
            return a

        @pipe_output(step(_checked))
        def item(x: int) -> Parallelizable[int]: return range(x + 1)

        @extract_fields({"half": int})
        def parts(item: int) -> dict: return {"half": item // 2}

        def listed(half: Collect[int]) -> list: return half
        """,
        lambda x: {"listed": [n // 2 for n in range(x + 1) if n % 2 == 0], "item": [n for n in range(x + 1) if n % 2 == 0]},
    ),
    Case(
        "many modifiers on one function",
        """
        def _one_more(a: int) -> int: return a + 1
        def _signed(a: dict, sign: int) -> dict: return {key: sign * one for key, one in a.items()}
        def _raw(n: int) -> int: return n * 2

        @tag(kind="feature")
        @extract_fields({"u": int, "v": int})
        @pipe_output(step(_signed, sign=source("sign")))
        @pipe_input(step(_one_more), on_input="b")
        @inject(b=source("y"))
        @subdag(_raw, inputs={"n": source("x")}, external_inputs=["b"])
        @config.when(mode=1)
        def many__one(_raw: int, b: int) -> dict: return {"u": _raw, "v": b}

        def y(x: int) -> int: return x + 10
        def sign(x: int) -> int: return -1

        @pipe_output(step(_one_more))
        @parameterize(p={"a": source("u")}, q={"a": source("v")})
        @does(_one_more)
        def done(a: int) -> int: ...
        """,
        lambda x: {"u": -2 * x, "v": -(x + 11), "many.raw": {"u": 2 * x, "v": x + 11}, "p": -2 * x + 2, "q": -(x + 11) + 2},
        {"mode": 1},
    ),
    Case(
        "checks of values and items",
        """
        from anabranch.validation import DataValidator, ValidationReport, ValidationResult

        class Even(DataValidator):
            def applies_to(self, datatype): return datatype is int
            def description(self): return "even"
            def validate(self, dataset): return ValidationResult(dataset % 2 == 0, f"{dataset}")

        @check_output(range=(0, 3), importance="warn")
        @check_output_custom(Even())
        def checked(x: int) -> int: return x

        def verdicts(checked_range_validator: ValidationResult, checked_even: ValidationResult) -> list:
            return [checked_range_validator.passes, checked_even.passes]

        @check_output(values_in=range(100), importance="fail")
        def item(x: int) -> Parallelizable[int]: return range(x)

        @check_output(range=(0, 1))
        @extract_fields({"half": int})
        def parts(item: int) -> dict: return {"half": item // 2}

        def total(half: Collect[int]) -> int: return sum(half)

        @inject(report=source("half.report"))
        def reported(report: ValidationReport) -> bool: return report.passes and report.passed > 0
        """,
        lambda x: {
            "checked": x,
            "checked_raw": x,
            "verdicts": [0 <= x <= 3, x % 2 == 0],
            "item": list(range(x)),
            "total": sum(n // 2 for n in range(x)),
            "reported": True,
        },
    ),
    Case(
        "data in and out",
        """
        import json, os

        @save_to.json(path="{folder}/saved {x}.json", output_name_="saved")
        def record(x: int) -> dict: return {"x": x}

        def is_there(saved: Any) -> bool:
            return all(os.path.exists(one["file_metadata"]["path"]) for one in (saved if isinstance(saved, list) else [saved]))

        @datasaver()
        def stored(x: int, folder: str) -> dict:
            path = os.path.join(folder, f"stored {x}.json")
            with open(path, "w") as file: json.dump({"n": x + 1}, file)
            return {"path": path}

        def place(stored: dict) -> str: return stored["path"]

        @load_from.json(path=source("place"), inject_="found")
        def again(found: dict, x: int) -> list: return [found["n"], x]

        @dataloader()
        def loaded(place: str) -> tuple[dict, dict]:
            with open(place) as file: return json.load(file), {"rows": 1}

        def both(loaded: dict, again: list) -> list: return [loaded["n"], *again]
        """,
        lambda x: {"record": {"x": x}, "is_there": True, "again": [x + 1, x], "both": [x + 1, x + 1, x]},
    ),
]
