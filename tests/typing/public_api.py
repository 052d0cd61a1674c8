"""What a type checker sees of the public API; `test_typing.py` has mypy read this file, and then runs it.

An `assert_type` that does not hold is an error, and so, under `--strict`, is a `type: ignore` that is not needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any, assert_type

from anabranch import (
    AsyncParallelizable,
    AsyncStream,
    Builder,
    Collect,
    Driver,
    Failure,
    InputError,
    Parallelizable,
    PerItem,
    RunResult,
    Skip,
    Stream,
    Variable,
    associative,
    async_driver,
    cross,
    module_from_functions,
    zipped,
)
from anabranch.async_driver import AsyncDriver
from anabranch.events import Event, SpanFinished
from anabranch.function_modifiers import (
    apply_to,
    check_output,
    config,
    extract_fields,
    group,
    inject,
    mutate,
    parameterize,
    pipe_input,
    pipe_output,
    save_to,
    source,
    step,
    subdag,
    tag,
    value,
)
from anabranch.io import from_, to
from anabranch.report import Report, TaskReport
from anabranch.results import DictResult

# -- inside a flow -------------------------------------------------------------------------------------------------


def number(limit: int) -> Parallelizable[int]:
    yield from range(limit)


def listed(limit: int) -> Parallelizable[int]:
    return [limit]


def lazily(limit: int) -> Parallelizable[int]:
    return (n for n in range(limit))


def wrong_items(limit: int) -> Parallelizable[str]:
    return [limit]  # type: ignore[list-item]


def no_items(limit: int) -> Parallelizable[int]:
    return limit  # type: ignore[return-value]


def square(number: int) -> int:
    if number < 0:
        raise Skip
    return number * number


def total(square: Collect[int]) -> int:
    assert_type(square, list[int])
    square.append(1)
    return sum(square[:-1])


def nested(square: Collect[Collect[int]]) -> list[int]:
    assert_type(square, list[list[int]])
    return [sum(row) for row in square]


def running(square: Stream[int]) -> int:
    assert_type(square, Iterator[int])
    return next(square)


def rows(square: Stream[Collect[int]]) -> int:
    assert_type(next(square), list[int])
    return 0


# -- decorators keep the signature -------------------------------------------------------------------------------


@cross
def both(number: int, listed: str) -> float:
    return number + len(listed)


@zipped
def pair(number: int, listed: int) -> tuple[int, int]:
    return number, listed


@associative
def summed(square: Collect[int]) -> int:
    return sum(square)


def _more(amount: int, by: int) -> int:
    return amount + by


@tag(owner="data")
@parameterize(doubled={"by": value(2)}, scaled=({"by": source("limit")}, "By the limit."))
def times(limit: int, by: int) -> int:
    return limit * by


@extract_fields({"low": int, "high": int})
@inject(both=group(source("doubled"), value(3)))
def bounds(both: list[int]) -> dict[str, int]:
    return {"low": min(both), "high": max(both)}


@check_output(range=(0, 10))
@pipe_output(step(_more, by=value(1)).named("raised"))
@pipe_input(step(_more, by=source("limit")))
def piped(limit: int) -> str:
    return str(limit)


@mutate(apply_to(piped, by=2).when(mode="a"))
def _more_text(text: str, by: int) -> str:
    return text * by


@save_to.json(path="x.json", output_name_="saved")
@subdag(times, inputs={"limit": source("limit")}, external_inputs=["limit"])
def inner_flow(doubled: int, limit: int) -> dict[str, int]:
    return {"doubled": doubled, "limit": limit}


assert_type(piped(1), str)
assert_type(_more_text("a", 2), str)
assert_type(inner_flow(1, 2), dict[str, int])
assert_type(times(3, by=2), int)
assert_type(bounds([1, 2]), dict[str, int])

@tag(owner="data", personal=False)
@config.when(region="eu")
def price__eu(rate: float) -> float:
    return rate


assert_type(both(1, "x"), float)
assert_type(pair(1, 2), tuple[int, int])
assert_type(summed([1, 2]), int)
assert_type(price__eu(1.0), float)
assert_type(total([1]), int)
assert_type(number(3), Iterable[int])


def _misuse() -> None:
    both("x", "y")  # type: ignore[arg-type]
    summed(["x"])  # type: ignore[list-item]
    price__eu()  # type: ignore[call-arg]
    cross(3)  # type: ignore[type-var]
    inject(both=3)  # type: ignore[arg-type]
    pipe_input(_more)  # type: ignore[arg-type]
    piped("x")  # type: ignore[arg-type]
    bounds(3)  # type: ignore[arg-type]
    extract_fields({})(3)  # type: ignore[type-var]


# -- builder and driver ------------------------------------------------------------------------------------------

module = module_from_functions(number, square, total, name="squares")
assert_type(module, ModuleType)


def observe(event: Event) -> None:
    if isinstance(event, SpanFinished):
        assert_type(event.lo, int)
        assert_type(event.seconds, float)


builder = Builder().with_modules(module).with_config({"region": "eu"}).with_adapters(observe)
assert_type(builder, Builder)
assert_type(builder.with_executor("processes", workers=8), Builder)
assert_type(builder.with_executor(ThreadPoolExecutor(1)), Builder)
assert_type(builder.copy(), Builder)
assert_type(builder.allow_module_overrides(), Builder)

driver = builder.build()
assert_type(driver, Driver)
assert_type(driver.execute(["total"], inputs={"limit": 3}), Any)  # a dict, or what a result builder makes
assert_type(driver.execute(("total", square), {"limit": 3}, overrides={"square": PerItem([1, 2])}), Any)
assert_type(Driver({"region": "eu"}, module, adapter=observe), Driver)
assert_type(builder.with_adapters(DictResult()).with_materializers(from_.json(target="limit", path="a.json")), Builder)
assert_type(driver.materialize(to.memory(id="kept", dependencies=["total"]), inputs={"limit": 3}), tuple[dict[str, Any], Any])

result = driver.run(["total"], {"limit": 3})
assert_type(result, RunResult)
assert_type(result.results, dict[str, Any])
assert_type(result.failures, tuple[Failure, ...])
assert_type(result.run_id, str)
assert_type(result.report, Report)
assert_type(result.report.tasks, dict[str, TaskReport])
assert_type(result.report.widths, dict[str, int])

variables = driver.list_available_variables()
assert_type(variables, list[Variable])
assert_type(variables[0].name, str)
assert_type(variables[0].axes, tuple[str, ...])
assert_type(variables[0].tags, Mapping[str, Any])
assert_type(driver.what_is_upstream_of("total"), list[Variable])
assert_type(driver.what_is_downstream_of("number", "square"), list[Variable])
assert_type(driver.what_is_the_path_between("number", "total"), list[Variable])
assert_type(driver.has_cycles(), bool)
driver.validate_execution(["total"], {"limit": 3})

with builder.build() as entered:
    assert_type(entered, Driver)

assert_type(PerItem([1, 2]), PerItem[int])


def _misuse_of_the_driver(failure: Failure) -> None:
    builder.with_modules("squares")  # type: ignore[arg-type]
    builder.with_adapters(3)  # type: ignore[arg-type]
    builder.with_config(["region"])  # type: ignore[arg-type]
    driver.execute([3])  # type: ignore[list-item]
    driver.execute(["total"], ["limit"])  # type: ignore[arg-type]
    driver.graph.nodes["x"] = None  # type: ignore[index]
    builder.modules = ()  # type: ignore[misc]
    result.run_id = "x"  # type: ignore[misc]
    assert_type(failure.exception, BaseException)
    assert_type(failure.item, tuple[int, ...])


def _errors_are_exceptions(error: InputError) -> Callable[..., Any]:
    raise error


async def awaited_item(limit: int) -> AsyncParallelizable[int]:
    yield limit


async def read(awaited_item: AsyncStream[int]) -> int:
    return sum([one async for one in awaited_item])


async def awaited() -> None:
    driver = async_driver.Builder().with_modules(module_from_functions(awaited_item, read)).with_config({}).with_executor("asyncio", workers=3).build()
    assert_type(driver, AsyncDriver)
    assert_type(await driver, AsyncDriver)
    assert_type(await driver.run(["read"], inputs={"limit": 3}), RunResult)
    async for one in awaited_item(3):
        assert_type(one, int)
