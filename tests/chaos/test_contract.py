"""The contract about faults, on every executor.

The storms on clusters take long and are marked slow::

    python -m pytest tests/chaos -m "slow or not slow"
"""

from __future__ import annotations

import pytest

from anabranch.testing import FaultContract
from anabranch_executors.processes import ProcessExecutor
from anabranch_executors.sequential import SequentialExecutor
from anabranch_executors.threads import ThreadExecutor

pytestmark = pytest.mark.timeout(300)


def slow(test):
    """The same test of another class, marked: a mark on the contract's own would hold for all."""

    @pytest.mark.slow
    @pytest.mark.timeout(900)
    def marked(self, tmp_path, record_property):
        test(self, tmp_path, record_property)

    return marked


class TestSequential(FaultContract):
    def make_executor(self):
        return SequentialExecutor()


class TestThreads(FaultContract):
    def make_executor(self):
        return ThreadExecutor(workers=3)


class TestProcesses(FaultContract):
    storm = (20_000, 0.0002, 0.1)

    def make_executor(self):
        return ProcessExecutor(workers=3)


@pytest.mark.filterwarnings("ignore::ResourceWarning:ray", "ignore:.*accelerator visible devices.*:FutureWarning")
class TestRay(FaultContract):
    storm = (20_000, 0.001, 1.0)
    test_workers_killed_at_random_cost_nothing_but_time = slow(FaultContract.test_workers_killed_at_random_cost_nothing_but_time)

    def make_executor(self):
        pytest.importorskip("ray")
        from anabranch_executors.ray import RayExecutor

        return RayExecutor(workers=2)


class TestDask(FaultContract):
    storm = (20_000, 0.001, 1.0)
    ends_what_is_stuck = False
    known_threads = ("Dask-", "asyncio_", "Profile")
    test_workers_killed_at_random_cost_nothing_but_time = slow(FaultContract.test_workers_killed_at_random_cost_nothing_but_time)

    def make_executor(self):
        pytest.importorskip("distributed")
        from anabranch_executors.dask import DaskExecutor

        return DaskExecutor(workers=2)

    def make_broken_executor(self):
        from anabranch_executors.dask import DaskExecutor

        return DaskExecutor(workers=1, preload=["no_such_module_as_this"])
