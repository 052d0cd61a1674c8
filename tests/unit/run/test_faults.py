"""What the run does about calls that come to nothing, turned by hand."""

from __future__ import annotations

import pytest
from hand import Hand

from anabranch import Collect, ItemsFailed, Parallelizable, associative


def x(n: int) -> Parallelizable[int]:
    yield from range(n)


def y(x: int) -> int:
    return x * x


def total(y: Collect[int]) -> int:
    return sum(y)


# -- what is shared ------------------------------------------------------------------------------------------------


def test_what_an_open_item_shared_is_forgotten_when_it_is_done():
    def inner(x: int) -> Parallelizable[int]:
        return [x] * 3

    def leaf(inner: int, x: int) -> int:
        return inner + x

    hand = Hand(x, inner, leaf, outputs=["x", "leaf"], inputs={"n": 3}).to_the_end()
    assert hand.results() == {"x": [0, 1, 2], "leaf": [[0] * 3, [2] * 3, [4] * 3]}
    assert {value.key for value in hand.holder.shared} == hand.holder.forgotten != set()


# -- failures ------------------------------------------------------------------------------------------------------


def test_a_collector_that_fails_for_every_part_has_failed_once():
    @associative
    def bad(y: Collect[int]) -> int:
        raise LookupError(len(y))

    hand = Hand(x, y, bad, outputs=["bad"], inputs={"n": 9}, on_error="finish").to_the_end()
    assert [(failure.node, failure.item) for failure in hand.run.failures] == [("bad", ())]
    with pytest.raises(ItemsFailed, match="a function failed: LookupError in 'bad'"):
        hand.results()
