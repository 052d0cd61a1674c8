"""Values as JSON documents."""

from __future__ import annotations

import collections
import enum
import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pytest

from anabranch.cli.document import Unwritable, document, dump


class Color(enum.Enum):
    RED = "r"
    PAIR = (1, 2)


class Point(NamedTuple):
    x: int
    where: Path


@dataclass
class Line:
    ends: list[Point]


named = pd.DataFrame({"n": [1, 2], "x": [0.5, None]}, index=pd.Index(["a", "b"], name="key"))

FORMS = [
    (None, None),
    (True, True),
    (3, 3),
    (2.5, 2.5),
    (float("nan"), None),
    (float("inf"), "Infinity"),
    (float("-inf"), "-Infinity"),
    ("ä", "ä"),
    (b"\x00\xff", "AP8="),
    (Path("a/b"), "a/b"),
    (Decimal("1.10"), "1.10"),
    (date(2024, 1, 2), "2024-01-02"),
    (datetime(2024, 1, 2, 3), "2024-01-02T03:00:00"),  # noqa: DTZ001
    (timedelta(minutes=1), 60.0),
    (Color.RED, "r"),
    (Color.PAIR, "PAIR"),
    (Point(1, Path("p")), {"x": 1, "where": "p"}),
    (Line([Point(1, Path("p"))]), {"ends": [{"x": 1, "where": "p"}]}),
    ({3, 20, 1}, [1, 3, 20]),
    ({1, "a"}, ["a", 1]),
    ((1, (2,)), [1, [2]]),
    (range(3), [0, 1, 2]),
    (collections.deque([1]), [1]),
    (MappingProxyType({"a": {1}}), {"a": [1]}),
    ({1: 2, None: 3, False: 4, date(2024, 1, 1): 5}, {"1": 2, "null": 3, "false": 4, "2024-01-01": 5}),
    ({Color.RED: 1, Path("p"): 2, np.int64(7): 3}, {"r": 1, "p": 2, "7": 3}),
    (np.int64(3), 3),
    (np.float32(0.5), 0.5),
    (np.bool_(True), True),
    (np.str_("s"), "s"),
    (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    (np.array([np.nan, 1.0]), [None, 1.0]),
    (np.array(["2024-01-01", "NaT"], dtype="datetime64[ns]"), ["2024-01-01T00:00:00.000000000", None]),
    (pd.DataFrame({"a": [1, 2], "b": ["x", None]}), [{"a": 1, "b": "x"}, {"a": 2, "b": None}]),
    (named, [{"key": "a", "n": 1, "x": 0.5}, {"key": "b", "n": 2, "x": None}]),
    (pd.DataFrame({"t": pd.to_datetime(["2024-01-01", None])}), [{"t": "2024-01-01T00:00:00"}, {"t": None}]),
    (pd.DataFrame({"n": pd.array([1, None], dtype="Int64")}), [{"n": 1}, {"n": None}]),
    (pd.DataFrame({"a": []}), []),
    (pd.DataFrame(index=range(2)), [{}, {}]),
    (pd.Series([1, 2]), [1, 2]),
    (named["n"], [{"key": "a", "n": 1}, {"key": "b", "n": 2}]),
    (pd.NaT, None),
    (pd.NA, None),
    (pl.DataFrame({"a": [1, None], "d": [date(2024, 1, 1), None]}), [{"a": 1, "d": "2024-01-01"}, {"a": None, "d": None}]),
    (pl.Series([1.0, float("nan")]), [1.0, None]),
    ({"deep": [named]}, {"deep": [[{"key": "a", "n": 1, "x": 0.5}, {"key": "b", "n": 2, "x": None}]]}),
]


@pytest.mark.parametrize(("value", "form"), FORMS, ids=lambda value: type(value).__name__)
def test_forms(value, form):
    made = document(value)
    assert made == form
    assert json.loads(dump(made)) == form


def cyclic():
    value: list = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (object(), "builtins.object has no JSON form"),
        ([lambda: 1], "builtins.function has no JSON form"),
        (iter([1]), "list_iterator"),
        (1j, "builtins.complex"),
        ({(1, 2): 3}, "a key of type tuple"),
        ({1: 2, "1": 3}, "two keys are written '1'"),
        (cyclic(), "contains itself"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two of its columns have one name"),
        (pd.DataFrame({"a": [1]}, index=pd.Index([1], name="a")), "its index cannot become a column"),
        (pl.DataFrame({"a": [1]}).lazy(), "LazyFrame"),
    ],
)
def test_what_has_no_form_is_said(value, says):
    with pytest.raises(Unwritable) as caught:
        document(value)
    assert says in str(caught.value)


def test_lone_surrogates_survive_a_utf8_stream():
    text = dump({"name": "a\udc80"}).encode("utf-8", "backslashreplace")
    assert json.loads(text) == {"name": "a\udc80"}
