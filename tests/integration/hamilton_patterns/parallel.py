"""A fan-out over a list that is known only at run time, on each executor, with any grouping."""

import sys
from typing import List

from hamilton import driver
from hamilton.execution.executors import MultiProcessingExecutor, MultiThreadingExecutor, SynchronousLocalTaskExecutor
from hamilton.execution.grouping import GroupByRepeatableBlocks
from hamilton.htypes import Collect, Parallelizable


def urls(count: int) -> List[str]:
    return [f"https://example.org/{'x' * number}" for number in range(count)]


def url(urls: List[str]) -> Parallelizable[str]:
    yield from urls


def page(url: str) -> str:
    return url.upper()


def length(page: str, offset: int) -> int:
    return len(page) + offset


def total(length: Collect[int]) -> int:
    return sum(length)


def average(total: int, urls: List[str]) -> float:
    return total / len(urls)


def _run(folder: str) -> dict:
    found = {}
    executors = {"same": SynchronousLocalTaskExecutor(), "threads": MultiThreadingExecutor(2), "processes": MultiProcessingExecutor(2)}
    for name, executor in executors.items():
        dr = (
            driver.Builder()
            .with_modules(sys.modules[__name__])
            .enable_dynamic_execution(allow_experimental_mode=True)
            .with_grouping_strategy(GroupByRepeatableBlocks())
            .with_local_executor(SynchronousLocalTaskExecutor())
            .with_remote_executor(executor)
            .build()
        )
        found[name] = dr.execute(["total", "average"], inputs={"count": 12, "offset": 1})
        found[f"{name} overridden"] = dr.execute(["average"], overrides={"total": 5}, inputs={"count": 2})
    return found
