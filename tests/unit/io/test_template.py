"""Paths with parts that are filled in: what they say, and that no value can lead elsewhere."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch import FlowError, InputError
from anabranch.io.template import Template


@dataclass
class Page:
    name: str
    tags: dict[str, Any]


class Colour(Enum):
    RED = "red"


def fill(source: str, item: tuple[int, ...] = (3,), free: Any = (), **values: Any) -> str:
    template = Template.parse(source).resolved(values.__contains__)
    assert set(template.names) <= set(values)
    return template.fill(values, item, frozenset(free))


@pytest.mark.parametrize(
    ("source", "values", "path"),
    [
        ("out/{item}.json", {}, "out/3.json"),
        ("out/{item:04d}.json", {}, "out/0003.json"),
        ("{root}/{page}.csv", {"root": "/data/in", "page": "a"}, "%2Fdata%2Fin/a.csv"),
        ("{page[name]}.csv", {"page": {"name": "x y"}}, "x y.csv"),
        ("{page.name}-{page.tags[k][0]}.csv", {"page": Page("ä", {"k": [7]})}, "ä-7.csv"),
        ("{a[0]}_{b:.2f}", {"a": ("x",), "b": 1.5}, "x_1.50"),
        ("{c}-{n}", {"c": Colour.RED, "n": np.int64(4)}, "red-4"),
        ("{file.stem}", {"file": Path("/a/b.txt")}, "b"),
        ("{file}", {"file": Path("a/b")}, "a%2Fb"),
        ("{{x}}/{item}", {}, "{x}/3"),
    ],
)
def test_filled(source: str, values: Any, path: str):
    assert fill(source, **values) == path


def test_items():
    assert fill("{item}", (1, 20)) == "1-20"
    assert fill("{item[0]}/{item[1]:03d}", (1, 20)) == "1/020"
    with pytest.raises(InputError, match="has 'item.1.', but the item has 1 index"):
        fill("{item[1]}", (1,))


def test_the_folder_of_all():
    assert fill("{root}/{page}", free=["root"], root="/data/in", page="/etc") == "/data/in/%2Fetc"
    assert fill("x/{root}/{page}", free=["root"], root="../in", page="a") == "x/%2E.%2Fin/a"


def test_the_longest_known_name():
    template = Template.parse("{a.b.c}").resolved({"a", "a.b"}.__contains__)
    assert template.names == ("a.b",)


@pytest.mark.parametrize("value", ["../x", "..", ".", ".hidden", "/etc/passwd", "a/../../b", "C:\\x", "a\0b", "a\nb", "%2F"])
def test_no_value_leads_elsewhere(value: str):
    made = fill("out/{v}", v=value)
    folder, name = made.split("/", 1)
    assert folder == "out"
    assert "/" not in name and "\\" not in name and "\0" not in name
    assert not name.startswith(".")


@given(st.text(min_size=1, max_size=5), st.text(min_size=1, max_size=5))
def test_different_values_have_different_names(one: str, other: str):
    assert (fill("out/{v}", v=one) == fill("out/{v}", v=other)) is (one == other)


@pytest.mark.parametrize("source", ["{", "{}", "{0}", "{a!r}", "{a:{b}}", "{a-b}", "a}"])
def test_what_is_no_template(source: str):
    with pytest.raises(FlowError, match="double the braces"):
        Template.parse(source)


@pytest.mark.parametrize(
    ("source", "values", "message"),
    [
        ("{page[nme]}", {"page": {"name": "a"}}, r"has '\{page\[nme\]\}', which is not there \(KeyError"),
        ("{page.nme}", {"page": Page("a", {})}, "which is not there .AttributeError"),
        ("{page}", {"page": Page("a", {})}, "which is a value of type Page; name a field"),
        ("{page}", {"page": None}, "a value of type NoneType"),
        ("{page}", {"page": ""}, "which is empty"),
    ],
)
def test_what_cannot_be_filled_in(source: str, values: Any, message: str):
    with pytest.raises(InputError, match=message):
        fill(source, **values)
