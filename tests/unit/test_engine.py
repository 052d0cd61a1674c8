"""The loop, with real executors: laziness, streams, what it costs to wait, and that everything is closed."""

from __future__ import annotations

import contextvars
import gc
import itertools
import socket
import threading
import time
import weakref

import pytest

from anabranch import Builder, Collect, InputError, Parallelizable, Skip, Stream, associative, module_from_functions, zipped
from anabranch.driver import slots_of
from anabranch.engine import Engine, brought, fetched
from anabranch.errors import InternalError
from anabranch.executor import Reference, Shared
from anabranch.plan import make_plan
from anabranch.run import Cell, Chunk, Column, Run, sizes
from anabranch.work import ABSENT
from anabranch_executors.processes import ProcessExecutor
from anabranch_executors.threads import ThreadExecutor

PATIENT = 20
"""Seconds after which something that should have happened has not."""


@pytest.fixture(scope="module")
def processes():
    executor = ProcessExecutor(workers=2)
    yield executor
    executor.close()


@pytest.fixture
def threads():
    executor = ThreadExecutor(workers=2)
    yield executor
    executor.close()


@pytest.fixture(params=["sequential", "threads"])
def executor(request):
    return request.param if request.param == "sequential" else request.getfixturevalue(request.param)


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = {thread for thread in threading.enumerate() if "stream reader" in thread.name}
    yield
    assert {thread for thread in threading.enumerate() if "stream reader" in thread.name} <= before


@pytest.fixture
def single(monkeypatch):
    """Every span is one item."""
    monkeypatch.setattr(sizes, "LARGEST", 1)


def driver_of(*functions, executor="sequential", adapters=()):
    return Builder().with_modules(module_from_functions(*functions)).with_executor(executor).with_adapters(*adapters).build()


# -- laziness ------------------------------------------------------------------------------------------------------


def test_the_first_task_starts_before_the_second_yield(executor):
    started = threading.Event()

    def x() -> Parallelizable[int]:
        yield 0
        assert started.wait(PATIENT)
        yield 1

    def y(x: int) -> int:
        started.set()
        return x

    assert driver_of(x, y, executor=executor).execute(["y"]) == {"y": [0, 1]}


def test_the_first_task_starts_before_the_second_yield_in_another_process(processes, tmp_path):
    def x(address: str) -> Parallelizable[str]:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(address)
            server.listen()
            server.settimeout(PATIENT)
            yield address
            server.accept()[0].close()
        yield ""

    def y(x: str) -> int:
        if x:
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(x)
        return len(x)

    address = str(tmp_path / "s")
    assert driver_of(x, y, executor=processes).execute(["y"], {"address": address}) == {"y": [len(address), 0]}


def test_the_last_item_is_done_while_the_source_is_still_open(executor):
    """A collector must not wait for more than the items: the source ends only when somebody asks once more."""
    done = []

    def x() -> Parallelizable[int]:
        for n in range(5):
            yield n
        assert set(done) <= set(range(5))

    def y(x: int) -> int:
        done.append(x)
        return x

    assert driver_of(x, y, executor=executor).execute(["y"]) == {"y": [0, 1, 2, 3, 4]}


@pytest.mark.parametrize("name", ["threads", "processes"])
def test_waiting_costs_nothing(threads, processes, name):
    def a(seconds: float) -> float:
        time.sleep(seconds)
        return seconds

    def b(seconds: float) -> float:
        time.sleep(seconds)
        return seconds

    driver = driver_of(a, b, executor={"threads": threads, "processes": processes}[name])
    driver.execute(["a", "b"], {"seconds": 0.0})
    wall, cpu = time.perf_counter(), time.process_time()
    driver.execute(["a", "b"], {"seconds": 1.0})
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    assert wall > 1
    assert cpu < 0.02 * wall


def test_independent_tasks_run_at_once(threads):
    both = threading.Barrier(2, timeout=PATIENT)

    def a() -> int:
        both.wait()
        return 1

    def b() -> int:
        both.wait()
        return 2

    assert driver_of(a, b, executor=threads).execute(["a", "b"]) == {"a": 1, "b": 2}


def test_items_run_at_once_and_come_back_in_order(threads):
    later = threading.Event()

    def x() -> Parallelizable[int]:
        return [0, 1]

    def y(x: int) -> int:
        if x == 0:
            assert later.wait(PATIENT)
        else:
            later.set()
        return x

    assert driver_of(x, y, executor=threads).execute(["y"]) == {"y": [0, 1]}


def test_on_sequential_everything_runs_in_the_calling_thread():
    seen = set()

    def here():
        seen.add(threading.current_thread())

    def x(n: int) -> Parallelizable[int]:
        for k in range(n):
            here()
            yield k

    def y(x: int) -> int:
        here()
        return x

    def read(y: Stream[int]) -> int:
        here()
        return sum(y)

    def end(y: Collect[int], read: int) -> int:
        here()
        return read

    driver_of(x, y, read, end).execute(["end"], {"n": 5})
    assert seen == {threading.current_thread()}


# -- closing -------------------------------------------------------------------------------------------------------


class Watched:
    """A source that says when it is closed."""

    def __init__(self):
        self.closed = 0

    def items(self, n=None, fail_at=None):
        try:
            for k in itertools.count():
                if k == n:
                    return
                if k == fail_at:
                    raise OSError("source")
                yield k
        finally:
            self.closed += 1


@pytest.mark.parametrize("how", ["to its end", "failing item", "failing source", "reader stops", "reader fails"])
def test_a_generator_is_closed_in_every_case(executor, how):
    watched = Watched()

    def x() -> Parallelizable[int]:
        yield from watched.items(n=20 if how == "to its end" else None, fail_at=3 if how == "failing source" else None)

    def y(x: int) -> int:
        if x == 2 and how == "failing item":
            raise KeyError("item")
        return x

    def end(y: Collect[int]) -> int:
        return len(y)

    def read(y: Stream[int]) -> int:
        for n in y:
            if n == 2 and how == "reader fails":
                raise ValueError("reader")
            if n == 2:
                break
        return 7

    driver = driver_of(x, y, end, read, executor=executor)
    if how == "to its end":
        assert driver.execute(["end"]) == {"end": 20}
    elif how == "reader stops":
        assert driver.execute(["read"]) == {"read": 7}
    else:
        kind = {"failing item": KeyError, "failing source": OSError, "reader fails": ValueError}[how]
        with pytest.raises(kind):
            driver.execute(["read" if how == "reader fails" else "end"])
    assert watched.closed == 1


def test_a_generator_that_is_longer_than_what_it_is_zipped_with_is_closed(executor):
    watched = Watched()

    def short() -> Parallelizable[int]:
        return [1, 2]

    def long() -> Parallelizable[int]:
        yield from watched.items()

    @zipped
    def pair(long: int, short: int) -> int:
        return long + short

    with pytest.raises(InputError, match="equally many"):
        driver_of(short, long, pair, executor=executor).execute(["pair"])
    assert watched.closed == 1


def test_generators_inside_a_loop_are_closed_too(executor):
    closed = []

    def x() -> Parallelizable[int]:
        return range(6)

    def inner(x: int) -> Parallelizable[int]:
        try:
            yield from range(x)
        finally:
            closed.append(x)

    def leaf(inner: int) -> int:
        if inner == 4:
            raise KeyError
        return inner

    def per(leaf: Collect[int]) -> int:
        return sum(leaf)

    with pytest.raises(KeyError):
        driver_of(x, inner, leaf, per, executor=executor).execute(["per"])
    assert 5 in closed
    assert len(closed) == len(set(closed))


def test_a_keyboard_interrupt_closes_the_source_and_comes_out():
    watched = Watched()

    def x() -> Parallelizable[int]:
        yield from watched.items()

    def y(x: int) -> int:
        if x == 3:
            raise KeyboardInterrupt
        return x

    with pytest.raises(KeyboardInterrupt):
        driver_of(x, y).execute(["y"])
    assert watched.closed == 1


def test_other_iterators_are_left_alone(executor):
    class Rows:
        closed = False

        def __iter__(self):
            return self

        def __next__(self):
            return 1

        def close(self):
            self.closed = True

    rows = Rows()

    def x() -> Parallelizable[int]:
        return rows

    def read(x: Stream[int]) -> int:
        return next(x)

    assert driver_of(x, read, executor=executor).execute(["read"]) == {"read": 1}
    assert not rows.closed


# -- streams -------------------------------------------------------------------------------------------------------


def count_up() -> Parallelizable[int]:
    yield from itertools.count()


def doubled(count_up: int) -> int:
    return 2 * count_up


def test_an_endless_source_with_a_reader_that_stops(executor):
    def first(doubled: Stream[int], n: int) -> list[int]:
        return list(itertools.islice(doubled, n))

    driver = driver_of(count_up, doubled, first, executor=executor)
    for n in (0, 1, 5, 1000):
        assert driver.execute(["first"], {"n": n}) == {"first": [2 * k for k in range(n)]}


def test_an_endless_source_with_a_reader_that_stops_on_processes(processes):
    def first(doubled: Stream[int], n: int) -> list[int]:
        return list(itertools.islice(doubled, n))

    driver = driver_of(count_up, doubled, first, executor=processes)
    assert driver.execute(["first"], {"n": 50}) == {"first": [2 * k for k in range(50)]}


def test_several_readers_of_one_fan_each_read_as_far_as_they_like(executor):
    def three(doubled: Stream[int]) -> list[int]:
        return list(itertools.islice(doubled, 3))

    def ten(doubled: Stream[int]) -> int:
        return sum(itertools.islice(doubled, 10))

    def items(count_up: Stream[int]) -> int:
        return next(count_up)

    found = driver_of(count_up, doubled, three, ten, items, executor=executor).execute(["three", "ten", "items"])
    assert found == {"three": [0, 2, 4], "ten": 90, "items": 0}


def test_a_reader_with_two_streams_may_read_them_one_after_the_other(executor):
    def x(n: int) -> Parallelizable[int]:
        return range(n)

    def y(x: int) -> int:
        return -x

    def both(x: Stream[int], y: Stream[int]) -> tuple[int, list[int]]:
        last = sum(x)
        return last, list(y)

    assert driver_of(x, y, both, executor=executor).execute(["both"], {"n": 100}) == {"both": (4950, [-k for k in range(100)])}


def test_a_reader_with_streams_of_two_fans(executor):
    def a(n: int) -> Parallelizable[int]:
        yield from range(n)

    def b(n: int) -> Parallelizable[int]:
        yield from range(2 * n)

    def both(a: Stream[int], b: Stream[int]) -> list[tuple[int, int]]:
        return list(zip(b, a, strict=False))

    assert driver_of(a, b, both, executor=executor).execute(["both"], {"n": 30}) == {"both": [(k, k) for k in range(30)]}


def test_a_stream_comes_in_order_without_what_was_skipped(threads):
    odd = threading.Event()

    def x(n: int) -> Parallelizable[int]:
        return range(n)

    def y(x: int) -> int:
        if x == 0:
            assert odd.wait(PATIENT)
        if x == 1:
            odd.set()
        if x % 3 == 2:
            raise Skip
        return x

    def read(y: Stream[int]) -> list[int]:
        return list(y)

    assert driver_of(x, y, read, executor=threads).execute(["read"], {"n": 9}) == {"read": [0, 1, 3, 4, 6, 7]}


def test_a_stream_and_a_collect_of_one_fan(executor):
    def x(n: int) -> Parallelizable[int]:
        return range(n)

    def read(x: Stream[int]) -> int:
        return next(x, -1)

    def end(x: Collect[int], read: int) -> tuple[int, int]:
        return sum(x), read

    driver = driver_of(x, read, end, executor=executor)
    assert driver.execute(["end"], {"n": 50}) == {"end": (1225, 0)}
    assert driver.execute(["end"], {"n": 0}) == {"end": (0, -1)}


def test_the_source_never_runs_more_than_a_few_spans_ahead_of_the_reader(executor, single):
    pulled, ahead = itertools.count(), []
    last = [0]

    def x() -> Parallelizable[int]:
        while True:
            last[0] = next(pulled)
            yield last[0]

    def y(x: int) -> int:
        return x

    def read(y: Stream[int]) -> int:
        for n in itertools.islice(y, 300):
            ahead.append(last[0] - n)
        return 1

    driver_of(x, y, read, executor=executor).execute(["read"])
    assert len(ahead) == 300
    credit = 1 if executor == "sequential" else executor.traits.credit
    assert max(ahead) <= 2 * credit + 2


def test_the_slowest_of_two_readers_rules(threads, single):
    pulled, ahead = [0], []

    def x(n: int) -> Parallelizable[int]:
        for k in range(n):
            pulled[0] = k
            yield k

    def y(x: int) -> int:
        return x

    def quick(y: Stream[int]) -> int:
        return sum(y)

    def slow(y: Stream[int]) -> int:
        for n in y:
            ahead.append(pulled[0] - n)
        return len(ahead)

    found = driver_of(x, y, quick, slow, executor=threads).execute(["quick", "slow"], {"n": 300})
    assert found == {"quick": sum(range(300)), "slow": 300}
    assert max(ahead) <= 3 * threads.traits.credit


def test_what_a_reader_has_read_is_gone(executor, single):
    class Value: ...

    alive = []
    refs = []

    def x(n: int) -> Parallelizable[object]:
        for _ in range(n):
            value = Value()
            refs.append(weakref.ref(value))
            yield value
            del value

    def read(x: Stream[object]) -> int:
        for _ in x:
            gc.collect()
            alive.append(sum(ref() is not None for ref in refs))
        return len(alive)

    driver_of(x, read, executor=executor).execute(["read"], {"n": 60})
    credit = 1 if executor == "sequential" else executor.traits.credit
    assert max(alive) <= 3 * credit + 3


def test_nothing_piles_up_while_a_reader_waits_for_another_argument(threads):
    pulled = [0]
    far_ahead = threading.Event()

    def x() -> Parallelizable[int]:
        for n in itertools.count():
            pulled[0] = n
            if n > 20_000:
                far_ahead.set()
            yield n

    def y(x: int) -> int:
        return x

    def late(n: int) -> int:
        far_ahead.wait(1)
        return n

    def read(y: Stream[int], late: int) -> int:
        return next(y) + late

    assert driver_of(x, y, late, read, executor=threads).execute(["read"], {"n": 3}) == {"read": 3}
    assert not far_ahead.is_set()


def test_a_reader_sees_the_context_of_the_caller(executor):
    variable = contextvars.ContextVar("variable", default="none")

    def x(n: int) -> Parallelizable[str]:
        return [variable.get()] * n

    def y(x: str) -> str:
        return variable.get()

    def first(y: Stream[str]) -> list[str]:
        return [variable.get(), *y]

    def second(x: Stream[str]) -> list[str]:
        return [variable.get(), *x]

    variable.set("mine")
    found = driver_of(x, y, first, second, executor=executor).execute(["first", "second"], {"n": 2})
    assert found == {"first": ["mine"] * 3, "second": ["mine"] * 3}


def test_a_reader_is_unwound_when_the_run_fails(executor):
    unwound = []

    def x() -> Parallelizable[int]:
        yield from itertools.count()

    def y(x: int) -> int:
        if x == 5:
            raise KeyError("item")
        return x

    def read(y: Stream[int]) -> int:
        try:
            return sum(y)
        finally:
            unwound.append("first")

    def other(y: Stream[int]) -> int:
        try:
            return sum(y)
        finally:
            unwound.append("second")

    with pytest.raises(KeyError) as caught:
        driver_of(x, y, read, other, executor=executor).execute(["read", "other"])
    assert sorted(unwound) == ["first", "second"]
    assert "item x[5]" in caught.value.__notes__[0]


def test_a_reader_that_swallows_everything_still_ends(executor):
    def x() -> Parallelizable[int]:
        yield 1
        raise OSError("source")

    def read(x: Stream[int]) -> int:
        try:
            return sum(x)
        except BaseException:
            return -1

    with pytest.raises(OSError, match="source"):
        driver_of(x, read, executor=executor).execute(["read"])


def test_a_stream_within_a_loop(executor):
    def x(n: int) -> Parallelizable[int]:
        return range(n)

    def inner(x: int) -> Parallelizable[int]:
        yield from itertools.count(x)

    def read(inner: Stream[int]) -> list[int]:
        return list(itertools.islice(inner, 2))

    assert driver_of(x, inner, read, executor=executor).execute(["read"], {"n": 30}) == {
        "read": [[k, k + 1] for k in range(30)]
    }


def test_streams_of_an_overridden_fan(executor):
    def x() -> Parallelizable[int]: ...

    def read(x: Stream[int]) -> int:
        return sum(x)

    driver = driver_of(x, read, executor=executor)
    assert driver.execute(["read"], overrides={"x": [1, 2, 3]}) == {"read": 6}
    assert driver.execute(["read"], overrides={"x": []}) == {"read": 0}


def test_an_associative_collector_gets_parts_in_order(executor):
    calls = []

    def x(n: int) -> Parallelizable[str]:
        return map(chr, range(97, 97 + n))

    @associative
    def text(x: Collect[str]) -> str:
        calls.append(len(x))
        return "".join(x)

    driver = driver_of(x, text, executor=executor)
    assert driver.execute(["text"], {"n": 26}) == {"text": "abcdefghijklmnopqrstuvwxyz"}
    assert len(calls) > 1
    assert driver.execute(["text"], {"n": 0}) == {"text": ""}


# -- the loop itself -----------------------------------------------------------------------------------------------


def test_a_run_that_cannot_go_on_says_so():
    class Deaf:
        """Takes calls and never answers, and says that it has none."""

        def submit(self, call, reply): ...

        def forget(self, keys): ...

    def a(n: int) -> int: ...
    def b(n: int) -> int: ...

    driver = driver_of(a, b)
    plan = make_plan(driver.graph, ["a", "b"], ["n"])
    run = Run(plan.root, slots_of(driver.graph, plan, {"n": 1}, {}), slots=2, credit=4)
    engine = Engine(plan, run, Deaf())
    engine.fill()
    assert run.in_flight == 2
    run.board.all_rooms[0].out.clear()
    with pytest.raises(InternalError, match="the run cannot go on"):
        engine.receive()


class Far(Reference):
    def __init__(self, value):
        self.value = value

    def fetch(self):
        return self.value


def test_values_are_brought_here():
    assert fetched(Far(3)) == 3
    assert fetched(Shared(1, 3)) == 3
    assert fetched(3) == 3
    assert brought(Cell(Far(3)), 0) == 3
    column = Column([Chunk(0, 2, Far([1, ABSENT]), holes=True), Chunk(2, 3, 5, single=True)])
    assert brought(column, 1) == [1, 5]
    assert brought(Column([Chunk(0, 1, Far([[1, ABSENT]]), holes=True)]), 2) == [[1]]
    assert brought(Column(), 1) == []
