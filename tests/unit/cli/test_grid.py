"""Frames as tables of text."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pytest

from anabranch.cli.display import plain
from anabranch.cli.grid import column, grid_of


def lines(*texts):
    return "\n".join(texts)


def test_a_pandas_frame_with_an_index():
    frame = pd.DataFrame({"n": [1, 20], "x": [0.5, 12.25], "s": ["a\nb", None]}, index=pd.Index(["k", "long"], name="key"))
    assert grid_of(frame).plain() == lines(
        "key    n      x  s",
        "----  --  -----  ----",
        "k      1   0.50  a\\nb",
        f"long  20  12.25  {frame['s'].tolist()[1]}",
    )


def test_an_index_that_only_counts_from_zero_is_left_out():
    assert grid_of(pd.DataFrame({"n": [1]})).plain() == lines("n", "-", "1")
    assert grid_of(pd.DataFrame({"n": [1]}, index=range(1, 2))).plain() == lines("   n", "-  -", "1  1")


def test_series_and_polars():
    assert grid_of(pd.Series([1, 2], name="n")).plain() == lines("n", "-", "1", "2")
    assert grid_of(pl.DataFrame({"a": [1, None], "b": ["x", "y"]})).plain() == lines("   a  b", "----  -", "   1  x", "None  y")
    assert grid_of(pl.Series("n", [1.5])).plain() == lines("  n", "---", "1.5")


def test_empty_frames_keep_their_titles():
    assert grid_of(pd.DataFrame({"a": [], "b": []})).plain() == lines("a  b", "-  -")
    assert grid_of(pd.DataFrame()).plain() == "(no columns)"


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_of_many_rows_a_terminal_gets_the_first_and_the_last(make):
    grid = grid_of(make({"n": list(range(100))}), 5)
    assert grid.columns[0].cells == ("0", "1", "2", "98", "99")
    assert (grid.cut, grid.left_out) == (3, 95)


@pytest.mark.parametrize(
    ("values", "cells"),
    [
        ([1.0, 2.5], ("1.0", "2.5")),
        ([0.1 + 0.2, 1.0], ("0.3", "1.0")),
        ([1 / 3], ("0.333333",)),
        ([1e20, 1.0], ("1e+20", "1")),
        ([1e-9], ("1e-09",)),
        ([float("nan"), 1.0], ("NaN", "1.0")),
        ([float("inf")], ("inf",)),
        ([12345678.25], ("12345678.25",)),
        ([None, 2], ("None", "2")),
        ([True, False], ("True", "False")),
    ],
)
def test_numbers(values, cells):
    assert column("n", values).cells == cells


def test_wide_characters_count_double():
    frame = pd.DataFrame({"s": ["日本", "ab"], "n": [1, 2]})
    assert grid_of(frame).plain() == lines("s     n", "----  -", "日本  1", "ab    2")


def test_long_lists_are_whole_and_quick():
    assert plain(list(range(200_000))).endswith("199999]")
