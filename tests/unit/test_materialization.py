"""Declarations become nodes: loading in the place of a node, saving inside and outside fan-outs, on every executor here."""

import json
import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

from anabranch import (
    Builder,
    Collect,
    Driver,
    FlowError,
    InputError,
    Parallelizable,
    Skip,
    WorkerLost,
    cross,
    module_from_functions,
)
from anabranch.function_modifiers import source
from anabranch.graph import Graph
from anabranch.io import DataLoader, DataSaver, from_, register, to
from anabranch.materialization import loader_nodes, saver_nodes, with_materials
from anabranch.results import PandasDataFrameResult
from anabranch.testing import interpret


def settings(root: str) -> dict[str, Any]:
    raise AssertionError("it is replaced")


def page(settings: dict[str, Any]) -> Parallelizable[dict[str, Any]]:
    yield from settings["pages"]


def words(page: dict[str, Any]) -> list[str]:
    if "skip" in page:
        raise Skip
    return page["text"].split()


def frame(words: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"word": words})


def word(words: list[str]) -> Parallelizable[str]:
    yield from words


def length(word: str) -> dict[str, int]:
    return {"length": len(word)}


def total(words: Collect[list[str]]) -> int:
    return sum(map(len, words))


def summary(total: int) -> dict[str, int]:
    return {"total": total}


PAGES = [{"name": "one", "text": "a bb"}, {"name": "../two", "text": "ccc"}, {"name": "three", "text": "", "skip": 1}, {"name": "4", "text": "d"}]
FLOW = (settings, page, words, frame, word, length, total, summary)


@pytest.fixture
def root(tmp_path: Path) -> str:
    (tmp_path / "settings.json").write_text(json.dumps({"pages": PAGES}))
    return str(tmp_path)


def driver(*declarations: Any, functions: Any = FLOW, executor: str = "sequential", config: Any = None) -> Driver:
    builder = Builder().with_modules(module_from_functions(*functions)).with_config(config or {}).with_materializers(*declarations)
    return builder.with_executor(executor, **({} if executor == "sequential" else {"workers": 2})).build()


SETTINGS = from_.json(target="settings", path="{root}/settings.json")


def test_loading_replaces_a_function(root: str):
    found = driver(SETTINGS).execute(["total", "settings.metadata"], inputs={"root": root})
    assert found["total"] == 4
    assert found["settings.metadata"]["file_metadata"]["path"] == f"{root}/settings.json"


def test_loading_gives_an_input(tmp_path: Path):
    (tmp_path / "total.json").write_text("7")
    flow = driver(from_.json(target=total, path=tmp_path / "total.json"), functions=(summary,))
    assert flow.execute(["summary"]) == {"summary": {"total": 7}}
    (tmp_path / "total.json").write_text("[7]")
    with pytest.raises(InputError, match="holds list, but int was asked for"):
        flow.execute(["summary"])


def test_loading_the_items_of_a_fan_out(tmp_path: Path):
    (tmp_path / "pages.json").write_text(json.dumps(PAGES))
    flow = driver(from_.json(target="page", path=source("where")))
    assert flow.execute(["total"], inputs={"where": str(tmp_path / "pages.json")}) == {"total": 4}
    assert "root" not in flow.plan(["total"], ["where"]).selection.vertices


def test_loading_for_each_item(tmp_path: Path):
    def name() -> Parallelizable[str]:
        yield from ("a", "b")

    def size(text: str) -> int:
        return len(text)

    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "b.txt").write_text("yy")
    flow = driver(from_.file(target="text", path=str(tmp_path) + "/{name}.txt"), functions=(name, size))
    assert flow.execute(["size"]) == {"size": [1, 2]}


def test_a_literal_and_a_type_of_a_library(tmp_path: Path):
    def rows(frame: pl.DataFrame, least: int) -> int:
        return frame.filter(pl.col("n") >= least).height

    (tmp_path / "a.csv").write_text("n;m\n1;2\n3;4\n")
    flow = driver(
        from_.csv(target="frame", path=str(tmp_path / "a.csv"), separator=source("separator")),
        from_.literal(target="least", value=2),
        functions=(rows,),
        config={"separator": ";"},
    )
    assert flow.execute(["rows"]) == {"rows": 1}


EXECUTORS = ["sequential", "threads", "processes"]


@pytest.mark.parametrize("executor", EXECUTORS)
class TestSaving:
    def test_outside_a_fan_out(self, executor: str, root: str):
        saving = to.json(id="saved", dependencies=[summary], path="{root}/new/summary.json")
        with driver(SETTINGS, saving, executor=executor) as flow:
            found = flow.execute(["saved", "total"], inputs={"root": root})
        assert json.loads(Path(root, "new", "summary.json").read_text()) == {"total": 4}
        assert found["saved"]["file_metadata"]["size"] == 12
        assert found["total"] == 4

    def test_one_file_for_each_item(self, executor: str, root: str):
        saving = to.csv(id="saved", dependencies=["frame"], path="{root}/out/{item:03d}.csv", index=False)
        with driver(SETTINGS, saving, executor=executor) as flow:
            found = flow.execute(["saved"], inputs={"root": root})["saved"]
        assert [Path(one["file_metadata"]["path"]).name for one in found] == ["000.csv", "001.csv", "003.csv"]
        assert [one["dataframe_metadata"]["rows"] for one in found] == [2, 1, 1]
        assert sorted(path.name for path in Path(root, "out").iterdir()) == ["000.csv", "001.csv", "003.csv"]
        assert Path(root, "out", "001.csv").read_text() == "word\nccc\n"

    def test_one_file_for_each_item_by_a_field(self, executor: str, root: str):
        saving = to.json(id="saved", dependencies=["words"], path="{root}/{page[name]}.txt")
        with driver(SETTINGS, saving, executor=executor) as flow:
            found = flow.execute(["saved"], inputs={"root": root})["saved"]
        assert [Path(one["file_metadata"]["path"]).name for one in found] == ["one.txt", "%2E.%2Ftwo.txt", "4.txt"]
        assert json.loads(Path(root, "one.txt").read_text()) == ["a", "bb"]

    def test_nested(self, executor: str, root: str):
        each = to.json(id="each", dependencies=["length"], path="{root}/each/{item}.json")
        by_page = to.json(id="by_page", dependencies=["length"], path="{root}/pages/{item[0]}-{page[text]}.json")
        some = to.json(id="some", dependencies=["length"], path="{root}/some/{page[text]}.json")
        all_of = to.json(id="all_of", dependencies=["length"], path="{root}/all.json")
        with driver(SETTINGS, each, some, all_of, executor=executor) as flow:
            found = flow.execute(["each", "some", "all_of"], inputs={"root": root})
        names = [[Path(one["file_metadata"]["path"]).name for one in page] for page in found["each"]]
        assert names == [["0-0.json", "0-1.json"], ["1-0.json"], ["3-0.json"]]
        assert json.loads(Path(root, "each", "0-1.json").read_text()) == {"length": 2}
        assert json.loads(Path(root, "some", "a bb.json").read_text()) == [{"length": 1}, {"length": 2}]
        assert [Path(one["file_metadata"]["path"]).name for one in found["some"]] == ["a bb.json", "ccc.json", "d.json"]
        assert json.loads(Path(root, "all.json").read_text()) == [[{"length": 1}, {"length": 2}], [{"length": 3}], [{"length": 1}]]
        found = driver(SETTINGS, by_page).execute(["by_page"], inputs={"root": root})["by_page"]
        assert [Path(one["file_metadata"]["path"]).name for one in found] == ["0-a bb.json", "1-ccc.json", "3-d.json"]
        assert json.loads(Path(root, "pages", "0-a bb.json").read_text()) == [{"length": 1}, {"length": 2}]

    def test_skipped_if_there(self, executor: str, root: str):
        Path(root, "out").mkdir()
        Path(root, "out", "1.json").write_text('"old"')
        saving = to.json(id="saved", dependencies=["words"], path="{root}/out/{item}.json", exists="skip")
        with driver(SETTINGS, saving, executor=executor) as flow:
            found = flow.execute(["saved"], inputs={"root": root})["saved"]
        assert ["skipped" in one for one in found] == [False, True, False]
        assert Path(root, "out", "1.json").read_text() == '"old"'

    def test_combine(self, executor: str, root: str):
        frames = to.csv(id="frames", dependencies=["frame"], combine=concat, path="{root}/all.csv", index=False)
        both = to.parquet(id="both", dependencies=["total", "words"], combine=PandasDataFrameResult(), path="{root}/both.pq")
        with driver(SETTINGS, frames, both, executor=executor) as flow:
            found = flow.execute(["frames", "both"], inputs={"root": root})
        assert Path(root, "all.csv").read_text() == "word\na\nbb\nccc\nd\n"
        assert found["both"]["dataframe_metadata"]["column_names"] == ["total", "words"]
        assert list(pd.read_parquet(Path(root, "both.pq"))["total"]) == [4, 4, 4]

    def test_a_table_for_each_item(self, executor: str, root: str):
        saving = to.sql(id="saved", dependencies=["frame"], table_name="page_{item}", db_connection=source("url"), index=False)
        with driver(SETTINGS, saving, executor=executor) as flow:
            flow.execute(["saved"], inputs={"root": root, "url": f"sqlite:///{root}/a.db"})
        connection = sqlite3.connect(f"{root}/a.db")
        assert connection.execute("SELECT name FROM sqlite_master ORDER BY name").fetchall() == [("page_0",), ("page_1",), ("page_3",)]
        connection.close()


def concat(frame: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(frame)


def test_the_oracle_agrees(root: str):
    def scale() -> Parallelizable[int]:
        yield from (10, 20, 30)

    @cross
    def scaled(words: list[str], scale: int) -> int:
        return len(words) * scale

    savings = [
        to.json(id="a", dependencies=["scaled"], path="{root}/a/{item}.json"),
        to.json(id="b", dependencies=["length"], path="{root}/b/{item}.json"),
        to.memory(id="c", dependencies=["scaled"]),
    ]
    flow = driver(SETTINGS, *savings, functions=(*FLOW, scale, scaled))
    found = flow.execute(["a", "b", "c"], inputs={"root": root})
    expected = interpret(flow.graph, ["a", "b", "c"], {"root": root}, {})

    def paths(value: Any) -> Any:
        if isinstance(value, list):
            return [paths(one) for one in value]
        return value["file_metadata"]["path"] if "file_metadata" in value else value["value"]

    assert paths(found["a"]) == paths(expected["a"])
    assert paths(found["a"])[1] == [f"{root}/a/1-{n}.json" for n in range(3)]
    assert paths(found["b"]) == paths(expected["b"])
    assert paths(found["c"]) == expected["c"]["value"] == [[20, 40, 60], [10, 20, 30], [], [10, 20, 30]]


def test_a_wide_fan_out_has_the_right_indices(tmp_path: Path):
    def number(limit: int) -> Parallelizable[int]:
        yield from range(limit)

    def half(number: int) -> int:
        if number % 3 == 0:
            raise Skip
        return number // 2

    saving = to.json(id="saved", dependencies=["number"], path="{root}/{item}.json")
    halves = to.json(id="halves", dependencies=["half"], path="{root}/half-{item}.json")
    with driver(saving, halves, functions=(number, half), executor="processes") as flow:
        flow.execute(["saved", "halves"], inputs={"limit": 200, "root": str(tmp_path)})
    assert all(json.loads((tmp_path / f"{n}.json").read_text()) == n for n in range(200))
    assert sorted(int(path.stem[5:]) for path in tmp_path.glob("half-*")) == [n for n in range(200) if n % 3]
    assert all(json.loads((tmp_path / f"half-{n}.json").read_text()) == n // 2 for n in range(200) if n % 3)


def test_paths_are_relative_to_where_the_flow_was_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Path("total.json").write_text("7")
    saving = to.json(id="saved", dependencies=["summary"], path="{folder}/saved.json")
    flow = driver(from_.json(target="total", path="total.json"), saving, functions=(summary,))
    assert flow.execute(["saved"], inputs={"folder": "."})["saved"]["file_metadata"]["path"] == "./saved.json"
    monkeypatch.chdir(tmp_path / "there")
    flow.execute(["saved"], inputs={"folder": "new"})
    assert json.loads((tmp_path / "here" / "new" / "saved.json").read_text()) == {"total": 7}


def test_a_killed_worker_leaves_whole_files_and_a_second_run_does_the_rest(tmp_path: Path):
    def number(limit: int) -> Parallelizable[int]:
        yield from range(limit)

    def kills_once(number: int) -> dict[str, int]:
        if number == 5 and not (tmp_path / "killed").exists():
            (tmp_path / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return {"n": number}

    saving = to.json(id="saved", dependencies=["number"], combine=kills_once, path="{root}/{item}.json", exists="skip")
    inputs = {"limit": 20, "root": str(tmp_path)}
    with driver(saving, functions=(number,), executor="processes") as flow:
        with suppress(WorkerLost):  # if the run does not survive it
            flow.execute(["saved"], inputs=inputs)
        there = {path.name for path in tmp_path.glob("*.json")}
        assert (tmp_path / "killed").exists()
        found = flow.execute(["saved"], inputs=inputs)["saved"]
    assert [json.loads((tmp_path / f"{n}.json").read_text()) for n in range(20)] == [{"n": n} for n in range(20)]
    assert {Path(one["file_metadata"]["path"]).name for one in found if one.get("skipped")} == there


class TestErrors:
    @pytest.mark.parametrize(
        ("declared", "message"),
        [
            (lambda: to.json(id="summary", dependencies=["total"], path="a"), "there is a node or input 'summary' already; choose another id"),
            (lambda: to.json(id="x", dependencies=["totle"], path="a"), "there is no 'totle' to be saved; did you mean 'total'"),
            (lambda: to.csv(id="x", dependencies=["summary"], path="a"), "no saver 'csv' takes dict; it is for polars"),
            (lambda: to.csv(id="x", dependencies=["frame"], path="a.csv"), "no saver 'csv' takes list; .* all items of 'frame' are collected into a list here: write {item}"),
            (lambda: to.json(id="x", dependencies=["summary"], path="{item}.json"), "the path has {item}, but what is saved is in no fan-out"),
            (lambda: to.json(id="x", dependencies=["words"], path="a.json", indent=source("page")), "all items would be written to 'a.json'"),
            (lambda: to.json(id="x", dependencies=["summary"]), "needs 'path'; it was given nothing"),
            (lambda: to.json(id="x", dependencies=["summary"], path="a", indnt=1), "has no field 'indnt'; did you mean 'indent'"),
            (lambda: to.json(id="x", dependencies=["summary"], path="{a-b}"), "double the braces"),
            (lambda: from_.json(target="sumary", path="a"), "nothing is called 'sumary', and nothing reads it; did you mean 'summary'"),
            (lambda: from_.csv(target="summary", path="a"), "no loader 'csv' gives dict"),
            (lambda: from_.json(target="summary", path=source("summary")), "reads 'summary' itself"),
            (lambda: from_.json(target="summary"), "needs 'path'"),
            (lambda: "to.json", "materializers are made with to.… and from_.…, not str"),
        ],
    )
    def test_at_build(self, declared: Any, message: str):
        with pytest.raises(FlowError, match=message) as caught:
            driver(declared())
        assert isinstance(declared(), str) or "test_materialization.py:" in str(caught.value)

    @pytest.mark.parametrize(
        ("declare", "message"),
        [
            (lambda: to.json(id="", dependencies=["a"], path="a"), "to.json needs an id"),
            (lambda: to.json(id="x", dependencies=[], path="a"), "saves one value, not 0"),
            (lambda: to.json(id="x", dependencies=["a", "b"], path="a"), "saves one value, not 2; say with combine="),
            (lambda: to.json(id="x", dependencies=[3], path="a"), "'json' takes the names of nodes, not int"),
            (lambda: to.json(id="x", dependencies=["a"], combine=3, path="a"), "combine is a result builder or a function, not int"),
            (lambda: from_.json(target=3, path="a"), "'json' takes the names of nodes, not int"),
        ],
    )
    def test_at_once(self, declare: Any, message: str):
        with pytest.raises(FlowError, match=message):
            declare()

    def test_keys(self):
        with pytest.raises(AttributeError, match="there is no saver 'cvs'; did you mean 'csv'"):
            _ = to.cvs
        with pytest.raises(AttributeError, match="there is no loader 'plt'"):
            _ = from_.plt
        assert "csv" in dir(to) and "environment" in dir(from_)
        assert not hasattr(to, "__wrapped__")

    def test_the_same_path_twice(self, root: str):
        saving = to.json(id="saved", dependencies=["words"], path="{root}/{words[0]}.json")
        twice = {"pages": [{"text": "a b"}, {"text": "a c"}]}
        flow = driver(saving)
        with pytest.raises(InputError, match="'saved' has written two items to '.*/a.json', so one is lost; write {item} into the path"):
            flow.execute(["saved"], inputs={"root": root}, overrides={"settings": twice})

    def test_a_value_of_another_type_than_was_said(self, root: str):
        def loose() -> Any:
            return {1, 2}

        flow = driver(to.json(id="saved", dependencies=["loose"], path="{root}/a.json"), functions=(loose,))
        with pytest.raises(FlowError, match="no saver 'json' takes set; it is for"):
            flow.execute(["saved"], inputs={"root": root})
        assert not Path(root, "a.json").exists()


def test_nodes_are_plain_nodes():
    graph = Graph.from_modules([module_from_functions(*FLOW)])
    names = [node.name for node in loader_nodes(SETTINGS, graph)]
    assert names == ["load_data.settings", "settings", "settings.metadata"]
    (node,) = saver_nodes(to.json(id="saved", dependencies=["words"], path="{root}/{item}"), graph)
    assert node.tags == {"anabranch.data_saver": "json"}
    assert "test_materialization.py:" in node.origin
    whole = with_materials(graph, [])
    assert whole.nodes == graph.nodes


@pytest.mark.parametrize("executor", ["sequential", "processes"])
def test_ones_own(executor: str, tmp_path: Path):
    @register
    @dataclass
    class LinesSaver(DataSaver):
        path: str
        end: str = "\n"

        @classmethod
        def name(cls) -> str:
            return "lines"

        @classmethod
        def applicable_types(cls) -> list[Any]:
            return [list[str]]

        def save_data(self, data: Any) -> dict[str, Any]:
            Path(self.path).write_text("".join(f"{line}{self.end}" for line in data))
            return {"lines": len(data)}

    @register
    @dataclass
    class LinesLoader(DataLoader):
        path: str

        @classmethod
        def name(cls) -> str:
            return "lines"

        @classmethod
        def applicable_types(cls) -> list[Any]:
            return [list]

        def load_data(self, type_: Any) -> tuple[list[str], dict[str, Any]]:
            return Path(self.path).read_text().splitlines(), {}

    def copied(lines: list[str]) -> list[str]:
        return [*lines, "last"]

    (tmp_path / "a.txt").write_text("one\ntwo\n")
    declared = [
        from_.lines(target="lines", path="{root}/a.txt"),
        to.lines(id="saved", dependencies=["copied"], path="{root}/b.txt", end=";"),
    ]
    assert LinesSaver.get_optional_arguments().keys() == {"end"}
    with driver(*declared, functions=(copied,), executor=executor) as flow:
        assert flow.execute(["saved"], inputs={"root": str(tmp_path)}) == {"saved": {"lines": 3}}
    assert (tmp_path / "b.txt").read_text() == "one;two;last;"
    with pytest.raises(FlowError, match=r"'lines' \(LinesSaver\) has no field 'nd'; did you mean 'end'"):
        driver(to.lines(id="saved", dependencies=["copied"], path="a", nd=""), functions=(copied,))


@pytest.fixture(autouse=True)
def _catalog(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test registers is gone after it."""
    from anabranch.io import catalog, loader_keys

    loader_keys()
    monkeypatch.setattr(catalog, "_loaders", {key: list(known) for key, known in catalog._loaders.items()})
    monkeypatch.setattr(catalog, "_savers", {key: list(known) for key, known in catalog._savers.items()})
    yield


def test_what_cannot_be_registered():
    with pytest.raises(FlowError, match="register takes a subclass of DataLoader or DataSaver"):
        register(int)  # type: ignore[type-var]
    with pytest.raises(FlowError, match="LinesSaver cannot be registered: it does not define save_data"):
        register(type("LinesSaver", (DataSaver,), {}))
    with pytest.raises(FlowError, match="Nameless does not say its key: define the class method name"):
        register(type("Nameless", (DataSaver,), {"save_data": lambda self, data: {}}))
