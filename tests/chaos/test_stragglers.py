"""Second copies of items that take too long, on real executors."""

from __future__ import annotations

import time

import pytest

from anabranch import Builder, Collect, Parallelizable, module_from_functions, pure
from anabranch.testing import Chaos
from anabranch_executors.processes import ProcessExecutor

pytestmark = pytest.mark.timeout(120)


def item(n: int) -> Parallelizable[int]:
    yield from range(n)


@pure
def square(item: int) -> int:
    time.sleep(0.02)
    return item * item


def rows(square: Collect[int]) -> list[int]:
    return square


FLOW = module_from_functions(item, square, rows)


@pytest.fixture(params=["processes", pytest.param("ray", marks=pytest.mark.slow)])
def executor(request):
    if request.param == "processes":
        executor = ProcessExecutor(workers=2)
    else:
        pytest.importorskip("ray")
        from anabranch_executors.ray import RayExecutor

        executor = RayExecutor(workers=2)
    yield executor
    executor.close()


@pytest.mark.filterwarnings("ignore::ResourceWarning:ray", "ignore:.*accelerator visible devices.*:FutureWarning")
def test_an_item_that_hangs_the_first_time_is_overtaken_by_its_copy(executor, tmp_path):
    with Chaos(tmp_path, {("square", (17,)): ["hang"]}) as chaos:
        with chaos.build(Builder().with_modules(FLOW).with_executor(executor)) as driver:
            found = driver.run(["rows"], {"n": 20})
        assert found.results == {"rows": [x * x for x in range(20)]}
        assert not found.failures
        assert found.report.copies_won >= 1
        assert chaos.attempts()["square", (17,)] == 2
