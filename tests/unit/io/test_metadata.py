"""Facts about files, frames and queries, as plain data."""

import json
from pathlib import Path
from typing import Any

import dask.dataframe as dd
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from anabranch.io import utils

PANDAS = pd.DataFrame({"n": [1, 2], 3: ["a", "b"]})


@pytest.mark.parametrize(
    ("frame", "type_", "rows", "names"),
    [
        (PANDAS, "DataFrame", 2, ["n", "3"]),
        (PANDAS["n"], "Series", 2, ["n"]),
        (pl.DataFrame({"n": [1, 2]}), "DataFrame", 2, ["n"]),
        (pl.LazyFrame({"n": [1, 2]}), "LazyFrame", None, ["n"]),
        (pl.Series("n", [1, 2]), "Series", 2, ["n"]),
        (pa.table({"n": [1, 2]}), "Table", 2, ["n"]),
        (dd.from_pandas(PANDAS[["n"]], npartitions=1), "DataFrame", None, ["n"]),
    ],
    ids=lambda value: f"{type(value).__module__.partition('.')[0]}-{type(value).__name__}",
)
def test_frames(frame: Any, type_: str, rows: int | None, names: list[str]):
    facts = utils.get_dataframe_metadata(frame)["dataframe_metadata"]
    assert facts["type"].endswith(type_)
    assert (facts["rows"], facts["columns"], facts["column_names"]) == (rows, len(names), names)
    assert facts["datatypes"][0].lower() == "int64"
    json.dumps(facts)


def test_arrays_and_lists():
    assert utils.get_dataframe_metadata(np.zeros((2, 3)))["dataframe_metadata"]["shape"] == [2, 3]
    facts = utils.get_dataframe_metadata([1, 2, 3])["dataframe_metadata"]
    assert facts == {"type": "list", "rows": 3, "__version__": "1.0.0"}
    assert utils.get_dataframe_metadata(3)["dataframe_metadata"]["rows"] is None


def test_files(tmp_path: Path):
    (tmp_path / "a.txt").write_text("abc")
    facts = utils.get_file_metadata(tmp_path / "a.txt")["file_metadata"]
    assert facts["path"] == str(tmp_path / "a.txt")
    assert facts["size"] == 3
    assert 0 <= facts["timestamp"] - facts["last_modified"] < 60
    both = utils.get_file_and_dataframe_metadata(str(tmp_path / "a.txt"), PANDAS)
    assert list(both) == ["file_metadata", "dataframe_metadata"]
    none = utils.get_file_metadata(tmp_path / "b.txt")["file_metadata"]
    assert (none["size"], none["last_modified"]) == (None, None)
    assert "FileNotFoundError" in none["notes"]
    assert facts["notes"] == ""


def test_queries():
    assert utils.get_sql_metadata("rows", PANDAS)["sql_metadata"]["table_name"] == "rows"
    facts = utils.get_sql_metadata("SELECT 1", 5)["sql_metadata"]
    assert (facts["query"], facts["table_name"], facts["rows"]) == ("SELECT 1", None, 5)
