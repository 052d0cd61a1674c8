"""Drivers whose requests are awaited: the same answers, limits of concurrency, and cancellation that waits for what it ends."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import json
import threading
import time

import pytest

from anabranch import (
    Builder,
    Collect,
    Driver,
    FlowError,
    ForeignError,
    InputError,
    ItemsFailed,
    Parallelizable,
    RunCancelled,
    Skip,
    Stream,
    TimedOut,
    associative,
    async_driver,
    module_from_functions,
    on_error,
    retry,
    timeout,
)
from anabranch.async_driver import AsyncDriver
from anabranch.io import from_, to
from anabranch.lifecycle import GraphExecutionHook, NodeExecutionHook, NodeExecutionMethod
from anabranch.results import PandasDataFrameResult

LONG = 600.0
"""Seconds for which what is to be cancelled would wait."""

EXECUTORS = {"sequential": {}, "threads": {"workers": 3}, "asyncio": {"workers": 3}, "processes": {"workers": 2}}

FLOW = """
import asyncio
_seen = []

async def folder(folders: int) -> Parallelizable[int]:
    async with asyncio.timeout(600):                 # entered and left in one task
        for number in range(folders):
            await asyncio.sleep(0)
            yield number

async def file(folder: int) -> Parallelizable[int]:
    await asyncio.sleep(0)
    return range(folder + 1)

async def size(file: int, folder: int, scale: int = 10) -> int:
    await asyncio.sleep(0)
    if file == 3:
        raise Skip
    return scale * folder + file

def text(size: int) -> str:
    return f"<{size}>"

async def line(text: Stream[str]) -> str:
    return "".join([one async for one in text])

@associative
async def total(size: Collect[int]) -> int:
    await asyncio.sleep(0)
    return sum(size)

async def running(total: Stream[int]) -> Parallelizable[int]:
    so_far = 0
    async for one in total:
        so_far += one
        yield so_far

async def report(line: Collect[str], running: Collect[int], *, last: bool = True) -> list:
    return [line, running, last]
"""


def expected(folders):
    sizes = [[10 * folder + file for file in range(folder + 1) if file != 3] for folder in range(folders)]
    lines = ["".join(f"<{size}>" for size in inner) for inner in sizes]
    return {"report": [lines, [sum(map(sum, sizes[: n + 1])) for n in range(folders)], True], "size": sizes}


def awaiting(*functions, workers=100, adapters=()):
    builder = async_driver.Builder().with_modules(module_from_functions(*functions)).with_adapters(*adapters)
    return builder.with_executor("asyncio", workers=workers).build()


@pytest.fixture(params=EXECUTORS)
def placed(request):
    """Gives a builder one of the executors."""
    return lambda builder: builder.with_executor(request.param, **EXECUTORS[request.param])


# -- the same answers ----------------------------------------------------------------------------------------------


def test_a_plain_driver_runs_coroutines_too(flow, placed):
    with placed(Builder().with_modules(flow(FLOW))).build() as driver:
        assert driver.execute(["report", "size"], {"folders": 5}) == expected(5)
        assert driver.execute(["report"], {"folders": 0}) == {"report": [[], [], True]}


def test_an_async_driver_on_every_executor(flow, placed):
    async def main():
        async with placed(async_driver.Builder().with_modules(flow(FLOW))).build() as driver:
            found = await driver.execute(["report", "size"], {"folders": 5})
            run = await driver.run(["size"], {"folders": 3}, {"file": [1, 2]})
            return found, run.results, asyncio.all_tasks()

    found, results, tasks = asyncio.run(main())
    assert found == expected(5)
    assert results == {"size": [[1, 2], [11, 12], [21, 22]]}
    assert len(tasks) == 1


def test_a_plain_driver_in_a_loop_that_runs(flow):
    """As in a notebook: the loop stands still, and the coroutines run elsewhere."""
    driver = Builder().with_modules(flow(FLOW)).build()

    async def main():
        return driver.execute(["report", "size"], {"folders": 4})

    assert asyncio.run(main()) == expected(4)


def test_drivers_within_coroutines():
    async def inner_item(count: int) -> Parallelizable[int]:
        for number in range(count):
            yield number

    async def inner_double(inner_item: int) -> int:
        await asyncio.sleep(0)
        return 2 * inner_item

    async def inner_total(inner_double: Collect[int]) -> int:
        return sum(inner_double)

    plain = Builder().with_modules(module_from_functions(inner_item, inner_double, inner_total))
    pooled = plain.with_executor("threads", workers=2).build()
    awaited = awaiting(inner_item, inner_double, inner_total)
    plain = plain.build()

    def item(n: int) -> Parallelizable[int]:
        return range(n)

    async def blocking(item: int) -> int:
        return plain.execute(["inner_total"], {"count": item})["inner_total"]

    async def blocking_pool(item: int) -> int:
        return pooled.execute(["inner_total"], {"count": item})["inner_total"]

    def threaded(item: int) -> int:
        return plain.execute(["inner_total"], {"count": item})["inner_total"]

    async def proper(item: int) -> int:
        return (await awaited.execute(["inner_total"], {"count": item}))["inner_total"]

    functions = [item, blocking, blocking_pool, threaded, proper]
    names = ["blocking", "blocking_pool", "threaded", "proper"]
    wanted = {name: [0, 0, 2, 6] for name in names}
    assert asyncio.run(awaiting(*functions).execute(names, {"n": 4})) == wanted
    assert Builder().with_modules(module_from_functions(*functions)).build().execute(names, {"n": 4}) == wanted
    pooled.close()


def test_what_belongs_to_a_loop_lasts_from_run_to_run():
    async def loop_of() -> int:
        return id(asyncio.get_running_loop())

    driver = Driver({}, module_from_functions(loop_of))
    assert driver.execute(["loop_of"]) == driver.execute(["loop_of"])

    async def main():
        return id(asyncio.get_running_loop()), await awaiting(loop_of).execute(["loop_of"])

    here, there = asyncio.run(main())
    assert there == {"loop_of": here}


def test_results_and_materializers(tmp_path):
    def day(count: int) -> Parallelizable[int]:
        return range(count)

    async def visits(day: int, scale: int) -> int:
        return scale * day

    def listed(visits: Collect[int]) -> list[int]:
        return visits

    (tmp_path / "scale.json").write_text("10")
    made = async_driver.Builder().with_modules(module_from_functions(day, visits, listed))

    async def main():
        driver = await made.build()
        loading = from_.json(target="scale", path=str(tmp_path / "scale.json"))
        saving = to.json(id="saved", dependencies=["listed"], path=str(tmp_path / "out.json"))
        driver.validate_materialization(loading, saving, inputs={"count": 3})
        facts, values = await driver.materialize(loading, saving, additional_vars=["visits"], inputs={"count": 3})
        tabular = made.with_adapters(PandasDataFrameResult()).build_without_init()
        driver.validate_execution(["visits"], {"count": 1, "scale": 1})
        return facts, values, await tabular.execute(["day", "visits"], {"count": 2, "scale": 5})

    facts, values, frame = asyncio.run(main())
    assert json.loads((tmp_path / "out.json").read_text()) == [0, 10, 20]
    assert facts["saved"]["file_metadata"]["path"] == str(tmp_path / "out.json")
    assert values == {"visits": [0, 10, 20]}
    assert frame.to_dict("list") == {"day": [0, 1], "visits": [0, 5]}


def test_made_at_once():
    async def doubled(number: int) -> int:
        return 2 * number

    async def main():
        driver = await AsyncDriver({"number": 2}, module_from_functions(doubled)).ainit()
        other = AsyncDriver({"number": 3}, module_from_functions(doubled), result_builder=PandasDataFrameResult(), adapters=[])
        assert [variable.name for variable in driver.list_available_variables()] == ["doubled", "number"]
        driver.close()
        return await driver.execute([doubled]), (await other.execute(["doubled"]))["doubled"].tolist()

    assert asyncio.run(main()) == ({"doubled": 4}, [6])


# -- at the same time ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 7, 40])
def test_as_many_are_in_flight_as_may_be(workers):
    now, most, full = 0, 0, asyncio.Event()

    def number(count: int) -> Parallelizable[int]:
        return range(count)

    async def counted(number: int) -> int:
        nonlocal now, most
        now += 1
        most = max(most, now)
        if now == workers:
            full.set()
        await full.wait()  # nobody goes on before all of them are there
        now -= 1
        return number

    driver = awaiting(number, counted, workers=workers)
    assert asyncio.run(driver.execute(["counted"], {"count": 3 * workers})) == {"counted": list(range(3 * workers))}
    assert most == workers


def test_functions_that_do_not_depend_on_each_other_meet():
    left_is_there, right_is_there = asyncio.Event(), asyncio.Event()

    async def left() -> int:
        left_is_there.set()
        await right_is_there.wait()
        return 1

    async def right() -> int:
        right_is_there.set()
        await left_is_there.wait()
        return 2

    def both(left: int, right: int) -> int:
        return left + right

    assert asyncio.run(awaiting(left, right, both).execute(["both"])) == {"both": 3}


def test_what_is_no_coroutine_does_not_hold_up_the_loop():
    begun, turned = threading.Event(), threading.Event()

    def slow() -> bool:
        begun.set()
        return turned.wait(LONG)

    async def main():
        async def turn():
            await asyncio.to_thread(begun.wait, LONG)
            turned.set()

        found, _ = await asyncio.gather(awaiting(slow).execute(["slow"]), turn())
        return found

    assert asyncio.run(main()) == {"slow": True}


def test_many_requests_of_one_driver(flow):
    driver = async_driver.Builder().with_modules(flow(FLOW)).build()

    async def main():
        return await asyncio.gather(*(driver.execute(["report", "size"], {"folders": n}) for n in range(8)))

    assert asyncio.run(main()) == [expected(n) for n in range(8)]
    assert asyncio.run(main()) == [expected(n) for n in range(8)]  # on another loop
    driver.close()


def test_context_variables_are_those_of_the_caller():
    who: contextvars.ContextVar[str] = contextvars.ContextVar("who")

    def number() -> Parallelizable[int]:
        return range(2)

    async def awaited(number: int) -> str:
        return who.get()

    def called(number: int) -> str:
        return who.get()

    driver = awaiting(number, awaited, called)

    async def asks(name):
        who.set(name)
        return await driver.execute(["awaited", "called"])

    async def main():
        return await asyncio.gather(asks("ada"), asks("bob"))

    assert asyncio.run(main()) == [{"awaited": [name] * 2, "called": [name] * 2} for name in ("ada", "bob")]


# -- failures ------------------------------------------------------------------------------------------------------


def number(count: int) -> Parallelizable[int]:
    return range(count)


def test_a_failure_names_the_item_and_ends_the_others(placed):
    ended = []

    async def bad(number: int) -> int:
        if number == 2:
            raise ValueError("two")
        try:
            await asyncio.sleep(LONG if number > 2 else 0)
        finally:
            ended.append(number)
        return number

    with placed(Builder().with_modules(module_from_functions(number, bad))).build() as driver:
        with pytest.raises(ValueError, match="two") as caught:
            driver.execute(["bad"], {"count": 5})
    assert "item number[2]" in caught.value.__notes__[0]
    assert [entry.name for entry in caught.traceback][-1] == "bad"
    assert not [name for name in (entry.frame.f_globals["__name__"] for entry in caught.traceback[1:]) if name.endswith("awaiting")]


def test_policies_and_retries(placed):
    attempts = {}

    @retry(2, on=KeyError, delay=0)
    @on_error("skip")
    async def flaky(number: int) -> int:
        attempts[number] = attempts.get(number, 0) + 1
        await asyncio.sleep(0)
        if number % 2 and attempts[number] < 2:
            raise KeyError(number)
        if number == 4:
            raise ValueError(number)
        return number

    def listed(flaky: Collect[int]) -> list[int]:
        return flaky

    with placed(Builder().with_modules(module_from_functions(number, flaky, listed))).build() as driver:
        assert driver.execute(["listed"], {"count": 6}) == {"listed": [0, 1, 2, 3, 5]}
        with pytest.raises(ItemsFailed, match=r"ValueError in 'flaky': 4 \(item number\[4\]\)"):
            driver.execute(["listed"], {"count": 6}, on_error="finish", max_failures=0)


def test_a_limit_of_time_cancels_the_coroutine(placed, tmp_path):
    @on_error("skip")
    @timeout(0.5)
    async def slow(number: int) -> int:
        if number == 1:
            try:
                await asyncio.sleep(LONG)
            finally:
                (tmp_path / "ended").touch()
        return number

    with placed(Builder().with_modules(module_from_functions(number, slow))).build() as driver:
        run = driver.run(["slow"], {"count": 4})
    assert run.results == {"slow": [0, 2, 3]}
    (failure,) = run.failures
    assert isinstance(failure.exception, TimedOut)
    assert "'slow' took longer than its timeout of 0.5 s" in str(failure.exception)
    assert (tmp_path / "ended").exists()


def test_a_coroutine_that_holds_up_its_loop_costs_its_item_where_processes_can_be_killed():
    @on_error("skip")
    @timeout(1)
    async def stuck(number: int) -> int:
        if number == 1:
            time.sleep(LONG)  # noqa: ASYNC251  that is the point
        return number

    with Builder().with_modules(module_from_functions(number, stuck)).with_executor("processes", workers=2).build() as driver:
        run = driver.run(["stuck"], {"count": 4})
    assert run.results == {"stuck": [0, 2, 3]}
    assert [type(failure.exception) for failure in run.failures] == [TimedOut]


def test_what_exits_ends_no_loop():
    async def leaves() -> int:
        raise SystemExit(3)

    async def cancels_itself() -> int:
        asyncio.current_task().cancel()
        await asyncio.sleep(0)

    async def main():
        driver = awaiting(leaves, cancels_itself)
        with pytest.raises(RuntimeError, match="an asyncio task was cancelled in the function"):
            await driver.execute(["cancels_itself"])
        with pytest.raises(ForeignError, match="raised SystemExit"):
            await driver.execute(["leaves"])

    asyncio.run(main())


def test_a_stream_is_read_with_async_for():
    async def wrong(number: Stream[int]) -> int:
        return sum(number)

    with pytest.raises(FlowError, match="reads a Stream with 'async for'"):
        Driver({"count": 3}, module_from_functions(number, wrong)).execute(["wrong"])


def test_a_stream_whose_items_fail():
    async def bad(number: int) -> int:
        raise ValueError(number)

    async def read(bad: Stream[int]) -> list[int]:
        return [one async for one in bad]

    with pytest.raises(ValueError, match="[012]"):
        asyncio.run(awaiting(number, bad, read).execute(["read"], {"count": 3}))
    for n in range(2):
        assert Driver({"count": n}, module_from_functions(number, bad, read)).run(["read"], on_error="skip").results == {"read": []}


# -- cancellation --------------------------------------------------------------------------------------------------


def test_cancelling_ends_all_that_was_started():
    begun, ended, sources = asyncio.Semaphore(0), [], []

    async def source(count: int) -> Parallelizable[int]:
        try:
            for number in range(count):
                yield number
            await asyncio.sleep(LONG)
        finally:
            sources.append("closed")

    async def waits(source: int) -> int:
        begun.release()
        try:
            await asyncio.sleep(LONG)
        finally:
            for _ in range(3):
                await asyncio.sleep(0)  # cleaning up takes its time
            ended.append(source)

    async def main():
        task = asyncio.create_task(awaiting(source, waits).execute(["waits"], {"count": 5}))
        for _ in range(5):
            await begun.acquire()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert sorted(ended) == list(range(5))
        assert sources == ["closed"]
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_cancelling_waits_for_functions_in_threads():
    begun, goes_on, ended = threading.Event(), threading.Event(), []

    def stubborn() -> int:
        begun.set()
        goes_on.wait(LONG)
        ended.append("stubborn")
        return 1

    def never(stubborn: int) -> Parallelizable[int]:
        ended.append("never")
        return [1]

    async def main():
        task = asyncio.create_task(awaiting(stubborn, never).execute(["never"]))
        await asyncio.to_thread(begun.wait, LONG)
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
        task.cancel()  # once more changes nothing
        await asyncio.sleep(0)
        assert not task.done()
        goes_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended == ["stubborn"]

    asyncio.run(main())


@pytest.mark.parametrize("name", EXECUTORS)
def test_cancelling_where_the_driver_itself_waits(name):
    begun = threading.Event()

    async def waits() -> int:
        begun.set()
        await asyncio.sleep(LONG)

    async def main():
        builder = async_driver.Builder().with_modules(module_from_functions(waits))
        async with builder.with_executor(name, **EXECUTORS[name]).build() as driver:
            task = asyncio.create_task(driver.execute(["waits"]))
            await asyncio.to_thread(begun.wait, LONG)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())


def test_a_limit_of_the_caller():
    async def waits() -> int:
        await asyncio.sleep(LONG)

    async def main():
        async with asyncio.timeout(0.05):
            await awaiting(waits).execute(["waits"])

    with pytest.raises(TimeoutError):
        asyncio.run(main())


def test_one_of_a_group_fails():
    ended = []

    async def waits() -> int:
        try:
            await asyncio.sleep(LONG)
        finally:
            ended.append("waits")

    async def fails() -> int:
        raise ValueError("fails")

    driver = awaiting(waits, fails)

    async def main():
        async with asyncio.TaskGroup() as group:
            group.create_task(driver.execute(["waits"]))
            group.create_task(driver.execute(["fails"]))

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(main())
    assert [str(error) for error in caught.value.exceptions] == ["fails"]
    assert ended in ([], ["waits"])  # it may not have begun


def test_a_handle_cancels_coroutines_too(placed):
    begun, ended = threading.Event(), []

    async def waits(number: int) -> int:
        begun.set()
        try:
            await asyncio.sleep(LONG)
        finally:
            ended.append(number)

    with Builder().with_modules(module_from_functions(number, waits)).with_executor("asyncio").build() as driver:
        handle = driver.submit(["waits"], {"count": 3})
        begun.wait(LONG)
        handle.cancel()
        with pytest.raises(RunCancelled):
            handle.result(LONG)
    assert ended


def test_a_request_that_cannot_be():
    with pytest.raises(InputError, match="unknown output 'nothing'"):
        asyncio.run(awaiting(number).execute(["nothing"]))


# -- what goes along -----------------------------------------------------------------------------------------------


class Noted(NodeExecutionHook, NodeExecutionMethod, GraphExecutionHook):
    """Hooks that are coroutines; the method adds one to what functions give."""

    def __init__(self):
        self.said = []

    async def run_before_graph_execution(self, *, final_vars, **more):
        await asyncio.sleep(0)
        self.said.append(("begins", tuple(final_vars)))

    async def run_before_node_execution(self, *, node_name, node_kwargs, **more):
        await asyncio.sleep(0)
        self.said.append(("before", node_name, tuple(node_kwargs)))

    async def run_to_execute_node(self, *, node_name, node_callable, node_kwargs, **more):
        found = await node_callable(**node_kwargs)
        await asyncio.sleep(0)
        return found + 1 if isinstance(found, int) else found

    async def run_after_node_execution(self, *, node_name, result, success, **more):
        self.said.append(("after", node_name, success))

    async def run_after_graph_execution(self, *, results, **more):
        self.said.append(("ends", results))


def test_hooks_that_are_coroutines():
    async def awaited(given: int) -> int:
        await asyncio.sleep(0)
        return given + 1

    def called(awaited: int) -> int:
        return 10 * awaited

    noted = Noted()
    assert asyncio.run(awaiting(awaited, called, adapters=[noted]).execute(["called"], {"given": 1})) == {"called": 31}
    assert noted.said == [
        ("begins", ("called",)),
        ("before", "awaited", ("given",)),
        ("after", "awaited", True),
        ("before", "called", ("awaited",)),
        ("after", "called", True),
        ("ends", {"called": 31}),
    ]
    plain = Noted()
    driver = Builder().with_modules(module_from_functions(awaited, called)).with_adapters(plain, Noted()).build()
    assert driver.execute(["called"], {"given": 1}) == {"called": 42}
    assert [said[0] for said in plain.said] == ["begins", "before", "after", "before", "after", "ends"]


def test_decorators_of_others_on_either_side():
    def called(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return function(*args, **kwargs)

        return wrapper

    def awaited(function):
        @functools.wraps(function)
        async def wrapper(*args, **kwargs):
            found = function(*args, **kwargs)
            return await found if inspect.isawaitable(found) else found

        return wrapper

    @called
    async def items(count: int) -> Parallelizable[int]:
        for one in range(count):
            yield one

    @called
    @awaited
    async def inner(items: int) -> int:
        return items + 1

    @awaited
    @called
    def outer(inner: int) -> int:
        return inner * 10

    found = Driver({"count": 3}, module_from_functions(items, inner, outer)).execute(["outer"])
    assert found == {"outer": [10, 20, 30]}


def test_skip_in_a_coroutine():
    async def odd(number: int) -> int:
        if number % 2 == 0:
            raise Skip
        return number

    assert asyncio.run(awaiting(number, odd).execute(["odd"], {"count": 5})) == {"odd": [1, 3]}


@associative
async def total(number: Collect[int]) -> int:
    await asyncio.sleep(0)
    return sum(number)


def test_an_associative_coroutine_travels(placed):
    with placed(Builder().with_modules(module_from_functions(number, total))).build() as driver:
        assert driver.execute([total], {"count": 100}) == {"total": 4950}
        assert driver.lineage["total"].functions == (total,)


LASTING = """
import asyncio

async def number(count: int) -> Parallelizable[int]:
    for one in range(count):
        await asyncio.sleep(0)
        yield one

async def square(number: int, log: str) -> int:
    with open(log, "a") as file:
        print(number, file=file)
    await asyncio.sleep(0)
    return number * number

async def total(square: Collect[int]) -> int:
    return sum(square)
"""


def test_results_are_found_and_runs_go_on(flow, tmp_path):
    log, module = tmp_path / "log", flow(LASTING)
    given = {"count": 6, "log": str(log)}

    async def main(name):
        builder = async_driver.Builder().with_modules(module).with_cache(tmp_path / "cache", ignore=["log"])
        async with builder.with_runs(tmp_path / "runs").with_executor(name, **EXECUTORS[name]).build() as driver:
            found = await driver.execute(["total"], given)
            again = await driver.execute(["total"], {**given, "count": 8})
            run = await driver.run(["total"], given, run_id=f"run-{name}")
            resumed = await driver.run(["total"], given, resume=f"run-{name}")
            return found["total"], again["total"], run.results["total"], resumed.results["total"]

    for name in EXECUTORS:
        assert asyncio.run(main(name)) == (55, 140, 55, 55)
    assert sorted(map(int, log.read_text().split())) == list(range(8))  # each once, whatever the executor
