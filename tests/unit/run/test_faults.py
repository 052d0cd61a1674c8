"""What the run does about calls that come to nothing, turned by hand."""

from __future__ import annotations

import pytest
from hand import Hand

from anabranch import Collect, ItemsFailed, Parallelizable, TransferError, WorkerLost, associative, on_error
from anabranch.executor import CallFailed, Reference


def x(n: int) -> Parallelizable[int]:
    yield from range(n)


def y(x: int) -> int:
    return x * x


def total(y: Collect[int]) -> int:
    return sum(y)


class Far(Reference):
    """A value that lives elsewhere."""

    def __init__(self, value):
        self.value = value

    def fetch(self):
        return self.value


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


def listed(hand):
    """The call that makes one list of an open item's parts."""
    while True:
        found = [call for call in hand.out.values() if call.code.name == "join"]
        if found:
            return found[0]
        hand.back(far=Far)


def nested(**faults):
    def inner(x: int) -> Parallelizable[int]:
        return [x] * 3

    def leaf(inner: int) -> int:
        return inner

    return Hand(x, inner, leaf, outputs=["leaf"], inputs={"n": 2}, **faults)


@pytest.mark.parametrize("how", ["lost", "unsent"])
def test_a_list_that_cannot_be_made_is_the_failure_of_its_item(how):
    hand = nested(on_error="skip", deaths=1)
    call = listed(hand)
    where = hand.run.trips[call.id].errand.frame.where
    if how == "lost":
        hand.lose(call)
    else:
        hand.tell(CallFailed(call.id, TransferError("drawn")))
    hand.to_the_end(far=Far)
    assert hand.results() == {"leaf": [[1 - where[0]] * 3]}
    (failure,) = hand.run.failures
    assert (failure.node, failure.item) == ("leaf", where)
    assert "the list of what 'leaf' gave" in str(failure.exception) or how == "unsent"


def test_by_default_it_ends_the_run():
    hand = nested(deaths=1)
    hand.lose(listed(hand))
    with pytest.raises(WorkerLost, match="died while it ran the list of what 'leaf' gave"):
        hand.results()


# -- what does not travel ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("policy", "ends"), [("finish", False), ("raise", True)])
def test_a_call_that_does_not_travel_goes_by_the_functions_policy(policy, ends):
    @on_error(policy)
    def one(n: int) -> int:
        return n

    def two(n: int) -> int:
        return n

    hand = Hand(one, two, outputs=["one", "two"], inputs={"n": 2}, on_error="raise" if policy == "finish" else "finish")
    call = next(call for call in hand.out.values() if call.code.name == "one")
    hand.tell(CallFailed(call.id, TransferError("drawn")))
    assert hand.run.stopped is ends
    hand.to_the_end()
    with pytest.raises(TransferError if ends else ItemsFailed, match="drawn"):
        hand.results()


def test_what_no_item_could_travel_with_ends_the_run_whatever_the_policy():
    hand = Hand(x, y, total, outputs=["total"], inputs={"n": 9}, on_error="skip")
    error = TransferError("the function of 'y' cannot be sent", whole=True)
    hand.tell(CallFailed(hand.at(0).id, error))
    assert hand.run.stopped
    assert hand.run.error is error
