"""Decorators asked by themselves, as authors of decorators and their tests do: are they right here, and which nodes do they make?"""

from __future__ import annotations

import asyncio
import inspect

import pandas as pd
import pytest

pytestmark = pytest.mark.usefixtures("hamilton")


def scaled(price: float, rate: float) -> float:
    """A price at {rate}."""
    return price * rate


def table() -> pd.DataFrame:
    """All of it."""
    return pd.DataFrame({"a": [1, 2], "b": [3, 4]})


def test_parameterize_tells_its_nodes_and_they_are_called_by_what_they_read():
    from hamilton.function_modifiers import parameterize, source, value
    from hamilton.node import DependencyType, Node

    decorator = parameterize(eur={"rate": source("eur_rate")}, half={"rate": value(0.5)})
    decorator.validate(scaled)
    eur, half = decorator.expand_node(Node.from_fn(scaled), {}, scaled)
    assert (eur.name, eur.documentation) == ("eur", "A price at eur_rate.")
    assert eur.input_types == {"price": (float, DependencyType.REQUIRED), "eur_rate": (float, DependencyType.REQUIRED)}
    assert eur(price=3.0, eur_rate=2.0) == 6.0
    assert half(price=3.0) == 1.5
    assert list(half.input_types) == ["price"]


def test_what_is_wrong_is_said_by_validate():
    from hamilton.function_modifiers import InvalidDecoratorException, extract_columns, group, inject, parameterize, source

    def several(prices: int) -> int:
        return prices

    for decorator, function in (
        (parameterize(x={"absent": source("y")}), scaled),
        (extract_columns("a"), several),
        (inject(prices=group(source("a"), source("b"))), several),
    ):
        with pytest.raises(InvalidDecoratorException):
            decorator.validate(function)


def test_columns_are_nodes_beside_the_frame():
    from hamilton.function_modifiers import extract_columns
    from hamilton.node import Node

    frame, a, b = extract_columns("a", ("b", "the second")).transform_node(Node.from_fn(table), {}, table)
    assert [frame.name, a.name, b.name] == ["table", "a", "b"]
    assert (a.type, a.documentation, b.documentation) == (pd.Series, "All of it.", "the second")
    assert list(a(table=frame())) == [1, 2]


def test_steps_and_tags_are_applied_to_nodes_of_a_family():
    from hamilton.function_modifiers import base, extract_columns, pipe_output, step, tag_outputs
    from hamilton.node import Node

    def doubled(frame: pd.DataFrame) -> pd.DataFrame:
        return frame * 2

    made = {n.name: n for n in pipe_output(step(doubled)).transform_dag([Node.from_fn(table)], {}, table)}
    assert set(made) == {"table.raw", "table.with_doubled", "table"}

    @extract_columns("a", "b")
    def parts() -> pd.DataFrame:
        return table()

    nodes = base.resolve_nodes(parts, {})
    told = {n.name: n.tags for n in tag_outputs(a={"unit": "m"}).transform_dag(nodes, {}, parts)}
    assert told["a"]["unit"] == "m"
    assert "unit" not in told["b"]


def test_a_subdag_makes_nodes_and_coroutines_stay_coroutines():
    from hamilton.function_modifiers import subdag

    async def part(x: int) -> int:
        return x + 1

    async def whole(part: int) -> int:
        return part * 2

    made = {n.name: n for n in subdag(part).generate_nodes(whole, {})}
    assert set(made) == {"whole.part", "whole"}
    assert inspect.iscoroutinefunction(made["whole"].callable)
    assert asyncio.run(made["whole"](**{"whole.part": 4})) == 8


def test_alternatives_are_decided_by_the_config_or_by_a_function_of_it():
    from hamilton import ad_hoc_utils, driver
    from hamilton.function_modifiers import config

    def price__eu() -> str:
        return "eu"

    found = config.when(region="eu").resolve(price__eu, {"region": "eu"})
    assert (found.__name__, found.__original_name__, found()) == ("price", "price__eu", "eu")
    assert config.when(region="eu").resolve(price__eu, {"region": "us"}) is None

    @config(lambda given: given["year"] > 2020)
    def tax__new() -> float:
        return 0.2

    @config(lambda given: given["year"] <= 2020)
    def tax__old() -> float:
        return 0.1

    module = ad_hoc_utils.create_temporary_module(tax__new, tax__old)
    for year, expected in ((2024, 0.2), (2010, 0.1)):
        built = driver.Builder().with_modules(module).with_config({"year": year}).build()
        assert built.execute(["tax"]) == {"tax": expected}


def test_loaders_and_savers_of_given_classes(tmp_path):
    import dataclasses

    from hamilton import ad_hoc_utils, driver
    from hamilton.function_modifiers.adapters import LoadFromDecorator, SaveToDecorator, resolve_kwargs
    from hamilton.function_modifiers.dependencies import source, value
    from hamilton.io.data_adapters import DataLoader, DataSaver

    @dataclasses.dataclass
    class Counted(DataLoader):
        number: int

        @classmethod
        def name(cls):
            return "counted"

        @classmethod
        def applicable_types(cls):
            return [int]

        def load_data(self, type_):
            return self.number, {"from": "counted"}

    kept = []

    @dataclasses.dataclass
    class Kept(DataSaver):
        @classmethod
        def name(cls):
            return "kept"

        @classmethod
        def applicable_types(cls):
            return [int]

        def save_data(self, data):
            kept.append(data)
            return {"kept": data}

    @SaveToDecorator([Kept], output_name_="saved")
    @LoadFromDecorator([Counted], number=source("given"))
    def doubled(number: int) -> int:
        return number * 2

    built = driver.Builder().with_modules(ad_hoc_utils.create_temporary_module(doubled)).build()
    assert built.execute(["doubled", "saved"], inputs={"given": 4}) == {"doubled": 8, "saved": {"kept": 8}}
    assert kept == [8]
    assert resolve_kwargs({"a": source("x"), "b": value(1), "c": 2}) == ({"a": "x"}, {"b": 1, "c": 2})


def test_a_loader_that_there_is_not_is_no_attribute():
    from hamilton.function_modifiers import load_from

    assert not hasattr(load_from, "no_such_loader")
    with pytest.raises(AttributeError, match="no_such_loader"):
        _ = load_from.no_such_loader


def test_questions_about_nodes():
    from hamilton import ad_hoc_utils, graph
    from hamilton.execution import graph_functions

    def a(given: int) -> int:
        return given + 1

    def b(a: int) -> int:
        return a * 2

    def c(b: int, a: int, extra: int = 3) -> int:
        return a + b + extra

    found = graph.FunctionGraph.from_modules(ad_hoc_utils.create_temporary_module(c, b, a), config={})
    nodes = found.nodes
    order = [node.name for node in graph_functions.topologically_sort_nodes(nodes.values())]
    assert order.index("given") < order.index("a") < order.index("b") < order.index("c")
    start, between = graph_functions.nodes_between(nodes["c"], lambda node: node.name == "a")
    assert (start, [node.name for node in between]) == (nodes["a"], ["b"])
    rebuilt = graph.FunctionGraph(nodes, {})
    assert rebuilt.execute([nodes["c"]], inputs={"given": 1}) == {"given": 1, "c": 9}
    assert found.execute([nodes["extra"]]) == {}
    assert graph_functions.execute_subdag(nodes.values(), {"given": 1})["c"] == 9
    with pytest.raises(NotImplementedError, match="'given'"):
        found.execute([nodes["given"]])
    with pytest.raises(ValueError, match="'x'"):
        graph_functions.combine_config_and_inputs({"x": 1}, {"x": 2})
    shown = graph_functions.create_input_string({"long": "x" * 99, "n": 1})
    assert len(shown) < 99
    assert "'n': 1" in shown


def test_pictures_answer_as_graphviz_would(tmp_path):
    from hamilton import ad_hoc_utils, driver
    from hamilton.function_modifiers import tag

    @tag(kind="marked")
    def marked() -> int:
        return 1

    built = driver.Builder().with_modules(ad_hoc_utils.create_temporary_module(marked, scaled)).build()

    def styled(*, node, node_class):
        assert node_class in {"function", "input"}
        return ({"fillcolor": "aquamarine"} if node.tags.get("kind") else {}), None, "marked ones"

    picture = built.display_all_functions(custom_style_function=styled)
    assert [line for line in picture.body if "aquamarine" in line and 'label="marked' in line]
    assert not [line for line in picture.body if "aquamarine" in line and 'label="scaled' in line]
    assert "marked ones" in picture.svg
    assert picture.source.startswith("digraph")
    assert picture.pipe("svg").startswith(b"<svg")
    assert picture.render(tmp_path / "drawn", format="dot") == str(tmp_path / "drawn.dot")
    built.graph.display(built.graph.get_nodes(), tmp_path / "dag", keep_dot=True)
    assert (tmp_path / "dag.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "dag").read_text().startswith("digraph")
