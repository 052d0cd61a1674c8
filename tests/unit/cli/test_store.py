"""Results as files."""

from __future__ import annotations

import json
import os
import pickle
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pytest

from anabranch.cli.store import stores_of
from anabranch.errors import InputError


class Row(NamedTuple):
    a: int
    b: str


@dataclass
class Record:
    a: int
    b: str


def save(path, value):
    (store,) = stores_of([f"out={path}"])
    store.save(value)
    assert os.listdir(path.parent) == [path.name]  # nothing is left beside it
    return path


FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})


def test_json(tmp_path):
    assert json.loads(save(tmp_path / "o.json", {"a": FRAME}).read_text()) == {"a": FRAME.to_dict("records")}


@pytest.mark.parametrize(
    "value",
    [
        FRAME,
        pl.DataFrame(FRAME.to_dict("list")),
        FRAME.to_dict("records"),
        [Row(1, "x"), Row(2, "y")],
        [Record(1, "x"), Record(2, "y")],
    ],
    ids=lambda value: type(value).__name__,
)
def test_csv(tmp_path, value):
    assert save(tmp_path / "o.csv", value).read_text() == "a,b\n1,x\n2,y\n"


def test_csv_keeps_an_index_that_says_something(tmp_path):
    assert save(tmp_path / "o.csv", FRAME.set_index("b")).read_text() == "b,a\nx,1\ny,2\n"


@pytest.mark.parametrize("value", [FRAME, pl.DataFrame(FRAME.to_dict("list"))], ids=["pandas", "polars"])
def test_parquet(tmp_path, value):
    assert pl.read_parquet(save(tmp_path / "o.parquet", value)).to_dicts() == FRAME.to_dict("records")


def test_series_become_one_column(tmp_path):
    assert pl.read_parquet(save(tmp_path / "o.parquet", pl.Series("n", [1, 2]))).to_dicts() == [{"n": 1}, {"n": 2}]
    os.remove(tmp_path / "o.parquet")
    assert save(tmp_path / "o.csv", FRAME["a"]).read_text() == "a\n1\n2\n"


def test_pkl_txt_npy(tmp_path):
    for folder in "abc":
        (tmp_path / folder).mkdir()
    assert pickle.loads(save(tmp_path / "a" / "o.pkl", {1: Row(1, "x")}).read_bytes()) == {1: Row(1, "x")}
    assert save(tmp_path / "b" / "o.txt", "text").read_text() == "text\n"
    assert np.load(save(tmp_path / "c" / "o.npy", [[1, 2], [3, 4]])).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("o.json", {"a": object()}, "builtins.object has no JSON form"),
        ("o.csv", 3, "csv holds a frame"),
        ("o.csv", [{"a": 1}, {"b": 1}], "csv holds a frame"),
        ("o.csv", [], "csv holds a frame"),
        ("o.parquet", [1], "parquet holds a frame, not list"),
        ("o.parquet", pd.DataFrame({"a": [object()]}), "cannot be saved as"),
        ("o.pkl", lambda: 1, "cannot be pickled"),
        ("o.npy", {"a": 1}, "no array of numbers"),
    ],
)
def test_what_does_not_fit_leaves_the_old_file_alone(tmp_path, name, value, says):
    path = tmp_path / name
    path.write_text("old")
    with pytest.raises(InputError, match="output 'out' cannot be saved as") as caught:
        save(path, value)
    assert says in str(caught.value)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == [name]


def test_a_link_stays_a_link_and_modes_follow_the_umask(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link.txt").symlink_to(tmp_path / "real" / "o.txt")
    (store,) = stores_of([f"out={tmp_path / 'link.txt'}"])
    store.save("x")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real" / "o.txt").read_text() == "x\n"
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "real" / "o.txt").stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (["out"], "--save takes output=path, not 'out'"),
        (["out="], "--save takes output=path"),
        (["out=o.jsn"], "'o.jsn' has no known suffix; did you mean '.json'?"),
        (["out=o"], "'o' has no known suffix; there are .json, .csv"),
        (["out=none/o.json"], "there is no folder 'none' for 'o.json'"),
        (["a=o.json", "b=./o.json"], "--save writes 'o.json' twice: 'a' and 'b'"),
        (["a=folder.json"], "'folder.json' cannot be written"),
    ],
)
def test_what_is_known_before_the_run(tmp_path, monkeypatch, texts, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(InputError) as caught:
        stores_of(texts)
    assert says in str(caught.value)


def test_one_output_may_go_to_several_files(tmp_path):
    assert len(stores_of([f"out={tmp_path / 'a.json'}", f"out={tmp_path / 'a.csv'}"])) == 2


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_types_that_surely_do_not_fit(tmp_path, suffix):
    (store,) = stores_of([f"out={tmp_path / 'a'}{suffix}"])
    with pytest.raises(InputError, match="holds tables, and it is int"):
        store.check(int)
    store.check(pd.DataFrame)
