"""Results are found whether or not adapters look on, and hooks hear only of functions that are really called."""

from __future__ import annotations

import pytest

from anabranch import Builder, Collect, Parallelizable, module_from_functions
from anabranch.lifecycle import NodeExecutionHook, WorkerReport


class Told(NodeExecutionHook, WorkerReport):
    def __init__(self):
        self.names = []

    def run_after_node_execution(self, *, node_name, **about):
        self.report(node_name)

    def run_after_report(self, *, facts, **about):
        self.names.append(facts)


def base(n: int) -> int:
    return n + 1


def item(base: int) -> Parallelizable[int]:
    yield from range(base)


def square(item: int) -> int:
    return item * item


def total(square: Collect[int]) -> int:
    return sum(square)


@pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
def test_hooks_and_a_cache(tmp_path, executor):
    told = Told()
    module = module_from_functions(base, item, square, total)
    builder = Builder().with_modules(module).with_cache(tmp_path).with_adapters(told)
    options = {} if executor == "sequential" else {"workers": 2}
    with builder.with_executor(executor, **options).build() as driver:
        assert driver.execute(["total"], {"n": 3}) == {"total": 14}
        assert sorted(told.names) == ["base", "item", "square", "square", "square", "square", "total"]
        told.names.clear()
        assert driver.execute(["total"], {"n": 3}) == {"total": 14}
        assert told.names == ["item"]
        told.names.clear()
        assert driver.execute(["total"], {"n": 4}) == {"total": 30}
        assert sorted(told.names) == ["base", "item", "square", "total"]
