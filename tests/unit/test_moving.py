"""Items that are tried again with more memory, or on another executor; and the limits of memory that calls bring with them."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from anabranch import (
    Builder,
    Collect,
    FlowError,
    InputError,
    Parallelizable,
    Retry,
    WorkerLost,
    module_from_functions,
    resources,
    retry,
)
from anabranch.testing import Chaos

pytestmark = pytest.mark.timeout(120)


def item(n: int) -> Parallelizable[int]:
    yield from range(n)


def elsewhere(exception, attempt, cause):
    return Retry(executor="other") if attempt < 3 else None


@retry(elsewhere, executors=["other"])
def placed(item: int) -> tuple[int, bool]:
    here = threading.current_thread() is threading.main_thread()
    if item % 3 == 1 and here:
        raise LookupError(f"{item} cannot be done here")
    return item, here


def rows(placed: Collect[tuple[int, bool]]) -> list[tuple[int, bool]]:
    return placed


WANTED = [(n, n % 3 != 1) for n in range(10)]


def builder(*functions):
    return Builder().with_modules(module_from_functions(*functions))


def test_an_item_is_tried_again_on_another_executor_and_the_others_are_not():
    with builder(item, placed, rows).with_executors(other="threads").build() as driver:
        found = driver.run(["rows"], {"n": 10})
        assert (found.results, found.failures) == ({"rows": WANTED}, ())


def test_a_function_outside_of_any_fan_out_is_too():
    @retry(elsewhere, executors=["other"])
    def once(n: int) -> int:
        if threading.current_thread() is threading.main_thread():
            raise LookupError("not here")
        return n

    with builder(once).with_executors(other="threads").build() as driver:
        assert driver.execute(["once"], {"n": 4}) == {"once": 4}


def test_an_item_of_an_inner_loop_is_too():
    def inner(item: int) -> Parallelizable[int]:
        yield from range(item)

    @retry(elsewhere, executors=["other"])
    def deep(inner: int, item: int) -> tuple[int, int]:
        if inner == 2 and threading.current_thread() is threading.main_thread():
            raise LookupError("not here")
        return item, inner

    def all_of(deep: Collect[Collect[tuple[int, int]]]) -> list[list[tuple[int, int]]]:
        return deep

    with builder(item, inner, deep, all_of).with_executors(other="threads").build() as driver:
        assert driver.execute(["all_of"], {"n": 5}) == {"all_of": [[(i, k) for k in range(i)] for i in range(5)]}


def test_attempts_are_counted_wherever_they_were():
    seen = []

    def thrice(exception, attempt, cause):
        seen.append((attempt, cause))
        return Retry(executor="other" if attempt == 1 else None) if attempt < 3 else None

    @retry(thrice, executors=["other"])
    def hopeless(item: int) -> int:
        raise LookupError(item)

    with builder(item, hopeless).with_executors(other="threads").build() as driver:
        (failure,) = driver.run(["hopeless"], {"n": 1}, on_error="skip").failures
    assert (failure.attempts, seen) == (3, [(1, "exception"), (2, "exception"), (3, "exception")])


def test_an_executor_that_was_not_named_is_an_error():
    @retry(lambda exception, attempt, cause: Retry(executor="nowhere"))
    def lost(item: int) -> int:
        raise LookupError(item)

    with pytest.raises(InputError, match=r"asks for the executor 'nowhere'.*executors=\['nowhere'\]"):
        builder(item, lost).build().execute(["lost"], {"n": 1})
    with pytest.raises(FlowError, match="'placed'.*'other'.*with_executors"):
        builder(item, placed).build()


# -- memory --------------------------------------------------------------------------------------------------------

MEGABYTE = 1 << 20


def more(exception, attempt, cause):
    return Retry(memory="2GB") if cause == "lost" else None


def large(megabytes):
    taken = [b"\1" * MEGABYTE for _ in range(megabytes)]
    threading.Event().wait(0.6)  # the guard looks ten times a second
    return len(taken)


@pytest.mark.skipif(sys.platform != "linux", reason="where memory can be looked at")
def test_a_call_may_hold_what_it_says_and_more_when_it_is_tried_again(tmp_path):
    @retry(more)
    @resources(memory="150MB")
    def held(item: int) -> int:
        return large(250 if item == 3 else 1)

    def all_held(held: Collect[int]) -> list[int]:
        return held

    with Chaos(tmp_path, watch=["held"]) as chaos:
        with chaos.build(builder(item, held, all_held).with_executor("processes", workers=2)) as driver:
            found = driver.run(["all_held"], {"n": 5})
        assert (found.results, found.failures) == ({"all_held": [1, 1, 1, 250, 1]}, ())
        assert chaos.attempts()["held", (3,)] >= 2
        assert os.getpid() not in {entry.pid for entry in chaos.calls()}


@pytest.mark.skipif(sys.platform != "linux", reason="where memory can be looked at")
def test_what_holds_too_much_is_killed_before_the_system_does_it_and_named():
    @resources(memory="150MB")
    def held(item: int) -> int:
        return large(250 if item == 1 else 1)

    with builder(item, held).with_executor("processes", workers=1).build() as driver:
        found = driver.run(["held"], {"n": 3}, on_error="skip", deaths=1)
    (failure,) = found.failures
    assert (failure.node, failure.item, type(failure.exception)) == ("held", (1,), WorkerLost)
    assert "more than its limit of 150.0 MB" in str(failure.exception)
    assert found.results == {"held": [1, 1]}
