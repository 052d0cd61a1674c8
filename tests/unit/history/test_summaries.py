"""Summaries say what a value was, cost little, and leave what is the user's own alone."""

from __future__ import annotations

import json
import math
from datetime import date
from pathlib import PurePosixPath

import pytest

from anabranch.history.summaries import LETTERS, brief, summary_of, weight_of


class Wild:
    """Nobody may look at it."""

    def __repr__(self):
        raise AssertionError("repr was called")

    __str__ = __eq__ = __len__ = __repr__
    __hash__ = None


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (3, {"type": "int", "text": "3"}),
        (None, {"type": "NoneType", "text": "None"}),
        ("<b>", {"type": "str", "shape": [3], "text": "<b>"}),
        (b"ab", {"type": "bytes", "shape": [2], "text": "2 bytes"}),
        (date(2024, 1, 2), {"type": "datetime.date", "text": "2024-01-02"}),
        (PurePosixPath("/a"), {"type": "pathlib.PurePosixPath", "text": "/a"}),
        ([], {"type": "list", "shape": [0], "elements": {}, "preview": []}),
        (["a", "b", 1], {"type": "list", "shape": [3], "elements": {"str": 2, "int": 1}, "preview": ["a", "b", "1"]}),
        ({"a": [1, 2]}, {"type": "dict", "shape": [1], "preview": ["a: list of 2: 1, 2"]}),
    ],
)
def test_plain_values(value, want):
    assert summary_of(value) == want


def test_numbers_have_figures():
    made = summary_of([1, 2.0, 3, math.nan, math.inf])
    assert made["figures"] == {"missing": 2, "min": 1.0, "max": 3.0, "mean": 2.0, "spread": pytest.approx(math.sqrt(2 / 3))}
    assert made["looked_at"] == 5


def test_objects_are_left_alone():
    name = f"{Wild.__module__}.Wild"
    assert summary_of(Wild()) == {"type": name}
    assert summary_of([Wild(), {"x": Wild()}])["preview"] == [f"<{name}>", f"dict of 1: x: <{name}>"]
    assert weight_of(Wild()) == 64


def test_long_things_are_cut():
    assert len(brief("x" * 10_000)) == LETTERS
    assert len(json.dumps(summary_of([["y" * 1000] * 50] * 50))) < 6000
    deep = []
    for _ in range(1000):
        deep = [deep]
    assert len(brief(deep)) < 300


def test_arrays():
    numpy = pytest.importorskip("numpy")
    made = summary_of(numpy.array([[1.0, numpy.nan], [3.0, 5.0]]))
    assert (made["shape"], made["dtype"], made["bytes"]) == ([2, 2], "float64", 32)
    assert made["figures"] == {"missing": 1, "min": 1.0, "max": 5.0, "mean": 3.0, "spread": pytest.approx(1.632993)}
    assert made["preview"] == ["1.0", "nan", "3.0", "5.0"]
    assert "figures" not in summary_of(numpy.array(["a", "b"]))
    assert summary_of(numpy.zeros((3, 4)).T)["shape"] == [4, 3]
    assert summary_of(numpy.array(7))["preview"] == ["7"]
    assert summary_of(numpy.float32(2.5))["text"] == "2.5"
    assert summary_of(numpy.array([Wild()], dtype=object))["preview"] == [f"<{Wild.__module__}.Wild>"]


def test_pandas_frames():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"n": [1, 2, 3], "<i>": ["a", None, "c"], "w": [Wild(), Wild(), Wild()]})
    made = summary_of(frame)
    assert made["shape"] == [3, 3]
    assert made["columns"][0] == {"name": "n", "dtype": "int64", "missing": 0, "min": 1.0, "max": 3.0, "mean": 2.0, "spread": pytest.approx(0.816496)}
    assert made["columns"][1]["name"] == "<i>" and made["columns"][1]["missing"] == 1
    assert made["preview"][0] == ["1", "a", f"<{Wild.__module__}.Wild>"]
    assert summary_of(pandas.Series([1.5, 2.5], name="s"))["columns"][0]["name"] == "s"
    assert summary_of(pandas.DataFrame())["shape"] == [0, 0]
    assert summary_of(pandas.DataFrame({"b": pandas.array([True, None], dtype="boolean")}))["columns"][0]["missing"] == 1


def test_polars_frames():
    polars = pytest.importorskip("polars")
    made = summary_of(polars.DataFrame({"n": [1, None, 3], "t": ["a", "b", "c"]}))
    assert made["columns"][0] == {"name": "n", "dtype": "Int64", "missing": 1, "min": 1.0, "max": 3.0, "mean": 2.0, "spread": 1.0}
    assert made["preview"][1] == ["None", "b"]
    assert summary_of(polars.Series("s", [1]))["shape"] == [1, 1]


def test_arrow_tables():
    pyarrow = pytest.importorskip("pyarrow")
    made = summary_of(pyarrow.table({"n": [1, 2]}))
    assert (made["shape"], made["columns"]) == ([2, 1], [{"name": "n", "dtype": "int64"}])


def test_all_of_it_is_json():
    numpy = pytest.importorskip("numpy")
    for value in (numpy.arange(5), [1, 2], {"a": numpy.int64(3)}, {1, 2}, 1j, numpy.array([], dtype=float)):
        json.dumps(summary_of(value))


def test_previews_can_be_left_out():
    assert summary_of([1, 2], preview=False).keys() == {"type", "shape", "elements", "figures", "looked_at"}
    assert summary_of("secret", preview=False) == {"type": "str", "shape": [6]}
