"""The contract, passed by all five executors, by pools of `concurrent.futures`, and by a stranger's executor."""

from __future__ import annotations

import importlib.metadata
import multiprocessing
from concurrent.futures import Executor as Pool
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from importlib.metadata import EntryPoint

import pytest
from stranger import StrangeExecutor

from anabranch import Builder, module_from_functions, registry
from anabranch.testing import ExecutorContract
from anabranch_executors.coroutines import AsyncioExecutor
from anabranch_executors.futures import FuturesExecutor
from anabranch_executors.processes import ProcessExecutor
from anabranch_executors.sequential import SequentialExecutor
from anabranch_executors.threads import ThreadExecutor


class TestSequential(ExecutorContract):
    def make_executor(self):
        return SequentialExecutor()


class TestThreads(ExecutorContract):
    def make_executor(self):
        return ThreadExecutor(workers=3)


class TestAsyncio(ExecutorContract):
    def make_executor(self):
        return AsyncioExecutor(workers=3)


class TestForkserverProcesses(ExecutorContract):
    def make_executor(self):
        return ProcessExecutor(workers=2, start_method="forkserver")


class TestSpawnedProcesses(ExecutorContract):
    def make_executor(self):
        return ProcessExecutor(workers=2, start_method="spawn")


class TestForkedProcesses(ExecutorContract):
    def make_executor(self):
        return ProcessExecutor(workers=2, start_method="fork")


@pytest.mark.filterwarnings("ignore::ResourceWarning:ray", "ignore:.*accelerator visible devices.*:FutureWarning")
class TestRay(ExecutorContract):
    def make_executor(self):
        pytest.importorskip("ray")
        from anabranch_executors.ray import RayExecutor

        return RayExecutor(workers=2)


class TestDask(ExecutorContract):
    known_threads = ("Dask-", "asyncio_", "Profile")

    def make_executor(self):
        pytest.importorskip("distributed")
        from anabranch_executors.dask import DaskExecutor

        return DaskExecutor(workers=2)


class PoolContract(ExecutorContract):
    """The pools are opened here, so they are closed here."""

    owns_workers = False

    def make_pool(self) -> Pool:
        raise NotImplementedError

    def make_executor(self):
        self.pools().append(self.make_pool())
        return FuturesExecutor(self.pools()[-1])

    @classmethod
    def pools(cls) -> list[Pool]:
        if "opened" not in vars(cls):
            cls.opened = []
        return cls.opened

    @classmethod
    def teardown_class(cls):
        super().teardown_class()
        while cls.pools():
            cls.pools().pop().shutdown()
        left = cls._before.left_behind()
        assert not left, left


class TestThreadPool(PoolContract):
    def make_pool(self):
        return ThreadPoolExecutor(2)


class TestProcessPool(PoolContract):
    def make_pool(self):
        return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("forkserver"))


class TestLoky(PoolContract):
    def make_pool(self):
        return pytest.importorskip("loky").ProcessPoolExecutor(2)


class TestStranger(ExecutorContract):
    def make_executor(self):
        return StrangeExecutor(workers=2)


def double(x: int) -> int:
    return 2 * x


def test_a_strangers_executor_is_known_by_its_entry_point(monkeypatch):
    point = EntryPoint("strange", "stranger:StrangeExecutor", registry.GROUP)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [point] if group == registry.GROUP else [])
    registry._points.cache_clear()
    try:
        with Builder().with_modules(module_from_functions(double)).with_executor("strange", workers=1).build() as driver:
            assert driver.execute(["double"], {"x": 4}) == {"double": 8}
        assert [(known.name, known.missing) for known in registry.known_executors()] == [("strange", "")]
    finally:
        registry._points.cache_clear()


def test_a_strangers_executor_is_taken_as_an_object_and_not_closed():
    executor = StrangeExecutor(workers=1)
    with Builder().with_modules(module_from_functions(double)).with_executor(executor).build() as driver:
        assert driver.execute(["double"], {"x": 4}) == {"double": 8}
    assert executor.closed == 0
