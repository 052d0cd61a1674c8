"""Every format: real files, round trips, on this machine and in fsspec's memory, options, facts."""

import gzip
import io
import itertools
import json
import os
import pickle
import shutil
import sqlite3
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import pandas as pd
import polars as pl
import pytest

from anabranch import FlowError, InputError
from anabranch.io import loader_for, loader_keys, saver_for, saver_keys

PANDAS = pd.DataFrame({"n": [1, 2, 3], "x": [0.5, 1.5, 2.5], "word": ["river", "branch", "ä"]})
POLARS = pl.DataFrame({"n": [1, 2, 3], "x": [0.5, 1.5, 2.5], "word": ["river", "branch", "ä"]})
_names = itertools.count()


@pytest.fixture(params=["here", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path) if request.param == "here" else f"memory://test_formats/{next(_names)}"


def save(key: str, value: Any, path: Any, **options: Any) -> dict[str, Any]:
    saver = saver_for(key, type(value))
    return saver.made({"path": path, **options}).save_data(value)


def load(key: str, type_: Any, path: Any, **options: Any) -> Any:
    loader = loader_for(key, type_)
    value, facts = loader.made({"path": path, **options}).load_data(type_)
    json.dumps(facts)
    return value


def check_facts(facts: dict[str, Any], path: str, rows: int | None = None) -> None:
    json.dumps(facts)
    file = facts["file_metadata"]
    assert file["path"] == path.removeprefix("file://")
    assert file["size"] > 0
    assert abs(file["timestamp"] - file["last_modified"]) < 100
    if rows is not None:
        frame = facts["dataframe_metadata"]
        assert frame["rows"] == rows and frame["columns"] == 3 and frame["column_names"] == ["n", "x", "word"]
        assert len(frame["datatypes"]) == 3


class Row(TypedDict):
    x: int


class TestPlain:
    @pytest.mark.parametrize("key", ["json", "yaml"])
    @pytest.mark.parametrize(("value", "type_"), [({"a": [1, "ä"]}, dict[str, Any]), ([1, 2], list), ("x", str), (3, int), (3, float)])
    def test_data(self, key: str, value: Any, type_: Any, folder: str):
        path = f"{folder}/sub/a.{key}"
        check_facts(save(key, value, path), path)
        assert load(key, type_, path) == value

    def test_what_else_is_there(self, tmp_path: Path):
        path = tmp_path / "a.json"
        save("json", [1], path)
        with pytest.raises(InputError, match=r"a.json' \(json\) holds list, but dict was asked for"):
            load("json", Row, path)
        path.write_text("null")
        assert load("json", dict | None, path) is None
        with pytest.raises(InputError, match="holds NoneType"):
            load("json", dict, path)

    def test_options(self, tmp_path: Path):
        save("json", {"b": "ä", "a": 1}, tmp_path / "a.json", indent=1, sort_keys=True)
        assert (tmp_path / "a.json").read_text() == '{\n "a": 1,\n "b": "ä"\n}'
        save("yaml", {"b": "ä", "a": 1}, tmp_path / "a.yaml")
        assert (tmp_path / "a.yaml").read_text() == "b: ä\na: 1\n"

    def test_yaml_calls_nothing(self, tmp_path: Path):
        (tmp_path / "a.yaml").write_text("!!python/object/apply:os.getcwd []")
        with pytest.raises(Exception, match="could not determine a constructor"):
            load("yaml", dict, tmp_path / "a.yaml")

    def test_files(self, folder: str):
        save("file", "ä\r\n", f"{folder}/a.txt")
        assert load("file", str, f"{folder}/a.txt") == "ä\r\n"
        assert load("file", bytes, f"{folder}/a.txt") == b"\xc3\xa4\r\n"
        save("file", "ä", f"{folder}/a.txt", encoding="latin-1")
        assert load("file", str, f"{folder}/a.txt", encoding="latin-1") == "ä"
        for data in (b"\x00\xff", bytearray(b"\x00\xff"), io.BytesIO(b"\x00\xff")):
            save("file", data, f"{folder}/b.bin")
            assert load("file", bytes, f"{folder}/b.bin") == b"\x00\xff"

    def test_pickles(self, folder: str):
        value = {"a": {1, 2}}
        check_facts(save("pickle", value, f"{folder}/a.pkl", protocol=4), f"{folder}/a.pkl")
        assert load("pickle", Any, f"{folder}/a.pkl") == load("pickle", dict, f"{folder}/a.pkl") == value
        with pytest.raises(InputError, match="holds dict, but list was asked for"):
            load("pickle", list, f"{folder}/a.pkl")

    def test_literals_and_memory(self):
        value = object()
        assert loader_for("literal", Any).made({"value": value}).load_data(Any)[0] is value
        assert saver_for("memory", int).made({}).save_data(value)["value"] is value

    def test_the_environment(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("ANABRANCH_A", "1")
        monkeypatch.delenv("ANABRANCH_B", raising=False)
        found, facts = loader_for("environment", dict[str, str]).made({"names": ["ANABRANCH_A"]}).load_data(dict)
        assert found == {"ANABRANCH_A": "1"}
        assert "1" not in json.dumps(facts)  # values may be secrets
        with pytest.raises(InputError, match="environment variable ANABRANCH_B is not set"):
            loader_for("environment", dict).made({"names": ["ANABRANCH_A", "ANABRANCH_B"]}).load_data(dict)


class TestNumpy:
    def test_round_trip(self, folder: str):
        array = np.arange(6.0).reshape(2, 3)
        facts = save("npy", array, f"{folder}/array")  # no suffix is added
        assert facts["dataframe_metadata"]["shape"] == [2, 3]
        np.testing.assert_array_equal(load("npy", np.ndarray, f"{folder}/array"), array)

    def test_memory_map(self, tmp_path: Path):
        save("npy", np.arange(3), tmp_path / "a.npy")
        assert isinstance(load("npy", np.typing.NDArray[np.int64], tmp_path / "a.npy", mmap_mode="r"), np.memmap)

    def test_objects_only_when_asked(self, tmp_path: Path):
        array = np.array([{1}], object)
        with pytest.raises(ValueError, match="Object arrays cannot be saved"):
            save("npy", array, tmp_path / "a.npy")
        assert not (tmp_path / "a.npy").exists()
        save("npy", array, tmp_path / "a.npy", allow_pickle=True)
        assert load("npy", np.ndarray, tmp_path / "a.npy", allow_pickle=True)[0] == {1}


class TestPandas:
    @pytest.mark.parametrize(
        ("key", "name", "saving", "loading"),
        [
            ("csv", "a.csv", {"index": False}, {}),
            ("csv", "a.csv.gz", {"index": False}, {}),
            ("csv", "a.tsv", {"index": False, "sep": "\t", "encoding": "utf-16"}, {"sep": "\t", "encoding": "utf-16"}),
            ("json", "a.json", {}, {}),
            ("json", "a.ndjson.gz", {"orient": "records", "lines": True}, {"orient": "records", "lines": True}),
            ("parquet", "a.parquet", {}, {}),
            ("feather", "a.feather", {"compression": "lz4"}, {"columns": ["n", "x", "word"]}),
            ("orc", "a.orc", {}, {}),
            ("excel", "a.xlsx", {"index": False, "sheet_name": "one"}, {"sheet_name": "one"}),
            ("html", "a.html", {"index": False}, {"encoding": "utf-8"}),
            ("xml", "a.xml", {"index": False}, {}),
            ("stata", "a.dta", {"write_index": False, "version": 118}, {}),
            ("pickle", "a.pkl.xz", {}, {}),
            ("spss", "a.sav", {}, {}),
        ],
    )
    def test_round_trip(self, key: str, name: str, saving: dict[str, Any], loading: dict[str, Any], folder: str):
        path = f"{folder}/{name}"
        facts = save(key, PANDAS, path, **saving)
        check_facts(facts, path, 3)
        pd.testing.assert_frame_equal(load(key, pd.DataFrame, path, **loading), PANDAS, check_dtype=False)
        again = save(key, PANDAS.head(2), path, **saving)
        assert again["dataframe_metadata"]["rows"] == 2
        assert len(load(key, pd.DataFrame, path, **loading)) == 2

    def test_archives(self, folder: str):
        save("csv", PANDAS, f"{folder}/a.csv.zip", index=False)
        with zipfile.ZipFile(io.BytesIO(load("file", bytes, f"{folder}/a.csv.zip"))) as archive:
            assert archive.namelist() == ["a.csv"]
        assert load("csv", pd.DataFrame, f"{folder}/a.csv.zip").equals(PANDAS)

    def test_compression_is_real(self, tmp_path: Path):
        save("csv", PANDAS, tmp_path / "a.csv.gz", index=False)
        assert gzip.decompress((tmp_path / "a.csv.gz").read_bytes()).startswith(b"n,x,word\n")

    def test_tables(self, folder: str):
        save("file", "n\tx\tword\n1\t0.5\triver\n", f"{folder}/a.txt")
        save("file", "n   x    word\n1   0.5  river\n", f"{folder}/b.txt")
        assert load("table", pd.DataFrame, f"{folder}/a.txt").equals(PANDAS.head(1))
        assert load("fwf", pd.DataFrame, f"{folder}/b.txt").equals(PANDAS.head(1))

    def test_append(self, tmp_path: Path):
        save("csv", PANDAS, tmp_path / "a.csv", index=False)
        save("csv", PANDAS, tmp_path / "a.csv", index=False, mode="a", header=False)
        assert len(load("csv", pd.DataFrame, tmp_path / "a.csv")) == 6
        save("excel", PANDAS, tmp_path / "a.xlsx", sheet_name="one")
        save("excel", PANDAS, tmp_path / "a.xlsx", sheet_name="two", mode="a")
        with pytest.raises(InputError, match="'excel' found 2 tables and gives one; choose it with sheet_name"):
            load("excel", pd.DataFrame, tmp_path / "a.xlsx", sheet_name=None)
        assert len(load("excel", pd.DataFrame, tmp_path / "a.xlsx", sheet_name="two")) == 3

    def test_several_tables_of_a_page(self, tmp_path: Path):
        (tmp_path / "a.html").write_text(PANDAS.to_html() + PANDAS.to_html(table_id="second"))
        with pytest.raises(InputError, match="'html' found 2 tables and gives one; choose it with match or attrs"):
            load("html", pd.DataFrame, tmp_path / "a.html")
        assert len(load("html", pd.DataFrame, tmp_path / "a.html", attrs={"id": "second"})) == 3

    def test_what_is_no_frame(self, tmp_path: Path):
        PANDAS["n"].to_pickle(tmp_path / "a.pkl")
        with pytest.raises(InputError, match=r"a.pkl' \(pickle\) holds pandas.*Series, but pandas.DataFrame was asked for"):
            load("pickle", pd.DataFrame, tmp_path / "a.pkl")

    def test_the_librarys_names_for_a_path(self, tmp_path: Path):
        loader_for("csv", pd.DataFrame).check(["filepath_or_buffer", "sep"])
        saver_for("json", pd.DataFrame).made({"path_or_buf": tmp_path / "a.json"}).save_data(PANDAS)
        assert len(loader_for("json", pd.DataFrame).made({"filepath_or_buffer": tmp_path / "a.json"}).load_data(None)[0]) == 3


class TestPolars:
    @pytest.mark.parametrize(
        ("key", "name", "saving", "loading"),
        [
            ("csv", "a.csv", {}, {}),
            ("csv", "a.tsv", {"separator": "\t"}, {"separator": "\t"}),
            ("parquet", "a.parquet", {"compression": "snappy"}, {"columns": ["n", "x", "word"]}),
            ("feather", "a.arrow", {}, {}),
            ("avro", "a.avro", {}, {}),
            ("json", "a.json", {}, {}),
            ("spreadsheet", "a.xlsx", {"worksheet": "one"}, {"sheet_name": "one"}),
        ],
    )
    def test_round_trip(self, key: str, name: str, saving: dict[str, Any], loading: dict[str, Any], folder: str):
        path = f"{folder}/{name}"
        check_facts(save(key, POLARS, path, **saving), path, 3)
        assert load(key, pl.DataFrame, path, **loading).equals(POLARS)

    @pytest.mark.parametrize(("key", "name"), [("csv", "a.csv"), ("parquet", "a.pq"), ("feather", "a.arrow"), ("ndjson", "a.json")])
    def test_scan_and_sink(self, key: str, name: str, tmp_path: Path):
        path = f"{tmp_path}/{name}"
        facts = save(key, POLARS.lazy(), path)
        check_facts(facts, path)
        assert facts["dataframe_metadata"]["rows"] is None
        assert facts["dataframe_metadata"]["column_names"] == ["n", "x", "word"]
        found = load(key, pl.LazyFrame, path)
        assert isinstance(found, pl.LazyFrame)
        assert found.filter(pl.col("n") > 1).collect().equals(POLARS.tail(2))

    def test_sinks_elsewhere_but_no_scans_of_memory(self):
        save("parquet", POLARS.lazy(), "memory://test_formats/lazy.parquet")
        assert load("parquet", pl.DataFrame, "memory://test_formats/lazy.parquet").equals(POLARS)
        with pytest.raises(InputError, match="cannot be scanned, for polars does not know memory://"):
            load("parquet", pl.LazyFrame, "memory://test_formats/lazy.parquet")

    def test_patterns(self, tmp_path: Path):
        for n in range(2):
            save("parquet", POLARS, tmp_path / f"{n}.parquet")
        assert load("parquet", pl.LazyFrame, tmp_path / "*.parquet").collect().height == 6
        assert load("parquet", pl.DataFrame, tmp_path / "*.parquet").height == 6
        with pytest.raises(FileNotFoundError):
            load("parquet", pl.DataFrame, tmp_path / "a.parquet")

    def test_ndjson(self, tmp_path: Path):
        save("ndjson", POLARS, tmp_path / "a.json")
        assert load("ndjson", pl.LazyFrame, tmp_path / "a.json").collect().equals(POLARS)

    def test_several_sheets(self, tmp_path: Path):
        for sheet in ("one", "two"):
            save("excel", PANDAS, tmp_path / "a.xlsx", sheet_name=sheet, mode="w" if sheet == "one" else "a")
        with pytest.raises(InputError, match="has 2 sheets; choose one with sheet_name"):
            load("spreadsheet", pl.DataFrame, tmp_path / "a.xlsx", sheet_id=0)


class TestChoice:
    def test_keys(self):
        assert {"json", "literal", "environment", "file", "pickle", "yaml"} <= set(loader_keys())
        assert {"csv", "parquet", "feather", "orc", "excel", "sql", "html", "xml", "stata", "fwf", "table", "spss"} <= set(loader_keys())
        assert {"avro", "spreadsheet", "database", "npy"} <= set(loader_keys())
        assert {"json", "file", "pickle", "yaml", "memory", "plt", "plotly", "html", "npy", "csv", "sql"} <= set(saver_keys())

    @pytest.mark.parametrize(
        ("find", "key", "type_", "message"),
        [
            (loader_for, "cvs", pd.DataFrame, "there is no loader 'cvs'; did you mean 'csv'"),
            (saver_for, "cvs", pd.DataFrame, "there is no saver 'cvs'; did you mean 'csv'"),
            (loader_for, "csv", dict, "no loader 'csv' gives dict; it is for polars.LazyFrame, polars.DataFrame, pandas.DataFrame"),
            (saver_for, "csv", list[int], "no saver 'csv' takes list; it is for polars.LazyFrame, "),
            (loader_for, "csv", Any, "no loader 'csv' gives a type that is not annotated"),
            (saver_for, "csv", Any, "no saver 'csv' takes a type that is not annotated"),
            (loader_for, "plt", Any, "there is no loader 'plt'"),
        ],
    )
    def test_what_there_is_not(self, find: Any, key: str, type_: Any, message: str):
        with pytest.raises(FlowError, match=message):
            find(key, type_)

    def test_by_type(self):
        assert loader_for("json", dict[str, int]).__name__ == "JsonLoader"
        assert loader_for("json", pd.DataFrame).__name__ == "PandasJsonLoader"
        assert loader_for("json", pl.DataFrame | None).__name__ == "PolarsJsonLoader"
        assert loader_for("pickle", Any).__name__ == "PickleLoader"
        assert loader_for("pickle", pd.DataFrame).__name__ == "PandasPickleLoader"
        assert loader_for("npy", Any).__name__ == "NpyLoader"

    @pytest.mark.parametrize(
        ("key", "fields", "message"),
        [
            ("csv", {"path": "a", "sepp": ";"}, r"'csv' \(PandasCsvLoader\) has no field 'sepp'; did you mean 'sep'"),
            ("csv", {"sep": ";"}, r"'csv' \(PandasCsvLoader\) needs 'path'; it was given 'sep'"),
            ("csv", {"path": "a", "chunksize": 3}, "does not take 'chunksize': it would give pieces"),
        ],
    )
    def test_fields(self, key: str, fields: dict[str, Any], message: str):
        with pytest.raises(FlowError, match=message):
            loader_for(key, pd.DataFrame).made(fields)

    def test_fields_of_savers(self):
        with pytest.raises(FlowError, match="does not take 'partition_cols': it would write a folder"):
            saver_for("parquet", pd.DataFrame).made({"path": "a", "partition_cols": ["n"]})
        with pytest.raises(FlowError, match="exists is 'replace', 'skip', 'error', not 'keep'"):
            saver_for("json", dict).made({"path": "a", "exists": "keep"})
        assert "sep" in loader_for("csv", pd.DataFrame).get_optional_arguments()
        assert list(loader_for("csv", pd.DataFrame).get_required_arguments()) == ["path"]
        assert list(loader_for("csv", pd.DataFrame).applicable_types()) == [pd.DataFrame]

    def test_adapters_can_travel(self):
        adapter = loader_for("csv", pd.DataFrame).made({"path": "a.csv", "sep": ";"})
        again = pickle.loads(pickle.dumps(adapter))
        assert (again.path, again.options) == ("a.csv", {"sep": ";"})

    def test_a_choice_imports_no_library(self):
        code = (
            "import sys\nfrom anabranch.io import *\nloader_for('json', dict).made({'path': 'a'}); saver_for('yaml', list)\n"
            "assert not {'numpy', 'pandas', 'polars', 'fsspec', 'yaml', 'sqlalchemy', 'matplotlib'} & set(sys.modules)"
        )
        subprocess.run([sys.executable, "-c", code], check=True)

    def test_a_library_that_is_missing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setitem(sys.modules, "yaml", None)
        with pytest.raises(InputError, match="'yaml' needs yaml, .* pip install 'pyyaml'"):
            save("yaml", {}, tmp_path / "a.yaml")


class TestExisting:
    def test_skip(self, tmp_path: Path):
        path = tmp_path / "a.json"
        assert "skipped" not in save("json", [1], path, exists="skip")
        facts = save("json", [2], path, exists="skip")
        assert facts["skipped"] is True and facts["file_metadata"]["size"] == 3
        assert load("json", list, path) == [1]

    def test_error(self, tmp_path: Path):
        path = tmp_path / "a.json"
        save("json", [1], path, exists="error")
        with pytest.raises(InputError, match="a.json' exists already; delete it, or save with exists='replace' or 'skip'"):
            save("json", [2], path, exists="error")


class TestSql:
    @pytest.fixture(params=["url", "sqlite3", "engine", "connection"])
    def database(self, request: pytest.FixtureRequest, tmp_path: Path) -> Any:
        sqlalchemy = pytest.importorskip("sqlalchemy")
        url = f"sqlite:///{tmp_path / 'a.db'}"
        if request.param == "url":
            yield url
        elif request.param == "sqlite3":
            connection = sqlite3.connect(tmp_path / "a.db")
            yield connection
            connection.close()
        else:
            engine = sqlalchemy.create_engine(url)
            if request.param == "engine":
                yield engine
            else:
                with engine.connect() as connection:
                    yield connection
            engine.dispose()

    @pytest.mark.parametrize(
        ("key", "frame", "replacing", "appending", "plain"),
        [
            ("sql", PANDAS, {"if_exists": "replace"}, {"if_exists": "append"}, {"index": False}),
            ("database", POLARS, {"if_table_exists": "replace"}, {"if_table_exists": "append"}, {}),
        ],
        ids=["pandas", "polars"],
    )
    def test_round_trip(  # noqa: PLR0917
        self, key: str, frame: Any, replacing: Any, appending: Any, plain: Any, database: Any
    ):
        kind, saver = type(frame), saver_for(key, type(frame))
        given = {"table_name": "rows", "db_connection": database, **plain}
        facts = saver.made(given).save_data(frame)
        assert facts["sql_metadata"]["table_name"] == "rows" and facts["sql_metadata"]["rows"] == 3
        with pytest.raises(ValueError, match="already exists"):
            saver.made(given).save_data(frame)
        saver.made({**given, **replacing}).save_data(frame)
        saver.made({**given, **appending}).save_data(frame)
        loader = loader_for(key, kind)
        whole, facts = loader.made({"query_or_table": "rows", "db_connection": database}).load_data(kind)
        assert len(whole) == 6 and list(whole.columns) == ["n", "x", "word"]
        assert facts["sql_metadata"]["table_name"] == "rows"
        query = "SELECT n, word FROM rows WHERE n > 2"
        some, facts = loader.made({"query_or_table": query, "db_connection": database}).load_data(kind)
        assert list(some["word"]) == ["ä", "ä"]
        assert facts["sql_metadata"]["query"] == query
        json.dumps(facts)

    def test_other_connections_see_what_was_written(self, tmp_path: Path):
        given = {"table_name": "rows", "db_connection": f"sqlite:///{tmp_path / 'a.db'}", "index": False}
        saver_for("sql", pd.DataFrame).made(given).save_data(PANDAS)
        connection = sqlite3.connect(tmp_path / "a.db")
        assert connection.execute("SELECT count(*) FROM rows").fetchone() == (3,)
        connection.close()

    def test_without_sqlalchemy_sqlite_is_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        connection = sqlite3.connect(tmp_path / "a.db")
        PANDAS.to_sql("rows", connection, index=False)
        connection.close()
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        given = {"query_or_table": "rows", "db_connection": f"sqlite:///{tmp_path / 'a.db'}"}
        assert len(loader_for("sql", pd.DataFrame).made(given).load_data(None)[0]) == 3

    def test_a_failure_leaves_the_old_table(self, tmp_path: Path):
        given = {"table_name": "rows", "db_connection": f"sqlite:///{tmp_path / 'a.db'}", "index": False, "if_exists": "replace"}
        saver = saver_for("sql", pd.DataFrame)
        saver.made(given).save_data(PANDAS)
        with pytest.raises(Exception, match="object|type|bind"):
            saver.made(given).save_data(pd.DataFrame({"n": [1, object()]}))
        query = {"query_or_table": "rows", "db_connection": given["db_connection"]}
        assert len(loader_for("sql", pd.DataFrame).made(query).load_data(None)[0]) == 3

    def test_a_kill_leaves_the_old_table(self, tmp_path: Path):
        """The child is killed after the old table was dropped and half of the new one was inserted."""
        given = {"table_name": "rows", "db_connection": f"sqlite:///{tmp_path / 'a.db'}", "index": False}
        saver_for("sql", pd.DataFrame).made(given).save_data(PANDAS)
        code = (
            "import os, signal, sys\nimport pandas as pd\nfrom anabranch.io import saver_for\n"
            "def half(table, connection, keys, rows):\n"
            "    connection.execute(table.table.insert(), [dict(zip(keys, row)) for row in list(rows)[:500]])\n"
            "    os.kill(os.getpid(), signal.SIGKILL)\n"
            "frame = pd.DataFrame({'n': range(1000)})\n"
            "given = dict(table_name='rows', db_connection=sys.argv[1], index=False, if_exists='replace', method=half)\n"
            "saver_for('sql', pd.DataFrame).made(given).save_data(frame)\n"
        )
        done = subprocess.run([sys.executable, "-c", code, given["db_connection"]], check=False)
        assert done.returncode == -9
        query = {"query_or_table": "rows", "db_connection": given["db_connection"]}
        pd.testing.assert_frame_equal(loader_for("sql", pd.DataFrame).made(query).load_data(None)[0], PANDAS, check_dtype=False)

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"query_or_table": "rows"}, "needs 'db_connection'"),
            ({"query_or_table": "rows", "db_connection": 3, "chunksize": 3}, "'sql' does not take chunks|has no field 'chunksize'"),
            ({"query_or_table": "rows", "db_connection": 3, "colums": 3}, "has no field 'colums'; did you mean 'columns'"),
        ],
    )
    def test_fields(self, fields: dict[str, Any], message: str):
        with pytest.raises(FlowError, match=message):
            loader_for("sql", pd.DataFrame).made(fields)

    def test_bad_connections(self):
        with pytest.raises(InputError, match="db_connection is no URL of a database"):
            loader_for("sql", pd.DataFrame).made({"query_or_table": "a", "db_connection": "nonsense"}).load_data(None)
        with pytest.raises(InputError, match="db_connection is a URL, an engine, or a connection, not int"):
            saver_for("sql", pd.DataFrame).made({"table_name": "a", "db_connection": 3}).save_data(PANDAS)

    def test_polars_names(self, tmp_path: Path):
        url = f"sqlite:///{tmp_path / 'a.db'}"
        saver_for("database", pl.DataFrame).made({"table_name": "rows", "connection": url}).save_data(POLARS)
        found = loader_for("database", pl.DataFrame).made({"query": "SELECT * FROM rows", "connection": url}).load_data(None)[0]
        assert found.equals(POLARS)


class TestPictures:
    def test_matplotlib(self, folder: str):
        matplotlib = pytest.importorskip("matplotlib")
        matplotlib.use("agg")
        from matplotlib.figure import Figure

        figure = Figure()
        figure.subplots().plot([1, 2])
        save("plt", figure, f"{folder}/a.png", dpi=30)
        assert load("file", bytes, f"{folder}/a.png").startswith(b"\x89PNG")
        save("plt", figure, f"{folder}/a.svg")
        assert "<svg" in load("file", str, f"{folder}/a.svg")

    def test_plotly_pages(self, folder: str):
        graph_objects = pytest.importorskip("plotly.graph_objects")
        figure = graph_objects.Figure(graph_objects.Scatter(y=[1, 2]))
        save("html", figure, f"{folder}/a.html", include_plotlyjs="cdn")
        assert "plotly" in load("file", str, f"{folder}/a.html").lower()

    def test_plotly_images(self, tmp_path: Path):
        graph_objects = pytest.importorskip("plotly.graph_objects")
        pytest.importorskip("kaleido")
        if not any(map(shutil.which, ("chromium", "google-chrome", "chrome"))):
            pytest.skip("kaleido needs a browser")
        save("plotly", graph_objects.Figure(graph_objects.Scatter(y=[1, 2])), tmp_path / "a.png")
        assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


class TestModels:
    def test_lightgbm(self, folder: str):
        lightgbm = pytest.importorskip("lightgbm")
        features, target = np.arange(200.0).reshape(100, 2), np.arange(100.0)
        data = lightgbm.Dataset(features, target)
        model = lightgbm.train({"verbose": -1, "num_threads": 1}, data, num_boost_round=3)
        check_facts(save("file", model, f"{folder}/model.txt"), f"{folder}/model.txt")
        found = load("lightgbm", lightgbm.Booster, f"{folder}/model.txt")
        np.testing.assert_allclose(found.predict(features), model.predict(features))

    def test_xgboost(self, folder: str):
        xgboost = pytest.importorskip("xgboost")
        features, target = np.arange(200.0).reshape(100, 2), np.arange(100.0)
        model = xgboost.train({"nthread": 1}, xgboost.DMatrix(features, target), num_boost_round=3)
        save("json", model, f"{folder}/model.json")
        found = load("json", xgboost.Booster, f"{folder}/model.json")
        np.testing.assert_allclose(found.predict(xgboost.DMatrix(features)), model.predict(xgboost.DMatrix(features)))
        assert "learner" in load("json", dict, f"{folder}/model.json")

    def test_mlflow(self, tmp_path: Path):
        mlflow = pytest.importorskip("mlflow")
        linear_model = pytest.importorskip("sklearn.linear_model")
        features = np.arange(6.0).reshape(3, 2)
        model = linear_model.LinearRegression().fit(features, [1, 2, 3])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its own
            mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
            mlflow.create_experiment("models", artifact_location=f"file://{tmp_path}/models")
            mlflow.set_experiment("models")
            facts = saver_for("mlflow", type(model)).made({"register_as": "line"}).save_data(model)["mlflow_metadata"]
            loader = loader_for("mlflow", Any)
            ways = [{"model_uri": facts["model_uri"]}, {"run_id": facts["run_id"]}, {"model_name": "line", "version": 1}]
            for way in ways:
                found, about = loader.made(way).load_data(Any)
                np.testing.assert_allclose(found.predict(features), [1, 2, 3])
                assert about["mlflow_metadata"]["flavor"] == "sklearn"
            with pytest.raises(InputError, match="mlflow has no flavour 'builtins'; say which with flavor="):
                saver_for("mlflow", dict).made({}).save_data({})
        with pytest.raises(InputError, match="'mlflow' loads a model that is named by model_uri, by run_id"):
            loader.made({})


KILLED = """
import os, signal, sys
import pandas as pd
from anabranch.io import saver_for

class Cell(str):
    pass

def half(value):  # called when the writer is in the middle of its rows
    os.kill(os.getpid(), signal.SIGKILL)

frame = pd.DataFrame({"n": range(200_000)})
frame.loc[199_999, "n"] = None
saver_for("csv", pd.DataFrame).made({"path": sys.argv[1], "float_format": lambda x: half(x) if x > 150_000 else str(x)}).save_data(frame)
"""


def test_a_kill_in_the_middle_of_a_library_leaves_the_old_file(tmp_path: Path):
    path = tmp_path / "a.csv"
    save("csv", PANDAS, path)
    before = path.read_bytes()
    done = subprocess.run([sys.executable, "-c", KILLED, path], check=False)
    assert done.returncode == -9
    assert path.read_bytes() == before
    assert len(os.listdir(tmp_path)) == 2


def test_the_path_may_be_called_as_the_library_calls_it(tmp_path):
    frame = pl.DataFrame({"x": [1, 2]})
    path = tmp_path / "x.parquet"
    saver_for("parquet", pl.DataFrame).made({"file": path}).save_data(frame)
    for loader, name in ((pl.DataFrame, "source"), (pl.DataFrame, "file"), (pl.LazyFrame, "file")):
        found, _ = loader_for("parquet", loader).made({name: path}).load_data(loader)
        assert found.lazy().collect().equals(frame)


def test_an_index_that_only_counts_is_no_column_of_a_csv_file(tmp_path):
    pandas = pytest.importorskip("pandas")
    saver = saver_for("csv", pandas.DataFrame).made({"path": str(tmp_path / "x.csv")})
    for index, given, expected in (
        (None, {}, "a\n1\n2\n"),
        (["x", "y"], {}, ",a\nx,1\ny,2\n"),
        (pandas.RangeIndex(2, name="row"), {}, "row,a\n0,1\n1,2\n"),
        (None, {"index": True}, ",a\n0,1\n1,2\n"),
    ):
        frame = pandas.DataFrame({"a": [1, 2]}, index=index)
        one = saver_for("csv", pandas.DataFrame).made({"path": str(tmp_path / "x.csv"), **given}) if given else saver
        one.save_data(frame)
        assert (tmp_path / "x.csv").read_text() == expected
