"""What moves between executors, and how often."""

import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest

from anabranch import Builder, Collect, Parallelizable, WorkerLost, module_from_functions, run_on
from anabranch.executor import Reference, Shared, Traits
from anabranch.work import perform


@dataclass(frozen=True, eq=False)
class Kept(Reference):
    """A value that an executor keeps to itself."""

    owner: object
    value: object

    def fetch(self):
        self.owner.fetched.append(self.value)
        if self.owner.is_gone:
            raise WorkerLost("it is gone")
        return self.value


class Keeper:
    """Runs calls at once, and gives nothing out but references; it takes its own only."""

    def __init__(self, slots=1):
        self.traits = Traits(slots=slots, credit=slots, holds_references=True)
        self.fetched = []
        self.taken = []
        self.forgotten = []
        self.is_gone = False

    @contextmanager
    def lease(self):
        yield self

    def submit(self, call, reply):
        values = []
        for value in call.values:
            if isinstance(value, Shared):
                self.taken.append(value.key)
                assert not isinstance(value.value, Reference)
                value = value.value
            if isinstance(value, Reference):
                assert value.owner is self, "a reference goes back to where it came from"
                value = value.value
            values.append(value)
        outcome = perform(call.code, call.layout, tuple(values))
        reply(replace(outcome, outputs=tuple(Kept(self, value) for value in outcome.outputs)))

    def forget(self, keys):
        self.forgotten += keys

    def close(self):
        pass


def number(limit: int) -> Parallelizable[int]:
    yield from range(limit)


@run_on("one")
def square(number: int) -> int:
    return number * number


@run_on("one")
def total(square: Collect[int]) -> int:
    return sum(square)


@run_on("two")
def share(square: int, total: int) -> float:
    return square / total


@run_on("one")
def shares(share: Collect[float]) -> float:
    return sum(share)


def driver_of(*functions, **executors):
    return Builder().with_modules(module_from_functions(*functions)).with_executors(**executors).build()


def test_a_value_that_stays_does_not_move():
    one, two = Keeper(), Keeper()
    driver = driver_of(number, square, total, one=one, two=two)
    assert driver.execute(["total"], inputs={"limit": 40}) == {"total": 20540}
    assert one.fetched == [20540]


def test_a_value_that_is_wanted_elsewhere_is_fetched_once():
    one, two = Keeper(), Keeper()
    driver = driver_of(number, square, total, share, shares, one=one, two=two)
    assert driver.execute(["shares"], inputs={"limit": 200})["shares"] == pytest.approx(1)
    totals = [value for value in one.fetched if isinstance(value, int)]
    assert len(totals) == 1, "what does not vary"
    spans = [tuple(value) for value in one.fetched if isinstance(value, list)]
    assert len(spans) == len(set(spans)), "parts of a list"
    assert len(set(two.taken)) == 1, "which is shared under one key"
    assert set(two.taken) <= set(two.forgotten)


def test_a_list_that_does_not_vary_is_fetched_once():
    @run_on("two")
    def rank(square: int, roots: list) -> int:
        return roots.index(square)

    @run_on("one")
    def roots(square: Collect[int]) -> list:
        return sorted(square)

    one, two = Keeper(), Keeper()
    driver = driver_of(number, square, roots, rank, one=one, two=two)
    assert driver.execute(["rank"], inputs={"limit": 100}) == {"rank": list(range(100))}
    assert sum(value == [n * n for n in range(100)] for value in one.fetched) == 1


def test_what_is_gone_fails_the_call_that_wants_it():
    one, two = Keeper(), Keeper()
    one.is_gone = True
    driver = driver_of(number, square, total, share, one=one, two=two)
    with pytest.raises(WorkerLost, match="it is gone"):
        driver.execute(["share"], inputs={"limit": 10})


def test_what_one_place_has_made_goes_on_at_another_at_once():
    """The last item at one place needs the first to have come through the other."""
    through = threading.Event()

    @run_on("one")
    def first(number: int) -> int:
        assert number < 39 or through.wait(60)
        return number

    @run_on("two")
    def second(first: int) -> int:
        through.set()
        return first

    def whole(second: Collect[int]) -> list[int]:
        return second

    driver = driver_of(number, first, second, whole, one="threads", two="threads")
    assert driver.execute(["whole"], inputs={"limit": 40}) == {"whole": list(range(40))}


def test_places_do_not_wait_for_each_other():
    """One of two independent functions needs the other to have begun: so both run at the same time."""
    begun = threading.Event()

    @run_on("one")
    def first(limit: int) -> bool:
        return begun.wait(60)

    @run_on("two")
    def second(limit: int) -> bool:
        begun.set()
        return True

    def both(first: bool, second: bool) -> bool:
        return first and second

    with driver_of(first, second, both, one=("threads", {"workers": 1}), two=("threads", {"workers": 1})) as driver:
        assert driver.execute(["both"], inputs={"limit": 1}) == {"both": True}


def test_each_place_has_credit_of_its_own():
    """The items of one place fill it; those of the other go on."""
    held = threading.Event()

    @run_on("one")
    def slow(number: int) -> bool:
        return held.wait(60)

    @run_on("two")
    def quick(number: int) -> int:
        return number

    @run_on("two")
    def release(quick: Collect[int]) -> int:
        held.set()
        return len(quick)

    @run_on("two")
    def met(release: int, slow: Collect[bool]) -> int:
        return release * all(slow)

    executors = {"one": ("threads", {"workers": 1}), "two": ("threads", {"workers": 1})}
    with driver_of(number, slow, quick, release, met, **executors) as driver:
        assert driver.execute(["met"], inputs={"limit": 1}) == {"met": 1}
