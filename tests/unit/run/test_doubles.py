"""Second copies of spans that take too long: when one starts, which answer counts, and what becomes of the other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anabranch import Builder, Collect, Parallelizable, module_from_functions, pure
from anabranch.driver import kinds_of, slots_of
from anabranch.engine import perform_here
from anabranch.events import CopyWon, SpanDoubled
from anabranch.executor import CallLost
from anabranch.plan import make_plan
from anabranch.policies import Faults
from anabranch.report import Report
from anabranch.testing.invariants import WatchedRun, check
from anabranch.testing.stepped import Stepped


def item(n: int) -> Parallelizable[int]:
    yield from range(n)


@pure
def square(item: int) -> int:
    return item * item


def effect(item: int) -> int:
    return item * item


def rows(square: Collect[int]) -> list[int]:
    return square


def effects(effect: Collect[int]) -> list[int]:
    return effect


class Hand:
    """A run of two slots, turned by hand, whose last item is out while all others have come back."""

    def __init__(self, output="rows", n=8, **faults):
        graph = Builder().with_modules(module_from_functions(item, square, effect, rows, effects)).build().graph
        plan = make_plan(graph, (output,), ("n",), *kinds_of({}))
        given = slots_of(graph, plan, {"n": n}, {})
        run = WatchedRun(plan.root, given, slots=2, credit=2, faults=Faults(**faults), policies=plan.policies)
        self.events, self.output = [], output
        self.engine, self.run = Stepped(plan, run, self.events.append), run
        self.engine.fill()
        while self.straggler is None:
            self.answer(min(self.engine.out))

    @property
    def straggler(self):
        """The only call that is out, if it is the last."""
        (first, *others) = self.engine.out
        errand = self.run.board.errand(first)
        return first if not others and self.engine.delayed and errand is not None else None

    def answer(self, number, seconds=1.0):
        self.engine.tell(replace(perform_here(self.engine.out[number]), seconds=seconds, started=0.0, worker="w"))
        check(self.engine, self.run)

    def tell(self, message):
        self.engine.tell(message)
        check(self.engine, self.run)

    def double(self):
        """The alarm rings; gives the original and its copy."""
        original = self.straggler
        self.engine.wake(0)
        check(self.engine, self.run)
        (copy,) = set(self.engine.out) - {original}
        return original, copy

    def result(self):
        """The answer, when all that is waited for has come back."""
        while not self.run.done:
            self.answer(next(number for number in self.engine.out if number not in self.engine.holder.recalled))
        return self.engine._result(self.engine.plan.outputs[self.output])

    def told(self, kind):
        return [event for event in self.events if isinstance(event, kind)]


WANTED = [x * x for x in range(8)]


@pytest.mark.parametrize("first", ["original", "copy"])
def test_the_first_answer_counts_and_the_other_is_recalled(first):
    hand = Hand()
    original, copy = hand.double()
    winner, loser = (original, copy) if first == "original" else (copy, original)
    hand.answer(winner)
    assert hand.engine.holder.recalled == [loser]
    assert hand.result() == WANTED
    assert (len(hand.told(SpanDoubled)), len(hand.told(CopyWon))) == (1, first == "copy")
    assert not hand.run.failures


def test_what_was_recalled_is_out_until_it_is_answered_and_then_of_no_interest():
    hand = Hand()
    original, copy = hand.double()
    hand.answer(copy)
    assert original in hand.run.board.out
    hand.tell(CallLost(original, "recalled", "w"))
    assert original not in hand.run.board.out
    assert hand.result() == WANTED
    assert not hand.run.failures


@pytest.mark.parametrize("lost", ["original", "copy"])
def test_if_one_is_lost_the_other_goes_on_alone_and_nobody_is_charged(lost):
    hand = Hand(deaths=1)
    original, copy = hand.double()
    gone, left = (original, copy) if lost == "original" else (copy, original)
    hand.tell(CallLost(gone, "died", "w"))
    assert set(hand.engine.out) == {left}
    hand.answer(left)
    assert hand.result() == WANTED
    assert not hand.run.failures


def test_what_is_alone_again_is_charged_again_and_may_be_doubled_again():
    hand = Hand(deaths=2)
    original, copy = hand.double()
    hand.tell(CallLost(original, "died", "w"))
    hand.tell(CallLost(copy, "died", "w"))
    (again,) = hand.engine.out
    hand.answer(again)
    assert hand.result() == WANTED


def test_an_answer_before_the_alarm_makes_no_copy():
    hand = Hand()
    hand.answer(hand.straggler)
    assert hand.result() == WANTED
    assert not hand.told(SpanDoubled)


def test_what_is_not_pure_is_not_doubled():
    hand = object.__new__(Hand)
    with pytest.raises(ValueError, match="not enough values"):  # it never waits for an alarm
        Hand.__init__(hand, "effects")
    assert hand.result() == WANTED
    assert not hand.told(SpanDoubled)


def test_the_alarm_is_set_for_three_times_the_median():
    assert Hand().engine.pauses == [3.0]


def test_the_report_counts_them():
    report = Report()
    for event in (SpanDoubled("t", "a", (), 0, 1), SpanDoubled("t", "a", (), 1, 2), CopyWon("t", "a", (), 0, 1)):
        report.observe(event)
    assert (report.doubled, report.copies_won) == (2, 1)
