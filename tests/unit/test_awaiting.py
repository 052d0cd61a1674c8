"""Coroutines run for code that is none: which loop, which group, and how they end."""

from __future__ import annotations

import asyncio
import contextvars
import os
import pickle
import threading

import pytest

from anabranch import TimedOut
from anabranch.awaiting import Awaited, Group, Withdrawn, at, awaitable, awaited, awaits, current, items, until
from anabranch.derived import Grouped
from anabranch.errors import FlowError

LONG = 600.0


async def loop_here() -> int:
    await asyncio.sleep(0)
    return id(asyncio.get_running_loop())


async def forever(begun: threading.Event, ended: list[str]) -> None:
    begun.set()
    try:
        await asyncio.sleep(LONG)
    finally:
        await asyncio.sleep(0)
        ended.append("ended")


def test_one_loop_for_the_process_from_every_thread():
    found = [Awaited(loop_here)()]
    thread = threading.Thread(target=lambda: found.append(Awaited(loop_here)()))
    thread.start()
    thread.join()
    assert found[0] == found[1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_has_a_loop_of_its_own():
    Awaited(loop_here)()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writing, b"well" if Awaited(loop_here)() else b"")
        os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(reading, 10) == b"well"
    os.close(reading)
    os.close(writing)


def test_a_group_that_is_over_begins_nothing():
    with at() as group:
        assert current() is group
        group.cancel()
        with pytest.raises(Withdrawn):
            Awaited(loop_here)()
    assert current() is None
    assert Awaited(loop_here)()


def test_cancelling_a_group_ends_what_runs_and_waits_for_it():
    begun, ended, raised = threading.Event(), [], []
    group = Group()

    def waits():
        with at() as inner:
            raised.append(inner)
            try:
                awaited(lambda _: forever(begun, ended))
            except Withdrawn as error:
                raised.append((error, list(ended)))

    thread = threading.Thread(target=waits)
    thread.start()
    begun.wait(LONG)
    raised[0].cancel()
    raised[0].cancel()  # once more cuts no cleaning up short
    thread.join()
    assert raised[1][1] == ["ended"]
    group.cancel()


def test_what_waits_in_a_loop_gets_another():
    async def main():
        with at() as outer:
            return await asyncio.to_thread(contextvars.copy_context().run, inner, outer)

    def inner(outer):
        async def blocking():
            with at():  # this thread's loop stands still as long as the block lasts
                return Awaited(loop_here)()

        return Awaited(blocking)(), Awaited(loop_here)()

    there, here = asyncio.run(main())
    assert there != here


def test_the_thread_of_a_loop_cannot_wait_for_it():
    async def blocking():
        return Awaited(loop_here)()

    with pytest.raises(FlowError, match="cannot be waited for in the thread of its own event loop"):
        Awaited(blocking)()


def test_a_limit_of_time():
    begun, ended = threading.Event(), []
    with pytest.raises(TimedOut, match="too long"), until(0.05, "too long"):
        awaited(lambda _: forever(begun, ended))
    assert ended == ["ended"] or not begun.is_set()


@pytest.mark.parametrize("count", [0, 1, 3])
def test_items_are_asked_for_one_by_one(count):
    asked, closed = [], []

    async def source():
        try:
            for number in range(5):
                asked.append(number)
                yield number
        finally:
            closed.append(True)

    found = items(source())
    assert [next(found) for _ in range(count)] == list(range(count))
    assert asked == list(range(count))
    found.close()
    assert closed == [True] * (count > 0)
    assert list(items(source())) == list(range(5))


def test_what_is_raised_is_raised_here():
    async def bad():
        raise KeyError("bad")

    async def source():
        yield 1
        raise ValueError("source")

    with pytest.raises(KeyError, match="bad"):
        Awaited(bad)()
    found = items(source())
    assert next(found) == 1
    with pytest.raises(ValueError, match="source"):
        next(found)


def test_functions_that_await_are_known_through_what_is_around_them():
    class Around:
        def __init__(self, function):
            self.__wrapped__ = function

    function = Awaited(loop_here)
    assert awaits(function) and awaits(Around(function)) and awaits(Grouped(function, (), frozenset(), (), ()))
    assert not awaits(loop_here) and not awaits(len) and not awaits(None)
    assert awaitable(len) is len and isinstance(awaitable(loop_here), Awaited)
    copied = pickle.loads(pickle.dumps(Awaited(loop_here, frozenset({0, "a"}))))
    assert (copied.__wrapped__, copied.streams) == (loop_here, {0, "a"})
