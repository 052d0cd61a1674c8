from __future__ import annotations

import pickle
import typing

import pytest

from anabranch import Collect, Parallelizable, PerItem, Skip, Stream, associative, cross, zipped
from anabranch.markers import mark, marks_of


def module_level(x: int) -> int:
    """Twice."""
    return 2 * x


@pytest.mark.parametrize(
    ("decorator", "marks"), [(cross, {"join": "cross"}), (zipped, {"join": "zipped"}), (associative, {"associative": True})]
)
def test_a_decorator_leaves_a_mark_and_the_function_as_it_is(decorator, marks):
    def function(x):
        return x + 1

    decorated = decorator(function)
    assert decorated is function
    assert decorated(1) == 2
    assert marks_of(decorated) == marks


def test_marks_add_up_and_the_last_of_a_kind_wins():
    def function(x): ...

    assert marks_of(associative(cross(zipped(function)))) == {"join": "cross", "associative": True}


def test_marks_of_one_function_are_not_those_of_another():
    def first(): ...
    def second(): ...

    mark(first, tags={"a": 1})
    assert marks_of(second) == {}


def test_a_function_without_marks_has_an_empty_dict_that_nobody_shares():
    def bare(): ...

    marks_of(bare)["x"] = 1
    assert marks_of(bare) == {}


def test_a_marked_function_pickles_by_name():
    assert pickle.loads(pickle.dumps(cross(module_level))) is module_level


@pytest.mark.parametrize("marker", [Collect, Parallelizable, Stream])
def test_annotations_say_their_item_type(marker):
    assert typing.get_origin(marker[int]) is marker
    assert typing.get_args(marker[list[int]]) == (list[int],)
    assert typing.get_args(marker[marker[int]]) == (marker[int],)


def test_per_item_is_a_list():
    assert PerItem([1, 2]) == [1, 2]
    assert isinstance(PerItem(range(3)), list)


def test_skip_travels():
    assert pickle.loads(pickle.dumps(Skip("too old"))).args == ("too old",)
