"""The state machine turned by hand: no thread, no clock, no executor."""

from __future__ import annotations

import gc
import random
import weakref
from collections import deque
from dataclasses import replace
from itertools import count, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch import (
    Builder,
    Collect,
    InputError,
    Parallelizable,
    PerItem,
    WorkerLost,
    associative,
    cross,
    module_from_functions,
)
from anabranch.driver import kinds_of, slots_of
from anabranch.engine import perform_here
from anabranch.events import CallFinished, CallStarted, FanFinished, FanOpened, ItemFailed, SpanFinished, SpanSubmitted
from anabranch.executor import CallFailed, CallLost
from anabranch.plan import make_plan
from anabranch.run import Run
from anabranch.run.commands import CloseSource, Look, Looked, OpenSource, Pull, Pulled, RunHere, SourceOpened, Submit
from anabranch.sources import Source


class Hand:
    """Does what a run asks for, and gives calls back when it is told to."""

    def __init__(self, *functions, outputs, inputs=None, overrides=None, slots=2, credit=4, estimates=None):
        driver = Builder().with_modules(module_from_functions(*functions)).build()
        inputs, overrides = inputs or {}, overrides or {}
        self.plan = make_plan(driver.graph, outputs, tuple(inputs), *kinds_of(overrides))
        self.run = Run(
            self.plan.root, slots_of(driver.graph, self.plan, inputs, overrides), slots=slots, credit=credit, estimates=estimates
        )
        self.out = deque()
        self.sources = {}
        self.log = []
        self.events = []
        self.most = 0

    def fill(self):
        while (command := self.run.next()) is not None:
            self.do(command)
        self.events += self.run.events
        self.run.events.clear()
        self.most = max(self.most, self.run.in_flight)
        return self

    def do(self, command):
        if isinstance(command, Submit):
            self.log.append(("submit", command.call.code.name, command.call.layout.start, command.call.id))
            self.out.append(command.call)
        elif isinstance(command, RunHere):
            self.log.append(("here", command.call.code.name))
            self.run.handle(self.performed(command.call))
        elif isinstance(command, OpenSource):
            self.log.append(("open", command.source))
            outcome = perform_here(command.call)
            self.sources[command.source] = Source(outcome.outputs[0])
            self.run.handle(SourceOpened(command.source, outcome, outcome.holes[0]))
        elif isinstance(command, Pull):
            self.log.append(("pull", command.source, command.items))
            items, exhausted = self.sources[command.source].take(command.items)
            self.run.handle(Pulled(command.source, items, exhausted, 0.0, 8))
        elif isinstance(command, Look):
            self.log.append(("look", command.source, command.items))
            source = self.sources[command.source]
            source.look(command.items)
            self.run.handle(Looked(command.source, source.near, source.left, 0.0, 8))
        elif isinstance(command, CloseSource):
            self.log.append(("close", command.source))
        else:
            raise AssertionError(command)

    def performed(self, call, seconds=1e-6):
        return replace(perform_here(call), seconds=seconds, started=0.0, worker="w")

    def back(self, index=0, seconds=1e-6):
        """One of the calls that are out comes back."""
        call = self.out[index]
        del self.out[index]
        self.run.handle(self.performed(call, seconds))
        return self.fill()

    def to_the_end(self, draw=lambda _: 0, seconds=lambda: 1e-6):
        self.fill()
        while not self.run.stopped:
            self.back(draw(self.out), seconds())
        return self

    def result(self, name):
        slot = self.run.root.slots[self.plan.outputs[name]]
        return slot.joined() if hasattr(slot, "joined") else slot.handle


def x(n: int) -> Parallelizable[int]:
    yield from range(n)


def y(x: int) -> int:
    return x * x


def total(y: Collect[int]) -> int:
    return sum(y)


def share(y: int, total: int) -> float:
    return y / total


def best(share: Collect[float]) -> float:
    return max(share)


def w(y: int) -> Parallelizable[int]:
    return range(y)


def leaf(w: int) -> int:
    return w + 1


def per(leaf: Collect[int]) -> int:
    return sum(leaf)


def grand(per: Collect[int]) -> int:
    return sum(per)


@associative
def summed(y: Collect[int]) -> int:
    return sum(y)


def slow(n: int) -> int:
    return n


def after(slow: int, total: int) -> int:
    return slow + total


FLAT = (x, y, total, share, best, summed, slow, after)
NESTED = (x, y, w, leaf, per, grand)


def test_a_run_to_its_end():
    hand = Hand(*FLAT, outputs=["total"], inputs={"n": 10}).to_the_end()
    assert hand.run.done
    assert hand.result("total") == 285


def test_the_first_thing_to_do_is_to_open_the_source_and_then_to_fill_the_credit():
    hand = Hand(*FLAT, outputs=["total"], inputs={"n": 100}, slots=2, credit=4).fill()
    assert [entry[0] for entry in hand.log] == ["open", *["pull", "submit"] * 4]
    assert hand.run.in_flight == 4
    assert hand.run.next() is None


@pytest.mark.parametrize("credit", [1, 2, 7])
def test_the_credit_is_never_exceeded(credit):
    for outputs, functions in ((["best"], FLAT), (["grand", "per", "leaf"], NESTED), (["summed"], FLAT)):
        hand = Hand(*functions, outputs=outputs, inputs={"n": 30}, slots=2, credit=credit)
        draw = random.Random(credit)
        hand.to_the_end(lambda calls, draw=draw: draw.randrange(len(calls)))
        assert hand.run.done
        assert 0 < hand.most <= credit


def test_no_item_is_pulled_without_credit_for_it():
    pulled = []

    def x() -> Parallelizable[int]:
        for n in count():
            pulled.append(n)
            yield n

    hand = Hand(x, y, total, outputs=["total"], slots=2, credit=4).fill()
    assert len(pulled) == 4
    hand.back()
    assert len(pulled) <= 4 + 2


def test_a_call_that_is_alone_runs_in_the_driver():
    hand = Hand(slow, after, outputs=["after"], inputs={"n": 1, "total": 2}).fill()
    assert hand.run.done
    assert {entry[0] for entry in hand.log} == {"here"}


def test_two_that_are_ready_at_once_go_out():
    def left(n: int) -> int: ...
    def right(n: int) -> int: ...

    hand = Hand(left, right, outputs=["left", "right"], inputs={"n": 1}).fill()
    assert {entry[0] for entry in hand.log} == {"submit"}
    assert hand.run.in_flight == 2


def test_a_task_waits_for_all_it_needs():
    hand = Hand(*FLAT, outputs=["after"], inputs={"n": 3}).fill()
    while any(call.code.name != "slow" for call in hand.out):
        hand.back(next(n for n, call in enumerate(hand.out) if call.code.name != "slow"))
    assert not hand.run.done
    hand.to_the_end()
    assert hand.result("after") == 3 + 5


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(0, 25))
def test_any_order_of_completion_gives_the_same_answer(seed, slots, n):
    draw = random.Random(seed)
    hand = Hand(*FLAT, outputs=["best", "y", "summed"], inputs={"n": n + 1}, slots=slots, credit=2 * slots)
    if n == 0:
        hand = Hand(*FLAT, outputs=["total", "y", "summed"], inputs={"n": 0}, slots=slots, credit=2 * slots)
    hand.to_the_end(lambda calls: draw.randrange(len(calls)), lambda: draw.choice([1e-7, 1e-3, 1.0]))
    squares = [k * k for k in range(n + 1 if n else 0)]
    assert hand.result("y") == squares
    assert hand.result("summed") == sum(squares)
    if n:
        assert hand.result("best") == max(k / sum(squares) for k in squares)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("functions", "outputs"), [(FLAT, ["best", "summed"]), (NESTED, ["grand", "leaf"])], ids=["flat", "nested"]
)
def test_the_same_news_give_the_same_commands_and_events(seed, functions, outputs):
    def play():
        draw = random.Random(seed)
        hand = Hand(*functions, outputs=outputs, inputs={"n": 12})
        hand.to_the_end(lambda calls: draw.randrange(len(calls)), lambda: draw.choice([1e-7, 1e-3, 1.0]))
        return hand.log, [untimed(event) for event in hand.events]

    assert play() == play()


def untimed(event):
    """The event without the time that a source really took to open."""
    return replace(event, seconds=0.0, started=0.0) if isinstance(event, FanOpened) else event


# -- events --------------------------------------------------------------------------------------------------------


def test_events_tell_the_story_in_order():
    hand = Hand(*FLAT, outputs=["total"], inputs={"n": 3}, slots=1, credit=1).to_the_end()
    kinds = [type(event) for event in hand.events]
    assert kinds[0] is FanOpened
    assert kinds[-2:] == [CallStarted, CallFinished]
    assert kinds.index(FanFinished) == len(kinds) - 3
    spans = [(event.lo, event.hi) for event in hand.events if isinstance(event, SpanSubmitted)]
    assert spans == [(event.lo, event.hi) for event in hand.events if isinstance(event, SpanFinished)]
    assert spans[0] == (0, 1)
    assert spans[-1][1] == 3
    assert all(before[1] == after[0] for before, after in pairwise(spans))
    finished = next(event for event in hand.events if isinstance(event, FanFinished))
    assert (finished.axis, finished.length, finished.where) == ("x", 3, ())


def test_a_span_is_submitted_before_it_is_finished_whatever_the_order():
    draw = random.Random(7)
    hand = Hand(*NESTED, outputs=["grand"], inputs={"n": 9}, slots=2, credit=4)
    hand.to_the_end(lambda calls: draw.randrange(len(calls)))
    open_spans = set()
    for event in hand.events:
        if isinstance(event, SpanSubmitted):
            open_spans.add((event.task, event.where, event.lo, event.hi))
        elif isinstance(event, SpanFinished):
            open_spans.remove((event.task, event.where, event.lo, event.hi))
    assert not open_spans


# -- what goes wrong -----------------------------------------------------------------------------------------------


def bad(x: int) -> int:
    if x == 2:
        raise KeyError(x)
    return x


def end(bad: Collect[int]) -> int:
    return sum(bad)


def test_a_failure_stops_the_run_and_is_told():
    hand = Hand(x, bad, end, outputs=["end"], inputs={"n": 9}).to_the_end()
    assert not hand.run.done
    assert [(f.node, f.item, f.worker) for f in hand.run.failures] == [("bad", (2,), "driver")]
    assert any(isinstance(event, ItemFailed) for event in hand.events[-2:])
    assert hand.run.next() is None


def test_late_outcomes_are_ignored():
    hand = Hand(x, bad, end, outputs=["end"], inputs={"n": 9}).fill()
    while not hand.run.stopped:
        hand.back(len(hand.out) - 1)
    events, failures = list(hand.events), list(hand.run.failures)
    before = len(hand.out)
    assert before
    for call in hand.out:
        hand.run.handle(hand.performed(call))
    assert hand.run.in_flight == 0
    assert hand.run.failures == failures
    assert hand.run.next() is None
    assert [e for e in hand.events if isinstance(e, ItemFailed)] == [e for e in events if isinstance(e, ItemFailed)]


def test_an_outcome_that_comes_twice_counts_once():
    hand = Hand(*FLAT, outputs=["total"], inputs={"n": 5}).fill()
    call = hand.out[0]
    hand.back()
    hand.run.handle(hand.performed(call))
    hand.to_the_end()
    assert hand.result("total") == 30


def test_an_answer_to_a_call_that_was_never_made_is_ignored():
    hand = Hand(*FLAT, outputs=["total"], inputs={"n": 5}).fill()
    hand.run.handle(CallFailed(999, KeyError()))
    assert not hand.run.stopped


def test_a_call_that_failed_ends_the_run_with_its_error():
    hand = Hand(*FLAT, outputs=["total"], inputs={"n": 5}).fill()
    error = KeyError("k")
    hand.run.handle(CallFailed(hand.out[0].id, error))
    assert hand.run.stopped
    assert hand.run.error is error


def test_a_lost_worker_is_named_with_what_it_ran():
    hand = Hand(*FLAT, outputs=["total"], inputs={"n": 5}).fill()
    lost = hand.out[1].layout.start
    for _ in range(3):
        hand.run.handle(CallLost(next(c.id for c in reversed(hand.out) if c.layout.start == lost), "exit code 3", "process 7"))
        hand.fill()
    assert hand.run.fatal is not None
    assert (hand.run.fatal.item, hand.run.fatal.attempts) == ((lost,), 3)
    error = hand.run.fatal.error()
    assert isinstance(error, WorkerLost)
    text = str(error)
    assert "process 7 died while it ran" in text
    assert "exit code 3" in text
    assert "1" in text
    assert "'x'" in text or "'y'" in text


def test_lists_of_unequal_length_end_the_run():
    def pair(x: int, y: int) -> int: ...

    hand = Hand(x, y, pair, outputs=["pair"], inputs={"n": 3}, overrides={"y": PerItem([1, 2, 3, 4])}).to_the_end()
    assert isinstance(hand.run.error, InputError)


# -- memory --------------------------------------------------------------------------------------------------------


class Value:
    """Something that a weak reference can point at."""


def test_values_are_dropped_after_their_last_reader():
    refs = {}

    def keep(name, value):
        refs[name] = weakref.ref(value)
        return value

    def a() -> object:
        return keep("a", Value())

    def b(a: object) -> object:
        return keep("b", Value())

    def b2(a: object) -> object:
        return keep("b2", Value())

    def c(b: object, b2: object) -> object:
        return keep("c", Value())

    def d(c: object, b2: object) -> int:
        return 1

    hand = Hand(a, b, b2, c, d, outputs=["d"])
    hand.fill()
    assert refs["a"]() is not None
    hand.back()
    assert refs["a"]() is not None
    hand.back()
    gc.collect()
    assert refs["a"]() is None
    assert hand.run.done
    assert all(ref() is None for ref in refs.values())


def test_a_collected_list_is_dropped_after_its_last_reader():
    refs = []

    def item(x: int) -> object:
        value = Value()
        refs.append(weakref.ref(value))
        return value

    def first(item: Collect[object]) -> int:
        return len(item)

    def second(first: int, x: Collect[int]) -> int:
        return first

    hand = Hand(x, item, first, second, outputs=["second"], inputs={"n": 4}).to_the_end()
    gc.collect()
    assert hand.result("second") == 4
    assert len(refs) == 4
    assert all(ref() is None for ref in refs)


def test_what_is_asked_for_is_kept():
    hand = Hand(*FLAT, outputs=["y", "total"], inputs={"n": 4}).to_the_end()
    assert hand.result("y") == [0, 1, 4, 9]
    assert set(hand.run.root.slots) >= set(hand.plan.outputs.values())


def test_items_are_not_kept_once_their_span_is_back():
    def x(n: int) -> Parallelizable[object]:
        for _ in range(n):
            value = Value()
            refs.append(weakref.ref(value))
            yield value
            del value

    def y(x: object) -> int:
        return 1

    refs = []
    hand = Hand(x, y, total, outputs=["total"], inputs={"n": 50}, slots=1, credit=1).fill()
    while not hand.run.stopped:
        hand.back()
        gc.collect()
        alive = sum(ref() is not None for ref in refs)
        assert alive <= sum(len(call.values[0]) for call in hand.out) + 1


def test_partial_values_are_merged_as_they_come():
    hand = Hand(*FLAT, outputs=["summed"], inputs={"n": 400}, slots=1, credit=4).fill()
    most = 0
    while not hand.run.stopped:
        hand.back(seconds=1.0)
        parts = [sum(len(row) for row in state.starts.values()) for fan in hand.run.root.fans.values() for state in fan.merges]
        most = max(most, *parts)
    assert hand.result("summed") == sum(k * k for k in range(400))
    assert most < 40


def test_shared_values_are_forgotten_when_their_last_reader_is_done():
    def scaled(x: int, slow: int) -> int:
        return x * slow

    def end(scaled: Collect[int]) -> int:
        return sum(scaled)

    hand = Hand(x, slow, scaled, end, outputs=["end"], inputs={"n": 3}).to_the_end()
    assert len(hand.run.forgotten()) >= 1
    assert hand.run.forgotten() == []


# -- scale ---------------------------------------------------------------------------------------------------------


def test_the_number_of_commands_follows_spans_and_not_items():
    hand = Hand(*FLAT, outputs=["total"], inputs={"n": 200_000}, slots=2, credit=4).to_the_end()
    assert len(hand.log) < 200
    assert hand.result("total") == sum(k * k for k in range(200_000))


def test_a_few_wide_items_are_opened_and_many_narrow_ones_are_loops():
    few = Hand(*NESTED, outputs=["grand"], inputs={"n": 3}, slots=4, credit=8).to_the_end()
    assert any(event.where for event in few.events if isinstance(event, SpanSubmitted))
    many = Hand(*NESTED, outputs=["grand"], inputs={"n": 60}, slots=2, credit=4).to_the_end()
    assert any(not event.where and event.hi - event.lo > 1 for event in many.events if isinstance(event, SpanSubmitted))
    assert few.result("grand") == sum(sum(range(1, k * k + 1)) for k in range(3))
    assert many.result("grand") == sum(sum(range(1, k * k + 1)) for k in range(60))


def test_with_one_slot_nothing_is_opened():
    hand = Hand(*NESTED, outputs=["grand"], inputs={"n": 5}, slots=1, credit=1).to_the_end()
    assert not any(event.where for event in hand.events if isinstance(event, SpanSubmitted))


def test_estimates_outlive_the_run():
    estimates = {}
    Hand(*FLAT, outputs=["total"], inputs={"n": 5}, estimates=estimates).to_the_end()
    (estimate,) = estimates.values()
    assert estimate.seconds is not None


@pytest.mark.parametrize("seconds", [0.0005, 0.005, 0.02])
def test_the_last_spans_are_short_though_a_generator_does_not_say_where_it_ends(seconds):
    slots = 4
    hand = Hand(x, y, total, outputs=["total"], inputs={"n": 4000}, slots=slots, credit=2 * slots).fill()
    while not hand.run.stopped:
        items = next(len(value) for value in hand.out[0].values if isinstance(value, list))
        hand.back(0, seconds * items)
    spans = [(event.lo, event.hi) for event in hand.events if isinstance(event, SpanSubmitted)]
    usual = max(hi - lo for lo, hi in spans)
    assert 0.5 <= usual * seconds / 0.05 <= 1, "spans of 50 ms"
    near = [(lo, hi) for lo, hi in spans if 4000 - lo < slots * usual]
    assert len(near) >= slots
    assert all(hi - lo <= -(-(4000 - lo) // (2 * slots)) for lo, hi in near), "each its share of what is left"


def test_a_crossed_fan_in_a_few_steps():
    def other(n: int) -> Parallelizable[int]:
        return range(n)

    @cross
    def both(x: int, other: int) -> tuple[int, int]:
        return x, other

    hand = Hand(x, other, both, outputs=["both"], inputs={"n": 3}).to_the_end()
    assert hand.result("both") == [[(a, b) for b in range(3)] for a in range(3)]
