"""Inputs and config of the command line."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from anabranch.cli.inputs import config_of, inputs_of, pairs_of
from anabranch.errors import InputError
from anabranch.graph import Graph, module_from_functions


def load(root: Path, limit: int = 5) -> str: ...
def ratio(limit: float) -> float: ...
def when(day: date) -> str: ...
def free(thing: Any, other) -> str: ...
def one(both: int) -> int: ...
def two(both: str) -> str: ...
def three(loose: int | str) -> str: ...
def four(loose: str) -> str: ...


GRAPH = Graph.from_modules([module_from_functions(load, ratio, when, free, one, two, three, four)], {"region": "eu"})


def test_values_take_the_type_of_their_readers():
    values = inputs_of(GRAPH, ["root=a/b", "limit=3", "day=2024-01-02", "thing=[1]", "other=x=y", "region=us"])
    assert values == {
        "root": Path("a/b"), "limit": 3, "day": date(2024, 1, 2), "thing": [1], "other": "x=y", "region": "us",
    }  # fmt: skip


def test_the_reading_that_fits_all_readers_wins():
    assert inputs_of(GRAPH, ["loose=5"]) == {"loose": "5"}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("limit=x", ["input 'limit': 'x' is not int", "'load' (", "test_inputs.py:"]),
        ("day=soon", ["'soon' is not date (Invalid isoformat string: 'soon')", "'when'"]),
        ("both=x", ["'x' is not int", "'one'"]),
        ("both=1", ["'1' cannot fit all that read it", "'one'", "takes int", "'two'", "takes str"]),
        ("rot=x", ["unknown input 'rot'; did you mean 'root'?"]),
        ("ratio=2", ["input 'ratio' is a function", "test_inputs.py:"]),
        ("limit", ["-i takes name=value, not 'limit'"]),
        ("=3", ["-i takes name=value"]),
    ],
)
def test_what_does_not_fit_is_said(text, parts):
    with pytest.raises(InputError) as caught:
        inputs_of(GRAPH, [text])
    for part in parts:
        assert part in str(caught.value)


def test_a_name_comes_once(tmp_path):
    with pytest.raises(InputError, match="-c gives 'a' twice: '1' and '2'"):
        pairs_of("-c", ["a=1", "a=2"])
    file = tmp_path / "in.json"
    file.write_text('{"limit": 3}')
    with pytest.raises(InputError, match="'limit' is given twice: with -i and in"):
        inputs_of(GRAPH, ["limit=4"], file)


def test_config_is_json_or_text():
    assert config_of(["a=1", "b=true", "c=eu", "d=[1]", 'e="1"']) == {"a": 1, "b": True, "c": "eu", "d": [1], "e": "1"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("in.json", '{"root": "r", "limit": 2, "day": "2024-01-02"}'),
        ("in.yaml", "root: r\nlimit: 2\nday: 2024-01-02\n"),
        ("in.yml", "{root: r, limit: 2, day: '2024-01-02'}"),
        ("in.toml", 'root = "r"\nlimit = 2\nday = 2024-01-02\n'),
    ],
)
def test_files_of_inputs(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    expected = {"root": Path("r"), "limit": 2, "day": date(2024, 1, 2)}
    assert inputs_of(GRAPH, [], tmp_path / name) == expected


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("in.json", "{", "is no JSON: Expecting"),
        ("in.yaml", "a: [", "is no YAML: "),
        ("in.toml", "a = ", "is no TOML: "),
        ("in.json", "[1]", "must hold one object"),
        ("in.yaml", "1: 2", "must hold one object"),
        ("in.ini", "", "takes a .json, .yaml or .toml file"),
        ("none.json", None, "cannot be read: No such file"),
        ("in.json", '{"rot": 1}', "unknown input 'rot'; did you mean 'root'?"),
        ("in.json", '{"limit": "3"}', "'3' is not int"),
        ("in.json", '{"limit": [3]}', "[3] is not int"),
    ],
)
def test_files_that_are_wrong(tmp_path, name, text, says):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError) as caught:
        inputs_of(GRAPH, [], tmp_path / name)
    assert says in str(caught.value)


def test_an_empty_yaml_file_gives_nothing(tmp_path):
    (tmp_path / "in.yaml").write_text("")
    assert inputs_of(GRAPH, [], tmp_path / "in.yaml") == {}
