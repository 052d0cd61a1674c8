"""Loading and saving by decorators, on real files: names, metadata, and what a path means in a fan-out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anabranch import Builder, Collect, FlowError, InputError, Parallelizable, module_from_functions
from anabranch.function_modifiers import (
    configuration,
    dataloader,
    datasaver,
    extract_fields,
    group,
    inject,
    load_from,
    parameterize,
    pipe_input,
    save_to,
    source,
    step,
    subdag,
    tag,
    value,
)
from anabranch.graph.functions import nodes_of
from anabranch.io import loader_for


def write(folder, name, value):
    path = folder / name
    path.write_text(json.dumps(value))
    return str(path)


def read(*path):
    return json.loads(Path(*map(str, path)).read_text())


def tags_of(function):
    return {node.name: dict(node.tags) for node in nodes_of(function.__name__, function, {})}


# -- loading -------------------------------------------------------------------------------------------------------


def test_a_parameter_is_loaded(family, run, tmp_path):
    @load_from.json(path=source("p"))
    def x(d: dict) -> int:
        """Its text."""
        return d["n"] + 1

    assert family(x) == {
        "x.load_data.d": (["p"], "tuple"),
        "x.select_data.d": (["x.load_data.d"], "dict"),
        "x": (["x.select_data.d"], "int"),
    }
    found = build(x).execute(["x", "x.load_data.d"], {"p": write(tmp_path, "a.json", {"n": 1})})
    assert found["x"] == 2
    assert found["x.load_data.d"][1]["file_metadata"]["size"] > 0
    assert tags_of(x)["x.load_data.d"] == {
        "hamilton.data_loader": True,
        "hamilton.data_loader.has_metadata": True,
        "hamilton.data_loader.source": "json",
        "hamilton.data_loader.classname": loader_for("json", dict).__name__,
        "hamilton.data_loader.node": "d",
    }
    assert tags_of(x)["x"] == {}


def test_literals_configuration_and_several_parameters(run, tmp_path):
    first = write(tmp_path, "a.json", {"n": 1})
    write(tmp_path, "b.json", {"n": 10})

    @load_from.json(path=first, inject_="a")
    @load_from.json(path=configuration("second"), inject_="b")
    def x(a: dict, b: dict, c: int = 100) -> int:
        return a["n"] + b["n"] + c

    assert run(x, outputs=["x"], config={"second": str(tmp_path / "b.json")}) == 111


def test_one_file_for_each_item(run, tmp_path):
    for n in range(3):
        write(tmp_path, f"{n}.json", {"n": n})
        write(tmp_path, f"page {n}.json", {"n": 10 * n})

    def page(count: int) -> Parallelizable[dict]:
        for n in range(count):
            yield {"name": f"page {n}"}

    @load_from.json(path="{folder}/{page[name]}.json", inject_="d")
    @load_from.json(path=source("place"), inject_="e")
    def x(page: dict, d: dict, e: dict) -> int:
        return d["n"] + e["n"]

    def place(page: dict, folder: str) -> str:
        return f"{folder}/{page['name'][-1]}.json"

    assert run(page, x, place, outputs=["x"], count=3, folder=str(tmp_path)) == [0, 11, 22]


def test_with_pipes_parameters_and_subdags(run, tmp_path):
    def _more(d: dict) -> dict:
        return {**d, "m": 5}

    @pipe_input(step(_more))
    @load_from.json(path=source("p"))
    def x(d: dict) -> dict:
        return d

    write(tmp_path, "a.json", {"n": 1})
    assert run(x, outputs=["x"], p=str(tmp_path / "a.json")) == {"n": 1, "m": 5}

    @load_from.json(path="{root}/{name}.json", inject_="d")
    @parameterize(one={"k": value(1)}, two={"k": source("twice")})
    def y(d: dict, k: int) -> int:
        return d["n"] * k

    assert run(y, outputs=["one", "two"], root=str(tmp_path), name="a", twice=2) == {"one": 1, "two": 2}

    @subdag(y, inputs={"root": value(str(tmp_path)), "name": source("file")})
    def z(one: int) -> int:
        return one

    assert run(z, outputs=["z"], file="a") == 1

    @subdag(x, inputs={"p": value(str(tmp_path / "a.json"))})
    def w(x: dict) -> dict:
        return x

    assert run(w, outputs=["w"]) == {"n": 1, "m": 5}


# -- saving --------------------------------------------------------------------------------------------------------


def test_a_node_that_saves(family, run, tmp_path):
    @save_to.json(path=source("p"), output_name_="saved")
    def x(n: int) -> dict:
        return {"n": n}

    assert family(x) == {"x": (["n"], "dict"), "saved": (["x", "p"], "dict")}
    target = str(tmp_path / "x.json")
    assert run(x, outputs=["x"], n=1) == {"n": 1}
    assert not Path(target).exists()
    driver = Builder().with_modules(module_from_functions(x)).build()
    facts = driver.execute(["saved", "x"], {"n": 2, "p": target})
    assert read(target) == facts["x"] == {"n": 2}
    assert facts["saved"]["file_metadata"]["path"] == target
    assert driver.graph.nodes["saved"].tags["hamilton.data_saver"] is True
    assert driver.graph.nodes["saved"].tags["hamilton.data_saver.sink"] == "json"
    assert "hamilton.data_saver.classname" in driver.graph.nodes["saved"].tags


def test_several_savers_and_tags(tmp_path):
    @tag(kind="final")
    @save_to.pickle(path=str(tmp_path / "x.pickle"), output_name_="pickled")
    @save_to.json(path=str(tmp_path / "x.json"))
    def x(n: int) -> dict:
        return {"n": n}

    assert {name for name, own in tags_of(x).items() if own.get("kind")} == {"x"}
    driver = Builder().with_modules(module_from_functions(x)).build()
    driver.execute(["save.x", "pickled"], {"n": 3})
    assert read(tmp_path, "x.json") == {"n": 3}
    assert (tmp_path / "x.pickle").exists()


def test_what_is_saved_can_be_waited_for(tmp_path):
    @save_to.json(path=source("p"), output_name_="saved")
    def x(n: int) -> dict:
        return {"n": n}

    def done(saved: dict) -> str:
        return saved["file_metadata"]["path"]

    driver = Builder().with_modules(module_from_functions(x, done)).build()
    target = str(tmp_path / "x.json")
    assert driver.execute(["done"], {"n": 3, "p": target}) == {"done": target}
    assert read(target) == {"n": 3}


def test_parts_are_saved(tmp_path):
    @save_to.json(path=str(tmp_path / "a.json"), target_="a", output_name_="saved")
    @extract_fields({"a": dict, "b": dict})
    def x() -> dict:
        return {"a": {"n": 1}, "b": {}}

    driver = Builder().with_modules(module_from_functions(x)).build()
    assert set(driver.graph.nodes) == {"x", "a", "b", "saved"}
    driver.execute(["saved"])
    assert read(tmp_path, "a.json") == {"n": 1}

    @save_to.json(path=source("p"))
    @extract_fields({"a": dict, "b": dict})
    def y() -> dict: ...

    assert [node.name for node in nodes_of("y", y, {})] == ["y", "a", "b", "save.a", "save.b"]


def pages(n: int) -> Parallelizable[dict]:
    for i in range(n):
        yield {"name": f"p{i}", "i": i}


def saving(**fields):
    def x(pages: dict) -> dict:
        return {"i": pages["i"]}

    return save_to.json(**fields)(x)


def test_in_a_fan_out_a_path_with_the_item_is_a_file_for_each(tmp_path):
    driver = Builder().with_modules(module_from_functions(pages, saving(path="{root}/{item}.json"))).build()
    found = driver.execute(["save.x", "x"], {"n": 3, "root": str(tmp_path)})
    assert [one["file_metadata"]["path"] for one in found["save.x"]] == [str(tmp_path / f"{i}.json") for i in range(3)]
    assert [read(tmp_path, f"{i}.json") for i in range(3)] == found["x"]
    assert "save.x.item" not in driver.graph.nodes


def test_in_a_fan_out_a_path_of_a_field_or_a_source_is_a_file_for_each_and_none_is_lost(tmp_path):
    flow = module_from_functions(pages, saving(path="{root}/{pages[name]}.json"))
    driver = Builder().with_modules(flow).build()
    driver.execute(["save.x"], {"n": 3, "root": str(tmp_path)})
    assert [read(tmp_path, f"p{i}.json") for i in range(3)] == [{"i": i} for i in range(3)]

    def place(pages: dict, root: str) -> str:
        return f"{root}/at {pages['i'] % 2}.json"

    driver = Builder().with_modules(module_from_functions(pages, saving(path=source("place")), place)).build()
    assert [read(one["file_metadata"]["path"]) for one in driver.execute(["save.x"], {"n": 2, "root": str(tmp_path)})["save.x"]]
    with pytest.raises(InputError, match="'save.x' has written two items to"):
        driver.execute(["save.x"], {"n": 3, "root": str(tmp_path)})


def test_in_a_fan_out_a_path_without_the_item_gets_all(tmp_path):
    driver = Builder().with_modules(module_from_functions(pages, saving(path=source("p")))).build()
    target = str(tmp_path / "all.json")
    found = driver.execute(["save.x"], {"n": 3, "p": target})
    assert read(target) == [{"i": 0}, {"i": 1}, {"i": 2}]
    assert found["save.x"]["file_metadata"]["path"] == target


def test_on_the_expander_itself(tmp_path):
    @save_to.json(path="{root}/{item}.json")
    def item(n: int) -> Parallelizable[dict]:
        for i in range(n):
            yield {"i": i}

    def total(item: Collect[dict]) -> int:
        return sum(one["i"] for one in item)

    driver = Builder().with_modules(module_from_functions(item, total)).build()
    found = driver.execute(["save.item", "total"], {"n": 3, "root": str(tmp_path)})
    assert found["total"] == 3
    assert [read(tmp_path, f"{i}.json") for i in range(3)] == [{"i": i} for i in range(3)]


def test_in_a_subdag_inside_a_fan_out(tmp_path):
    def x(k: int) -> dict:
        return {"k": k}

    save_to.json(path="{root}/{k}.json", output_name_="saved")(x)

    def number(n: int) -> Parallelizable[int]:
        return range(n)

    @subdag(x, inputs={"k": source("number"), "root": value(str(tmp_path))})
    def each(saved: list) -> object:
        return saved

    driver = Builder().with_modules(module_from_functions(number, each)).build()
    assert "each.saved" in driver.graph.nodes
    driver.execute(["each.saved"], {"n": 2})
    assert [read(tmp_path, f"{k}.json") for k in range(2)] == [{"k": 0}, {"k": 1}]


def test_materializers_beside_decorators(tmp_path):
    from anabranch.io import from_, to
    from anabranch.materialization import with_materials

    driver = Builder().with_modules(module_from_functions(pages, saving(path="{root}/{item}.json"))).build()
    all_of = to.json(id="all", dependencies=["x"], path=str(tmp_path / "all.json"))
    given = from_.json(target="pages", path=write(tmp_path, "pages.json", [{"i": 7}]))
    graph = with_materials(driver.graph, [all_of, given])
    assert {"all", "save.x", "x", "load_data.pages"} <= set(graph.nodes)
    assert graph.value_axes("save.x") == graph.value_axes("x") == ("pages",)


# -- functions that load and save by themselves --------------------------------------------------------------------


def test_a_function_that_loads(family, run):
    @dataloader()
    def x(n: int) -> tuple[list, dict]:
        """Its text."""
        return [n], {"rows": 1}

    @extract_fields({"first": int})
    @dataloader()
    def y(n: int) -> tuple[dict, dict]:
        return {"first": n}, {}

    assert family(x) == {"x.loader": (["n"], "tuple[list, dict]"), "x": (["x.loader"], "list")}
    assert run(x, y, outputs=["x", "x.loader", "first"], n=2) == {"x": [2], "x.loader": ([2], {"rows": 1}), "first": 2}
    tags = tags_of(x)
    assert tags["x"] == {
        "hamilton.data_loader": True,
        "hamilton.data_loader.has_metadata": False,
        "hamilton.data_loader.node": "x",
        "hamilton.data_loader.classname": "x()",
        "hamilton.data_loader.source": "x",
    }
    assert (tags["x.loader"]["hamilton.data_loader.has_metadata"], tags["x.loader"]["hamilton.data_loader.source"]) == (True, "loader")


def test_a_loader_for_each_parameterization_and_item(run):
    @parameterize(p={"n": value(1)}, q={"n": source("item")})
    @dataloader()
    def x(n: int) -> tuple[int, dict]:
        return n * 10, {"n": n}

    def item() -> Parallelizable[int]:
        return [5, 6]

    assert run(x, item, outputs=["p", "q", "q.loader"]) == {"p": 10, "q": [50, 60], "q.loader": [(50, {"n": 5}), (60, {"n": 6})]}


def test_a_function_that_saves(family, run):
    @datasaver()
    def x(n: int) -> dict:
        return {"rows": n}

    assert family(x) == {"x": (["n"], "dict")}
    assert tags_of(x) == {
        "x": {"hamilton.data_saver": True, "hamilton.data_saver.sink": "x", "hamilton.data_saver.classname": "x()"}
    }
    assert run(x, outputs=["x"], n=2) == {"rows": 2}


# -- errors --------------------------------------------------------------------------------------------------------


def two(a: dict, b: dict) -> dict: ...


def none() -> dict: ...


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: load_from.jsn(path="a"), "@load_from.jsn: there is no 'jsn'; did you mean 'json'"),
        (lambda: save_to.jsn(path="a"), "@save_to.jsn: there is no 'jsn'; did you mean 'json'"),
        (lambda: load_from.json(path=group(source("a"))), r"@load_from.json: 'path' is group\(…\); a field takes source"),
        (lambda: load_from.json(path="a")(two), r"@load_from.json on 'two' \(.*\): say with inject_='…' which parameter.*'a', 'b'"),
        (lambda: load_from.json(path="a")(none), "which parameter is loaded: there is none"),
        (lambda: load_from.json(path="a", inject_="c")(two), "there is no parameter 'c'; there are 'a', 'b'"),
    ],
)
def test_what_cannot_be_meant_is_said_at_decoration(make, message):
    with pytest.raises(FlowError, match=message):
        make()


def build(*functions):
    return Builder().with_modules(module_from_functions(*functions)).build()


@pytest.mark.parametrize(
    ("decorators", "message"),
    [
        ([load_from.json(pth="a", inject_="d")], r"@load_from.json on 'f' \(.*\): for parameter 'd': 'json'.* needs 'path'"),
        ([load_from.parquet(path="a", inject_="d")], "for parameter 'd': no loader 'parquet' gives dict"),
        ([inject(d=value({})), load_from.json(path="a", inject_="d")], "parameter 'd' is bound already and cannot be loaded"),
        ([load_from.json(path="a", inject_="many")], "parameter 'many' takes values of a fan-out and cannot be loaded"),
        ([load_from.json(path="a{", inject_="d")], "@load_from.json on 'f' .*: the path 'a{' is no template"),
        ([load_from.json(path="{value}.json", inject_="d")], r"the path '{value}.json' has '{value}' in it; give that node"),
        ([save_to.json(path=configuration("k"))], "'path' takes the config's value of 'k', and there is none"),
        ([save_to.json(path="a", target_="g")], "the function makes no node 'g'"),
        ([save_to.json()], r"@save_to.json on 'f' \(.*\): 'json'.* needs 'path'"),
        ([save_to.parquet(path="a")], "@save_to.parquet on 'f' .*: no saver 'parquet' takes dict"),
        ([save_to.json(path="{item}.json")], r"the path has {item}, but what is saved is in no fan-out"),
        ([dataloader()], r"@dataloader on 'f' \(.*\): the function must return what it loaded and a dict.* but returns dict"),
    ],
)
def test_what_cannot_be_meant_is_said_when_the_graph_is_built(decorators, message):
    def many() -> Parallelizable[int]: ...

    def f(d: dict, many: Collect[int]) -> dict: ...

    for decorator in decorators:
        decorator(f)
    with pytest.raises(FlowError, match=message):
        build(many, f)


def test_what_is_collected_and_what_goes_to_one_path(tmp_path):
    def part(pages: dict) -> Parallelizable[dict]: ...

    @save_to.parquet(path="all.parquet")
    def frame(pages: dict) -> object: ...

    with pytest.raises(FlowError, match="no saver 'parquet' takes list.*all items of 'frame' are collected into a list here"):
        build(pages, frame)

    @save_to.json(path=str(tmp_path / "one.json"), indent=source("indent"))
    def x(pages: dict) -> dict: ...

    def indent(pages: dict) -> int: ...

    with pytest.raises(FlowError, match=r"@save_to.json on 'x' .*(all items would be written to|has no field 'indent')"):
        build(pages, indent, x)

    @datasaver()
    def no_dict(pages: dict) -> int: ...

    with pytest.raises(FlowError, match="@datasaver on 'no_dict' .*: the function must return a dict of metadata, but returns int"):
        build(pages, no_dict)

    @save_to.json(path="p", output_name_="saved")
    @extract_fields({"a": dict, "b": dict})
    def y() -> dict: ...

    with pytest.raises(FlowError, match="'saved' would save 2 nodes: 'a', 'b'; choose one with target_"):
        build(y)
