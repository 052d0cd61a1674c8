"""The fan-out algebra on names alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch import FlowError
from anabranch.graph import Node
from anabranch.graph.axes import is_subsequence, join

AB, ABC, A, B, C, NONE = ("a", "b"), ("a", "b", "c"), ("a",), ("b",), ("c",), ()


def node(kind=None):
    return Node("n", lambda: None, (), int, join=kind, origin="f.py:1")


def joined(kind, *axes):
    own, along = join(node(kind), [(f"p{n}", one) for n, one in enumerate(axes)])
    return own, along


@pytest.mark.parametrize(
    ("part", "whole", "is_part"),
    [
        (NONE, NONE, True),
        (NONE, AB, True),
        (A, AB, True),
        (B, AB, True),
        (AB, AB, True),
        (AB, A, False),
        (("b", "a"), AB, False),
        (C, AB, False),
        (("a", "c"), ABC, True),
    ],
)
def test_is_subsequence(part, whole, is_part):
    assert is_subsequence(part, whole) is is_part


@pytest.mark.parametrize("kind", [None, "cross", "zipped"])
@pytest.mark.parametrize(
    ("axes", "own"),
    [
        ([], NONE),
        ([NONE], NONE),
        ([A], A),
        ([NONE, A], A),
        ([A, AB], AB),
        ([AB, A, B, NONE], AB),
        ([A, A], A),
        ([("a", "c"), ABC], ABC),
    ],
)
def test_one_chain_needs_no_decorator_and_none_changes_it(kind, axes, own):
    assert joined(kind, *axes) == (own, axes)


@pytest.mark.parametrize(
    ("axes", "own"),
    [
        ([A, B], AB),
        ([B, A], ("b", "a")),
        ([A, NONE, B], AB),
        ([AB, ("a", "c")], ABC),
        ([A, B, C], ABC),
        ([AB, C], ABC),
        ([C, AB], ("c", "a", "b")),
    ],
)
def test_crossed_axes_are_the_ordered_union(axes, own):
    assert joined("cross", *axes) == (own, axes)


def test_crossing_against_the_order_of_an_earlier_parameter_is_refused():
    with pytest.raises(
        FlowError, match=r"'n' \(f.py:1\): parameter 'p1' is crossed as 'b' × 'a', the parameters before it as 'a' × 'b'"
    ):
        joined("cross", AB, ("b", "a"))


@pytest.mark.parametrize(
    ("axes", "own", "along"),
    [
        ([A, B], A, [A, A]),
        ([B, A], B, [B, B]),
        ([A, B, C], A, [A, A, A]),
        ([A, NONE, B], A, [A, NONE, A]),
        ([AB, ("a", "c")], AB, [AB, AB]),
        ([AB, A, ("a", "c")], AB, [AB, A, AB]),
        ([A, ("a", "c"), AB], ("a", "c"), [A, ("a", "c"), ("a", "c")]),
    ],
)
def test_zipped_axes_run_along_the_first(axes, own, along):
    assert joined("zipped", *axes) == (own, along)


@pytest.mark.parametrize("axes", [[AB, C], [A, ("b", "c")], [ABC, ("a", "d")], [("a", "b"), ("c", "b")]])
def test_zipping_needs_parameters_that_differ_in_the_last_axis_only(axes):
    with pytest.raises(
        FlowError, match=r"'n' \(f.py:1\): @zipped joins parameters that differ in one axis, the last; here are 'p0'"
    ):
        joined("zipped", *axes)


@pytest.mark.parametrize(
    ("axes", "named"), [([A, B], ("p0", "p1")), ([NONE, A, NONE, B], ("p1", "p3")), ([A, AB, ("a", "c")], ("p1", "p2"))]
)
def test_independent_axes_name_the_two_that_do_not_meet(axes, named):
    with pytest.raises(FlowError) as caught:
        joined(None, *axes)
    assert f"'n' (f.py:1): parameters '{named[0]}' and '{named[1]}' come from independent fan-outs" in str(caught.value)


names = st.lists(st.sampled_from("abcd"), unique=True, max_size=4).map(tuple)


@given(st.lists(names, max_size=4), st.sampled_from([None, "cross", "zipped"]))
def test_whatever_is_joined_indexes_every_parameter_within_the_nodes_own_axes(axes, kind):
    try:
        own, along = joined(kind, *axes)
    except FlowError:
        return
    assert len(set(own)) == len(own)
    assert [len(one) for one in along] == [len(one) for one in axes]
    assert all(is_subsequence(one, own) for one in along)
    if kind != "zipped":
        assert along == axes
        assert set(own) == {axis for one in axes for axis in one}
